//! The inputs of a model: which are the caller's, and what their sizes are called.

use super::decode::{DimensionProto, GraphProto, TensorTypeProto, ValueInfoProto};
use super::tensors;
use super::walk::Walk;
use crate::{ImportError, Options};
use std::collections::HashSet;
use tensor::Dim;

/// Gives the walk every input that is not a weight.
pub(super) fn inputs(
    graph: &GraphProto,
    options: &Options,
    walk: &mut Walk<'_>,
) -> Result<(), ImportError> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let given: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|v| !weights.contains(v.name.as_str())).collect();
    let mut taken: HashSet<String> = HashSet::new();
    for value in &given {
        let names = dimensions(value).iter().filter_map(|d| name(d));
        taken.extend(names.map(str::to_string));
    }
    for value in given {
        let refused = |found: String, hint: &str| ImportError::Signature {
            side: "input",
            name: value.name.clone(),
            found,
            hint: hint.to_string(),
        };
        let Some(tensor) = tensor_type(value) else {
            let hint = "export the model with tensors as inputs";
            return Err(refused("is not a tensor".to_string(), hint));
        };
        let dtype = tensors::element_type(i64::from(tensor.elem_type)).map_err(|name| {
            let hint = "export the model with number inputs, e.g. after the tokenizer or encoder";
            refused(format!("its elements are of type {name}"), hint)
        })?;
        let Some(shape) = &tensor.shape else {
            let hint = "export the model with the input's shape; sizes may have names";
            return Err(refused("its rank is not known".to_string(), hint));
        };
        let mut dims = Vec::with_capacity(shape.dim.len());
        for (axis, dim) in shape.dim.iter().enumerate() {
            dims.push(size(&value.name, axis, dim, options, &mut taken));
        }
        walk.input(&value.name, dtype, dims);
    }
    Ok(())
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
