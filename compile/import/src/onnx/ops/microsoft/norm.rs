//! Normalizations of sums.

use super::super::attention::scores::positions;
use super::super::norm::{EPSILON, deviation, mean, root_mean_square};
use super::super::{Row, microsoft, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::DType;
use tensor::scalar::{Binary, Reduction, Unary};

const SIMPLIFIED: &[&str] = &["axis", "epsilon", "stash_type"];

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    microsoft("EmbedLayerNormalization", &["epsilon", "mask_index_type"], embed),
    microsoft("SimplifiedLayerNormalization", SIMPLIFIED, simplified),
    // ONNX Runtime writes it into the standard domain, which does not have it.
    row("SimplifiedLayerNormalization", SIMPLIFIED, simplified),
    microsoft("SkipLayerNormalization", &["epsilon"], skip),
    microsoft("SkipSimplifiedLayerNormalization", &["epsilon"], skip_simplified),
];

/// What the operators that add take for the variance's least part.
const SUM_EPSILON: f32 = 1e-12;

/// ONNX com.microsoft.SimplifiedLayerNormalization-1: `x / sqrt(mean(x^2) + epsilon) * scale`, and
/// the inverse root.
fn simplified(call: &mut Call<'_>) -> Made {
    let (x, scale) = (call.input(0)?, call.input(1)?);
    let axis = call.axis("axis", -1, call.fact(0)?.rank())?;
    let epsilon = call.float("epsilon")?.unwrap_or(EPSILON);
    let (made, root) = root_mean_square(call, &x, &scale, axis, epsilon)?;
    Ok(vec![made, call.build.unary(Unary::Reciprocal, &root)?])
}

/// Input, skip and, where there is one, bias.
fn sum(call: &mut Call<'_>, bias: usize) -> Result<Operand, Reason> {
    let (x, skip) = (call.input(0)?, call.input(1)?);
    let sum = call.build.binary(Binary::Add, &x, &skip)?;
    match call.optional(bias) {
        Some(bias) => call.build.binary(Binary::Add, &sum, &bias),
        None => Ok(sum),
    }
}

/// The last axis normalized, then scaled and shifted; and mean and inverse deviation.
fn normalized(
    call: &mut Call<'_>,
    x: &Operand,
    scale: &Operand,
    shift: Option<Operand>,
) -> Result<[Operand; 3], Reason> {
    let fact = call.build.fact(x);
    let axis = fact.rank().checked_sub(1).ok_or_else(|| Reason::Input {
        input: 0,
        expected: "at least one axis".to_string(),
        found: "none".to_string(),
    })?;
    let epsilon = call.float("epsilon")?.unwrap_or(SUM_EPSILON);
    let inputs: Vec<&Operand> = [x, scale].into_iter().chain(&shift).collect();
    let made = call.build.emit(Op::LayerNorm { axis, epsilon }, &inputs)?;
    let mean_of_x = mean(call, x, &[axis])?;
    let centered = call.build.binary(Binary::Sub, x, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &[axis])?;
    let deviation = deviation(call, &variance, epsilon)?;
    let inverse = call.build.unary(Unary::Reciprocal, &deviation)?;
    Ok([made, mean_of_x, inverse])
}

/// ONNX com.microsoft.SkipLayerNormalization-1; the sum is made too.
fn skip(call: &mut Call<'_>) -> Made {
    let sum = sum(call, 4)?;
    let (scale, shift) = (call.input(2)?, call.optional(3));
    let [made, mean, inverse] = normalized(call, &sum, &scale, shift)?;
    Ok(vec![made, mean, inverse, sum])
}

/// ONNX com.microsoft.SkipSimplifiedLayerNormalization-1; the sum is made too. Refused: taking
/// the mean, which nothing computes.
fn skip_simplified(call: &mut Call<'_>) -> Made {
    let sum = sum(call, 3)?;
    let scale = call.input(2)?;
    let axis = call.build.fact(&sum).rank().saturating_sub(1);
    let epsilon = call.float("epsilon")?.unwrap_or(SUM_EPSILON);
    let (made, root) = root_mean_square(call, &sum, &scale, axis, epsilon)?;
    if call.node.output.get(1).is_some_and(|name| !name.is_empty()) {
        return Err(call.refuse("outputs", "no mean", "a mean"));
    }
    let inverse = call.build.unary(Unary::Reciprocal, &root)?;
    Ok(vec![made, inverse.clone(), inverse, sum])
}

/// ONNX com.microsoft.EmbedLayerNormalization-1: rows of the tables of words, positions and
/// segments, added and normalized; the number of ones in each mask; the sum.
fn embed(call: &mut Call<'_>) -> Made {
    let (ids, words, places) = (call.input(0)?, call.input(2)?, call.input(3)?);
    let shape = call.build.fact(&ids).shape;
    let [batch, rows] = shape.as_slice() else {
        let (expected, found) = ("[batch, sequence]".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 0, expected, found });
    };
    let place = match call.optional(8) {
        Some(place) => place,
        None => positions(call, rows)?,
    };
    let word = call.build.emit(Op::Gather { axis: 0 }, &[&words, &ids])?;
    let place = call.build.emit(Op::Gather { axis: 0 }, &[&places, &place])?;
    let mut sum = call.build.binary(Binary::Add, &word, &place)?;
    if let (Some(segment), Some(segments)) = (call.optional(1), call.optional(4)) {
        let segment = call.build.emit(Op::Gather { axis: 0 }, &[&segments, &segment])?;
        sum = call.build.binary(Binary::Add, &sum, &segment)?;
    }
    let (scale, shift) = (call.input(5)?, call.input(6)?);
    let [made, ..] = normalized(call, &sum, &scale, Some(shift))?;
    let count = match call.optional(7) {
        Some(mask) => {
            let one = call.build.number(call.build.fact(&mask).dtype, 1.0)?;
            let is_one = call.build.binary(Binary::Equal, &mask, &one)?;
            let ones = call.build.cast(&is_one, DType::I32)?;
            let (reduction, axes) = (Reduction::Sum, vec![1]);
            call.build.emit(Op::Reduce { reduction, axes, keepdims: false }, &[&ones])?
        }
        None => {
            let zero = call.build.number(DType::I32, 0.0)?;
            call.build.expand(&zero, vec![batch.clone()])?
        }
    };
    Ok(vec![made, count, sum])
}
