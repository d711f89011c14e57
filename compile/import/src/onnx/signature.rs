//! The inputs of a model: which are the caller's, and what their sizes are called. And what the
//! file says of the types of other values, which matters only behind a node that is refused.

use super::decode::{DimensionProto, GraphProto, TensorTypeProto, ValueInfoProto};
use super::walk::Walk;
use super::{tensors, values};
use crate::Options;
use ir::Fact;
use std::collections::HashSet;
use tensor::{DType, Dim};

/// Gives the walk every input that is not a weight, and the types that the file declares of what
/// its nodes make.
pub(super) fn read(graph: &GraphProto, options: &Options, walk: &mut Walk<'_>) {
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let given: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|v| !weights.contains(v.name.as_str())).collect();
    let made = graph.value_info.iter().chain(&graph.output);
    let mut taken: HashSet<String> = HashSet::new();
    for value in given.iter().copied().chain(made.clone()) {
        let names = dimensions(value).iter().filter_map(|d| name(d));
        taken.extend(names.map(str::to_string));
    }
    let mut names = HashSet::new();
    for value in given {
        let fact = fact(value, options, &mut taken).and_then(|fact| {
            if names.insert(value.name.as_str()) {
                return Ok(fact);
            }
            let hint = "the file is not valid ONNX; export it again";
            Err(("another input has the same name".to_string(), hint))
        });
        match fact {
            Ok(fact) => {
                walk.input(&value.name, fact, value.r#type.as_ref().and_then(values::kind));
            }
            Err((found, hint)) => walk.refuse_input(&value.name, found, hint),
        }
    }
    for value in made {
        if let Ok(fact) = fact(value, options, &mut taken) {
            walk.declare(&value.name, fact);
        }
    }
}

/// Type and shape that are declared of a value; otherwise what it is, and what to do.
fn fact(
    value: &ValueInfoProto,
    options: &Options,
    taken: &mut HashSet<String>,
) -> Result<Fact, (String, &'static str)> {
    let Some(tensor) = tensor_type(value) else {
        if value.r#type.as_ref().and_then(values::kind).is_some() {
            return Ok(Fact { dtype: DType::Object, shape: vec![] });
        }
        let hint = "export the model with tensors or sequences of tensors as inputs";
        return Err(("is neither a tensor nor made of tensors".to_string(), hint));
    };
    let dtype = tensors::element_type(i64::from(tensor.elem_type)).map_err(|name| {
        let hint =
            "export the model with inputs of numbers or text, complex ones as pairs of numbers";
        (format!("its elements are of type {name}"), hint)
    })?;
    let Some(shape) = &tensor.shape else {
        let hint = "export the model with the input's shape; sizes may have names";
        return Err(("its rank is not known".to_string(), hint));
    };
    // Exporters write 0 for a size that they do not know, but no model is given a vector of axes,
    // sizes or indices of unknown length.
    if let (DType::I64, [dim]) = (dtype, shape.dim.as_slice())
        && dim.dim_value == Some(0)
    {
        return Ok(Fact { dtype, shape: vec![Dim::from(0)] });
    }
    let axes = shape.dim.iter().enumerate();
    let shape = axes.map(|(axis, dim)| size(&value.name, axis, dim, options, taken)).collect();
    Ok(Fact { dtype, shape })
}

fn tensor_type(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    value.r#type.as_ref()?.tensor_type.as_ref()
}

fn dimensions(value: &ValueInfoProto) -> &[DimensionProto] {
    tensor_type(value).and_then(|t| t.shape.as_ref()).map_or(&[], |s| &s.dim)
}

/// The name of a size, where it is one: `?`, `-1` and their like mean that it has none.
fn name(dim: &DimensionProto) -> Option<&str> {
    let name = dim.dim_param.as_deref()?.trim();
    let is_name = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && !name.eq_ignore_ascii_case("none");
    is_name.then_some(name)
}

/// The size of an axis: its number, the symbol of its name, or a symbol of its own. A size of 0
/// or less stands for one that the exporter did not know.
fn size(
    input: &str,
    axis: usize,
    dim: &DimensionProto,
    options: &Options,
    taken: &mut HashSet<String>,
) -> Dim {
    if let Some(size) = dim.dim_value.filter(|&size| size > 0) {
        return Dim::from(size);
    }
    let symbol = match name(dim) {
        Some(name) => name.to_string(),
        None => {
            // A name that begins otherwise could be taken for a size that only turns out later.
            let input = input.trim_start_matches(|c: char| !(c.is_alphabetic() || c == '_'));
            let mut own = format!("{input}_{axis}");
            while !taken.insert(own.clone()) {
                own.push('_');
            }
            own
        }
    };
    match options.sizes.get(&symbol) {
        Some(&size) => Dim::from(size),
        None => Dim::symbol(&symbol),
    }
}
