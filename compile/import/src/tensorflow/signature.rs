//! What a model takes and makes: what a signature says, or the ends of the graph.

use super::call::Flow;
use super::graph::{Model, Named, values};
use super::proto::{MetaGraphDef, NodeDef, TensorShapeProto};
use super::walk::{Frame, Walk};
use super::{refusal, tensors};
use crate::Options;
use crate::build::{Operand, open_size};
use crate::error::{ImportError, Reason, Refusal};
use std::collections::HashSet;
use tensor::{DType, Dim};

/// The signature that a server answers by when a request names none.
const DEFAULT: &str = "serving_default";

/// An input or output.
struct Port {
    /// What callers call it.
    name: String,
    /// What the graph calls it.
    value: String,
    /// Type and shape, where the model says them.
    dtype: i32,
    shape: Option<TensorShapeProto>,
}

/// What a model takes and makes.
pub(super) struct Ports {
    /// The signature that says so, where there is one.
    pub(super) signature: Option<String>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// What a model takes and makes, by the signature that is asked for or usual; of a graph without
/// one, by its ends.
pub(super) fn ports(
    meta: &MetaGraphDef,
    model: &Model<'_>,
    options: &Options,
) -> Result<Ports, ImportError> {
    let named: Vec<&String> =
        meta.signature_def.keys().filter(|name| !name.starts_with("__")).collect();
    let chosen = match &options.signature {
        Some(asked) => Some(meta.signature_def.get_key_value(asked).ok_or_else(|| {
            let there = match named.is_empty() {
                true => "the model has none".to_string(),
                false => format!("found {}", names(named.iter().map(|name| name.as_str()))),
            };
            refused(asked, format!("expected a signature of the model, {there}"))
        })?),
        None => {
            let usual = meta.signature_def.get_key_value(DEFAULT);
            usual.or_else(|| meta.signature_def.get_key_value(*named.first()?))
        }
    };
    let mut ports = match chosen {
        Some((name, signature)) => {
            let side = |ports: &std::collections::BTreeMap<String, super::proto::TensorInfo>| {
                let port = |(name, info): (&String, &super::proto::TensorInfo)| Port {
                    name: name.clone(),
                    value: info.name.clone(),
                    dtype: info.dtype,
                    shape: info.tensor_shape.clone(),
                };
                ports.iter().map(port).collect()
            };
            let (inputs, outputs) = (side(&signature.inputs), side(&signature.outputs));
            Ports { signature: Some(name.clone()), inputs, outputs }
        }
        None => ends(meta, model),
    };
    choose(&mut ports, model, options)?;
    Ok(ports)
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn refused(name: &str, text: String) -> ImportError {
    ImportError::Unsupported(vec![of_port("model", name, Reason::Signature(text))])
}

fn of_port(what: &str, name: &str, reason: Reason) -> Refusal {
    refusal::of_part(what, name, reason)
}

/// Keeps the outputs that are asked for: those of the signature, or values of the graph.
fn choose(ports: &mut Ports, model: &Model<'_>, options: &Options) -> Result<(), ImportError> {
    if options.outputs.is_empty() {
        return Ok(());
    }
    let mut chosen = Vec::with_capacity(options.outputs.len());
    for asked in &options.outputs {
        let own = ports.outputs.iter().find(|port| port.name == *asked);
        let value = match own {
            Some(port) => port.value.clone(),
            None if model.main.named(asked).is_some() => asked.clone(),
            None => {
                let there = names(ports.outputs.iter().map(|port| port.name.as_str()));
                let text =
                    format!("expected an output or a node of the graph; outputs are {there}");
                return Err(refused(asked, text));
            }
        };
        chosen.push(Port { name: asked.clone(), value, dtype: 0, shape: None });
    }
    ports.outputs = chosen;
    Ok(())
}

/// Operators whose nodes are no outputs though nothing takes what they make.
const NO_ENDS: [&str; 8] = [
    "Assert",
    "Const",
    "NoOp",
    "Placeholder",
    "PlaceholderWithDefault",
    "SaveV2",
    "RestoreV2",
    "MergeSummary",
];

/// The ends of a graph: placeholders, and what nothing takes.
fn ends(meta: &MetaGraphDef, model: &Model<'_>) -> Ports {
    let nodes = model.main.nodes;
    let taken: HashSet<usize> = nodes
        .iter()
        .flat_map(values)
        .filter_map(|name| match model.main.named(name) {
            Some(Named::Output { node, .. }) => Some(node),
            Some(Named::Argument(_)) | None => None,
        })
        .collect();
    let version = meta.graph_def.as_ref().and_then(|graph| graph.versions.as_ref());
    let is_old = version.is_none_or(|version| version.producer < SCALARS_SINCE);
    let inputs = nodes.iter().filter(|node| is_input(model, node)).map(|node| {
        let shape = shape(node).filter(|shape| !(is_old && shape.dim.is_empty()));
        let dtype = node.attr.get("dtype").and_then(|value| value.r#type).unwrap_or(0);
        Port { name: node.name.clone(), value: node.name.clone(), dtype, shape }
    });
    let is_end = |(at, node): &(usize, &NodeDef)| {
        !taken.contains(at) && !NO_ENDS.contains(&node.op.as_str())
    };
    let outputs = nodes.iter().enumerate().filter(is_end).map(|(_, node)| Port {
        name: node.name.clone(),
        value: node.name.clone(),
        dtype: 0,
        shape: None,
    });
    Ports { signature: None, inputs: inputs.collect(), outputs: outputs.collect() }
}

/// The version of graphs since which a shape without sizes is that of one number: before, it was
/// one that is not known.
const SCALARS_SINCE: i32 = 24;

/// Is a node what callers give? One with a default that is computed is a place in the middle of the
/// graph, and a single number with a default a switch.
fn is_input(model: &Model<'_>, node: &NodeDef) -> bool {
    let default = || values(node).next().and_then(|name| model.main.maker(name));
    let is_constant = || default().is_some_and(|node| node.op == "Const");
    let has_axes = || shape(node).is_some_and(|shape| !shape.dim.is_empty());
    node.op == "Placeholder" || node.op == "PlaceholderWithDefault" && has_axes() && is_constant()
}

/// The shape that a placeholder says it has.
fn shape(node: &NodeDef) -> Option<TensorShapeProto> {
    let is_known = |shape: &&TensorShapeProto| !shape.unknown_rank;
    let own = node.attr.get("shape").and_then(|value| value.shape.as_ref()).filter(is_known);
    let inferred = node.attr.get("_output_shapes").and_then(|value| value.list.as_ref());
    let inferred = inferred.and_then(|list| list.shape.first()).filter(is_known);
    match (own, inferred) {
        (Some(own), Some(inferred)) if own.dim.is_empty() => Some(inferred.clone()),
        (own, inferred) => own.or(inferred).cloned(),
    }
}

/// Type and shape of an input. Each size that is open gets a name.
fn fact(port: &Port, options: &Options) -> Result<(DType, Vec<Dim>), String> {
    let dtype = tensors::element_type(port.dtype)
        .map_err(|name| format!("its elements are of type {name}"))?;
    let shape = port.shape.as_ref().filter(|shape| !shape.unknown_rank);
    let shape = shape.ok_or("its rank is not known")?;
    let size = |(axis, dim): (usize, &super::proto::DimProto)| {
        if dim.size >= 0 {
            return Dim::from(dim.size);
        }
        open_size(&port.name, axis, options)
    };
    Ok((dtype, shape.dim.iter().enumerate().map(size).collect()))
}

/// Imports what the outputs need. Gives how many inputs the graph has.
pub(super) fn import<'a>(ports: &Ports, options: &Options, walk: &mut Walk<'a>) -> usize {
    let scope = &walk.model.main;
    let mut frame = Frame::of(scope);
    let needed = needed(ports, walk.model);
    for port in &ports.inputs {
        let named = scope.named(&port.value);
        let Some(Named::Output { node, index: 0, .. }) = named else {
            let reason = Reason::Undefined(port.value.clone());
            walk.refusals.push(of_port("input", &port.name, reason));
            continue;
        };
        // Of a graph without a signature, what no output needs is none.
        if ports.signature.is_none() && !needed.contains(&node) {
            continue;
        }
        match fact(port, options) {
            Ok((dtype, shape)) => {
                let id = walk.build.graph.input(&port.name, dtype, shape);
                frame.define(node, Some(vec![Flow::Tensor(Operand::Value(id))]));
            }
            Err(found) => {
                walk.refusals.push(of_port("input", &port.name, Reason::Signature(found)));
                frame.define(node, None);
            }
        }
    }
    let inputs = walk.build.graph.inputs.len();
    for port in &ports.outputs {
        let made = walk.value(&mut frame, &port.value);
        walk.build.node.clone_from(&port.name);
        let made = made.and_then(|flow| match flow {
            None => Ok(()),
            Some(Flow::Tensor(operand)) => {
                let id = walk.build.materialize(&operand)?;
                walk.build.graph.output(&port.name, id);
                Ok(())
            }
            Some(other) => Err(Reason::Signature(format!("is {}", other.kind()))),
        });
        if let Err(reason) = made {
            walk.refusals.push(of_port("output", &port.name, reason));
        }
    }
    if ports.outputs.is_empty() {
        let reason = Reason::Signature("has no outputs".to_string());
        walk.refusals.push(of_port("model", "graph", reason));
    }
    inputs
}

/// The nodes that the outputs need.
fn needed(ports: &Ports, model: &Model<'_>) -> HashSet<usize> {
    let node = |name: &str| match model.main.named(name) {
        Some(Named::Output { node, .. }) => Some(node),
        Some(Named::Argument(_)) | None => None,
    };
    let mut found: HashSet<usize> = HashSet::new();
    let mut rest: Vec<usize> = ports.outputs.iter().filter_map(|port| node(&port.value)).collect();
    while let Some(at) = rest.pop() {
        if found.insert(at) {
            rest.extend(values(&model.main.nodes[at]).filter_map(node));
        }
    }
    found
}
