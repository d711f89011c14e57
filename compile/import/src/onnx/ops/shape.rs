//! Operators whose result is known without data, or up to the sizes of the inputs.

use super::{Row, row};
use crate::build::{Operand, Sizes};
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Fact, Op};
use operators::range::Range;
use tensor::{Dim, Tensor, Text, Value};

pub(super) const OPS: &[Row] = &[
    row(
        "Constant",
        &[
            "value",
            "value_float",
            "value_floats",
            "value_int",
            "value_ints",
            "value_string",
            "value_strings",
        ],
        constant,
    ),
    row("ConstantOfShape", &["value"], constant_of_shape),
    row("Shape", &["start", "end"], shape),
    row("Size", &[], size),
    row("Range", &["stash_type"], range),
];

/// ONNX Constant-1,9,11,12,13,19,21,23,24,25. Refused: sparse tensors.
fn constant(call: &mut Call<'_>) -> Made {
    let vector = |len: usize| [len];
    let texts = match (call.text("value_string")?, call.texts("value_strings")?) {
        (Some(text), _) => Some(Text::new(&[], vec![text.to_string()])),
        (None, Some(texts)) => Some(Text::new(&[texts.len()], texts)),
        (None, None) => None,
    };
    let value = match texts {
        Some(text) => Some(text.map_err(|error| Reason::Evaluation(error.to_string()))?.into()),
        None => call.value("value")?,
    };
    let tensor = if let Some(value) = value {
        return match value {
            Value::Tensor(tensor) => Ok(vec![Operand::constant(&call.build.node, tensor)]),
            other => Ok(vec![call.build.literal(&other)?]),
        };
    } else if let Some(value) = call.float("value_float")? {
        Ok(Tensor::scalar(value))
    } else if let Some(value) = call.int("value_int")? {
        Ok(Tensor::scalar(value))
    } else if let Some(values) = call.floats("value_floats")? {
        Tensor::from_slice(&vector(values.len()), values)
    } else if let Some(values) = call.ints("value_ints")? {
        Tensor::from_slice(&vector(values.len()), values)
    } else {
        return Err(call.refuse("value", "a number or tensor", "nothing"));
    };
    let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
    Ok(vec![Operand::constant(&call.build.node, tensor)])
}

/// ONNX ConstantOfShape-9,20,21,23,24,25: one element, expanded.
fn constant_of_shape(call: &mut Call<'_>) -> Made {
    let shape = call.dims(0, "the shape")?;
    if shape.iter().any(|d| d.known().is_some_and(|d| d < 0)) {
        let (expected, found) = ("sizes of at least 0".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 0, expected, found });
    }
    let value = match call.tensor("value")? {
        None => Tensor::scalar(0.0f32),
        Some(value) if value.len() == 1 => {
            value.reshaped(&[]).map_err(|error| Reason::Evaluation(error.to_string()))?
        }
        Some(value) => return Err(call.refuse("value", "one element", &format!("{value:?}"))),
    };
    let value = Operand::constant(&call.build.node, value);
    Ok(vec![call.build.expand(&value, shape)?])
}

/// ONNX Shape-1,13,15,19,21,23,24,25: sizes, which never enter the graph unless used as data.
fn shape(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let rank = shape.len() as i64;
    let place = |name: &str, default: i64| -> Result<usize, Reason> {
        let value = call.int(name)?.unwrap_or(default);
        let from_start = if value < 0 { value.saturating_add(rank) } else { value };
        Ok(from_start.clamp(0, rank) as usize)
    };
    let (start, end) = (place("start", 0)?, place("end", rank)?);
    let dims = shape.get(start..end).unwrap_or(&[]).to_vec();
    Ok(vec![call.build.sizes(Sizes::vector(dims))])
}

/// ONNX Size-1,13,19,21,23,24,25.
fn size(call: &mut Call<'_>) -> Made {
    let count = call.fact(0)?.shape.into_iter().fold(Dim::from(1), |a, b| a * b);
    Ok(vec![call.build.sizes(Sizes::scalar(count))])
}

/// ONNX Range-11,27. The length is known where the ends are, or are sizes; else it turns out while
/// the model runs.
fn range(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let ends = [call.input(0)?, call.input(1)?, call.input(2)?];
    let [start, limit, delta] = &ends;
    let count = decompose::range_count(call.build, &ends)?;
    match count {
        Some(count) => call.emit(Op::Whole(Range { count }.into()), &[start, delta]),
        None => {
            let made = vec![Fact { dtype, shape: vec![call.build.fresh()] }];
            call.build.dynamic(operators::dynamic::Range, &[start, limit, delta], made)
        }
    }
}
