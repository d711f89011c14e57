//! Operators whose result is known without data, or up to the sizes of the inputs.

use super::{Row, row};
use crate::build::{Operand, Sizes};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::{DType, Dim, Tensor};

pub(super) const OPS: &[Row] = &[
    row("Constant", &["value", "value_float", "value_floats", "value_int", "value_ints"], constant),
    row("ConstantOfShape", &["value"], constant_of_shape),
    row("Shape", &["start", "end"], shape),
    row("Size", &[], size),
    row("Range", &["stash_type"], range),
];

/// ONNX Constant-1,9,11,12,13,19,21,23,24,25. Refused: text and sparse tensors.
fn constant(call: &mut Call<'_>) -> Made {
    let vector = |len: usize| [len];
    let tensor = if let Some(tensor) = call.tensor("value")? {
        Ok(tensor)
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

/// Longest range that is made: positions of a sequence, with a wide margin.
const RANGE_MAX: f64 = 16_777_216.0;

/// ONNX Range-11,27. Accepted: constants. Refused: ends that are computed or symbolic, since
/// there is no operator that counts to a size that is not known.
fn range(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let mut ends = [0.0; 3];
    for (index, end) in ends.iter_mut().enumerate() {
        let x = call.input(index)?;
        if x.known().is_none() {
            let what = "the range; fix the size at export, or with the import's sizes";
            return Err(call.data_dependent(index, what));
        }
        let wide = call.build.cast(&x, DType::F64)?;
        *end = match wide.known().map(|t| t.as_slice::<f64>()) {
            Some(Ok(&[value])) => value,
            _ => return Err(call.data_dependent(index, "one number")),
        };
    }
    let [start, limit, delta] = ends;
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !count.is_finite() || count > RANGE_MAX {
        let expected = format!("a range of at most {RANGE_MAX} elements");
        let found = format!("{start}..{limit} step {delta}");
        return Err(Reason::Input { input: 1, expected, found });
    }
    let values: Vec<f64> = (0..count as usize).map(|i| start + i as f64 * delta).collect();
    let tensor = Tensor::from_slice(&[values.len()], &values)
        .map_err(|error| Reason::Evaluation(error.to_string()))?;
    let values = Operand::constant(&call.build.node, tensor);
    call.emit(Op::Cast(dtype), &[&values])
}
