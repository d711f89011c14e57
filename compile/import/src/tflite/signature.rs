//! What a model takes and makes: its inputs and outputs, by the names that a signature gives them.

use super::model::{Graph, Model, Value};
use super::refusal;
use super::walk::Walk;
use crate::build::{Operand, open_size};
use crate::error::{ImportError, Reason};
use crate::{Options, tflite};
use std::collections::HashSet;
use tensor::Dim;

/// The signature that is called when a request names none.
const DEFAULT: &str = "serving_default";

/// An input or output.
struct Port {
    /// What callers call it.
    name: String,
    /// Which value of the graph it is.
    place: i64,
}

/// What a model takes and makes.
pub(super) struct Ports {
    /// The signature that says so, where there is one.
    pub(super) signature: Option<String>,
    /// The graph that is called.
    pub(super) graph: usize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// What a model takes and makes, by the signature that is asked for or usual.
pub(super) fn ports(model: &Model<'_>, options: &Options) -> Result<Ports, ImportError> {
    let named = |name: &str| model.signatures.iter().find(|signature| signature.name == name);
    let signature = match &options.signature {
        Some(asked) => Some(named(asked).ok_or_else(|| {
            let there = names(model.signatures.iter().map(|signature| signature.name.as_str()));
            refused(asked, format!("expected a signature of the model, found {there}"))
        })?),
        None => named(DEFAULT).or_else(|| model.signatures.first()),
    };
    let at = signature.map_or(0, |signature| signature.graph);
    let graph = model.graphs.get(at).ok_or_else(|| tflite::damaged("it holds no graph"))?;
    let entries = |of: fn(&super::model::Signature) -> &Vec<(String, usize)>| {
        signature.map_or(&[][..], |signature| of(signature).as_slice())
    };
    let mut ports = Ports {
        signature: signature.map(|signature| signature.name.clone()),
        graph: at,
        inputs: side(graph, &graph.inputs, entries(|signature| &signature.inputs)),
        outputs: side(graph, &graph.outputs, entries(|signature| &signature.outputs)),
    };
    choose(&mut ports, graph, options)?;
    Ok(ports)
}

/// The ports of one side in the order of the graph, each with a name of its own.
fn side(graph: &Graph<'_>, places: &[i64], entries: &[(String, usize)]) -> Vec<Port> {
    let mut used: HashSet<String> = HashSet::new();
    let mut ports = Vec::with_capacity(places.len());
    for &place in places {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        let mut given = entries.iter().filter(|(_, index)| *index == at).map(|(name, _)| name);
        let own = || graph.values.get(at).map_or_else(String::new, |value| value.name.clone());
        let mut name = given.find(|name| !used.contains(*name)).cloned().unwrap_or_else(own);
        while !used.insert(name.clone()) {
            name.push('_');
        }
        ports.push(Port { name, place });
    }
    ports
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

fn refused(name: &str, text: String) -> ImportError {
    ImportError::Unsupported(vec![refusal::of_part("model", name, Reason::Signature(text))])
}

/// Keeps the outputs that are asked for: those of the model, or values of the graph.
fn choose(ports: &mut Ports, graph: &Graph<'_>, options: &Options) -> Result<(), ImportError> {
    if options.outputs.is_empty() {
        return Ok(());
    }
    let mut chosen = Vec::with_capacity(options.outputs.len());
    for asked in &options.outputs {
        let own = ports.outputs.iter().find(|port| port.name == *asked).map(|port| port.place);
        let value = || graph.values.iter().position(|value| value.name == *asked);
        let place = own.or_else(|| i64::try_from(value()?).ok());
        let place = place.ok_or_else(|| {
            let there = names(ports.outputs.iter().map(|port| port.name.as_str()));
            let text = format!("expected an output or a value of the graph; outputs are {there}");
            refused(asked, text)
        })?;
        chosen.push(Port { name: asked.clone(), place });
    }
    ports.outputs = chosen;
    Ok(())
}

/// Gives the graph an input for each of the model.
pub(super) fn inputs(ports: &Ports, options: &Options, walk: &mut Walk<'_, '_>) {
    for port in &ports.inputs {
        let Some((at, value)) = walk.value(port.place) else {
            walk.refuse_port("input", &port.name, Reason::Undefined(port.place.to_string()));
            continue;
        };
        match value.dtype() {
            Ok(dtype) => {
                let shape = shape(&port.name, value, options);
                let id = walk.nodes.build().graph.input(&port.name, dtype, shape);
                walk.define(at, Operand::Value(id));
            }
            Err(reason) => {
                walk.refuse_port("input", &port.name, reason);
                walk.forget(at);
            }
        }
    }
    walk.note_inputs();
}

/// The sizes of an input. Each that is open gets a name.
fn shape(name: &str, value: &Value<'_>, options: &Options) -> Vec<Dim> {
    let sizes = value.shape.iter().enumerate();
    let sizes = sizes.map(|(axis, &size)| match size {
        0.. => Dim::from(size),
        _ => open_size(name, axis, options),
    });
    sizes.collect()
}

/// Makes the outputs of the model those of the graph, as the integers that they are there.
pub(super) fn outputs(ports: &Ports, walk: &mut Walk<'_, '_>) {
    for port in &ports.outputs {
        let made = match walk.value(port.place) {
            None => Err(Reason::Undefined(port.place.to_string())),
            Some((at, _)) if walk.is_unknown(at) => Ok(()),
            Some((at, _)) => {
                walk.nodes.build().node.clone_from(&port.name);
                walk.stored(at).and_then(|x| {
                    let build = walk.nodes.build();
                    let id = build.materialize(&x)?;
                    build.graph.output(&port.name, id);
                    Ok(())
                })
            }
        };
        if let Err(reason) = made {
            walk.refuse_port("output", &port.name, reason);
        }
    }
    if ports.outputs.is_empty() {
        walk.refuse_port("model", "graph", Reason::Signature("has no outputs".to_string()));
    }
}
