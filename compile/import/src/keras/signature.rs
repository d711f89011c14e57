//! What a model takes and makes: its inputs with their types and sizes, its outputs by name.

use super::call::Flow;
use super::net::{Layer, Net};
use super::refusal;
use super::walk::Walk;
use crate::Options;
use crate::build::Operand;
use crate::error::Reason;
use serde_json::Value;
use std::collections::HashSet;
use tensor::{DType, Dim};

/// The size that every input has first.
const BATCH: &str = "batch";

/// Gives the graph an input for each input layer of the model.
pub(super) fn inputs(net: &Net<'_>, options: &Options, walk: &mut Walk<'_>) -> Vec<Option<Flow>> {
    let mut made = Vec::with_capacity(net.inputs.len());
    for place in &net.inputs {
        let layer = &net.layers[place.layer];
        let name = if layer.name.is_empty() { "input" } else { layer.name };
        made.push(match fact(layer, name, options) {
            Ok((dtype, shape)) => {
                let id = walk.build.graph.input(name, dtype, shape);
                Some(Flow { operand: Operand::Value(id), mask: None })
            }
            Err(found) => {
                walk.refusals.push(refusal::of_part("input", name, Reason::Signature(found)));
                None
            }
        });
    }
    made
}

/// Type and shape of an input layer. Each size that is open gets a name.
fn fact(layer: &Layer<'_>, name: &str, options: &Options) -> Result<(DType, Vec<Dim>), String> {
    let dtype = match layer.config.get("dtype") {
        Some(Value::String(name)) => element_type(name)?,
        Some(_) | None => DType::F32,
    };
    let keys = ["batch_shape", "batch_input_shape", "build_input_shape"];
    let shape = keys.iter().find_map(|key| layer.config.get(key)?.as_array());
    let shape = shape.ok_or("its shape is not known")?;
    let size = |(axis, value): (usize, &Value)| {
        let fixed = value.as_i64().filter(|&size| size > 0);
        let symbol = match axis {
            0 => BATCH.to_string(),
            _ => format!("{}_{axis}", symbol(name)),
        };
        let fixed = fixed.or_else(|| options.sizes.get(&symbol).copied());
        fixed.map_or_else(|| Dim::symbol(&symbol), Dim::from)
    };
    Ok((dtype, shape.iter().enumerate().map(size).collect()))
}

/// A name that a size may have: it begins with a letter.
fn symbol(name: &str) -> &str {
    let name = name.trim_start_matches(|c: char| !(c.is_alphabetic() || c == '_'));
    if name.is_empty() { "input" } else { name }
}

pub(super) fn element_type(name: &str) -> Result<DType, String> {
    Ok(match name {
        "float32" => DType::F32,
        "float64" => DType::F64,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "int8" => DType::I8,
        "int16" => DType::I16,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "uint8" => DType::U8,
        "uint16" => DType::U16,
        "uint32" => DType::U32,
        "uint64" => DType::U64,
        "bool" => DType::Bool,
        "string" => DType::String,
        other => return Err(format!("its elements are of type {other}")),
    })
}

/// Names the outputs: by what the model calls them, or by their layers.
pub(super) fn outputs(net: &Net<'_>, made: Vec<Option<Flow>>, walk: &mut Walk<'_>) {
    let mut names: HashSet<String> = HashSet::new();
    for ((own, place), flow) in net.outputs.iter().zip(made) {
        let mut name = own.unwrap_or(net.layers[place.layer].name).to_string();
        while !names.insert(name.clone()) {
            name.push('_');
        }
        let Some(flow) = flow else { continue };
        walk.build.node.clone_from(&name);
        match walk.build.materialize(&flow.operand) {
            Ok(id) => walk.build.graph.output(&name, id),
            Err(reason) => walk.refusals.push(refusal::of_part("output", &name, reason)),
        }
    }
    let is_known = |place: &super::net::Place| place.layer < net.layers.len();
    if walk.refusals.is_empty() && walk.build.graph.outputs.len() < net.outputs.len()
        || !net.outputs.iter().all(|(_, place)| is_known(place))
        || net.outputs.is_empty()
    {
        let reason = Reason::Undefined("an output".to_string());
        walk.refusals.push(refusal::of_part("model", net.name, reason));
    }
}
