//! Operators that pick elements by what they are, so that only they know how many.

use super::{Row, row};
use crate::build::Operand;
use crate::onnx::call::{Call, Made};
use ir::Fact;
use operators::dynamic;
use tensor::{DType, Dim};

pub(super) const OPS: &[Row] = &[
    row("Compress", &["axis"], compress),
    row("NonMaxSuppression", &["center_point_box"], non_max_suppression),
    row("NonZero", &[], non_zero),
    row("Unique", &["axis", "sorted"], unique),
];

/// ONNX NonZero-9,13.
fn non_zero(call: &mut Call<'_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let shape = vec![Dim::from(rank), call.build.fresh()];
    call.build.dynamic(dynamic::NonZero, &[&x], vec![Fact { dtype: DType::I64, shape }])
}

/// The axis, where there is one, and what is left of a tensor of which slices along it are kept.
fn kept(call: &mut Call<'_>) -> Result<(Option<usize>, Fact), crate::error::Reason> {
    let Fact { dtype, mut shape } = call.fact(0)?;
    let axis = match call.int("axis")? {
        Some(_) => Some(call.axis("axis", 0, shape.len())?),
        None => None,
    };
    let count = call.build.fresh();
    match axis {
        Some(axis) => shape[axis] = count,
        None => shape = vec![count],
    }
    Ok((axis, Fact { dtype, shape }))
}

/// ONNX Compress-9,11.
fn compress(call: &mut Call<'_>) -> Made {
    let (x, condition) = (call.input(0)?, call.input(1)?);
    let (axis, made) = kept(call)?;
    call.build.dynamic(dynamic::Compress { axis }, &[&x, &condition], vec![made])
}

/// ONNX Unique-11.
fn unique(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let size = call.fact(0)?.shape;
    let is_sorted = call.flag("sorted", true)?;
    let (axis, made) = kept(call)?;
    let all = match axis {
        Some(axis) => size[axis].clone(),
        None => size.into_iter().fold(Dim::from(1), |a, b| a * b),
    };
    let count = made.shape[axis.unwrap_or(0)].clone();
    let indices = |count: Dim| Fact { dtype: DType::I64, shape: vec![count] };
    let made = vec![made, indices(count.clone()), indices(all), indices(count)];
    call.build.dynamic(dynamic::Unique { axis, is_sorted }, &[&x], made)
}

/// ONNX NonMaxSuppression-10,11.
fn non_max_suppression(call: &mut Call<'_>) -> Made {
    let (boxes, scores) = (call.input(0)?, call.input(1)?);
    let given = |call: &mut Call<'_>, index: usize, dtype: DType| match call.optional(index) {
        Some(x) => Ok(x),
        None => call.build.number(dtype, 0.0),
    };
    let most: Operand = given(call, 2, DType::I64)?;
    let overlap = given(call, 3, DType::F32)?;
    let least = given(call, 4, DType::F32)?;
    let operator = dynamic::NonMaxSuppression {
        is_centered: call.flag("center_point_box", false)?,
        has_least_score: call.optional(4).is_some(),
    };
    let shape = vec![call.build.fresh(), Dim::from(3)];
    let inputs = [&boxes, &scores, &most, &overlap, &least];
    call.build.dynamic(operator, &inputs, vec![Fact { dtype: DType::I64, shape }])
}
