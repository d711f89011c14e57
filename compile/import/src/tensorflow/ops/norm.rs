//! Normalizations, and biases, which are the like of them.

use super::super::call::{Call, Made};
use super::conv::Layout;
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{moments, with};
use crate::error::Reason;
use ir::Op;
use tensor::DType;
use tensor::Dim;
use tensor::scalar::{Binary, Unary};

const OUTPUTS: &[&str] =
    &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"];

pub(super) const ROWS: &[Row] = &[
    row("BiasAdd", bias_add),
    row("BiasAddV1", bias_add),
    row("FusedBatchNorm", fused_batch_norm).makes(OUTPUTS),
    row("FusedBatchNormV2", fused_batch_norm).makes(OUTPUTS),
    row("FusedBatchNormV3", fused_batch_norm).makes(OUTPUTS),
    row("BatchNormWithGlobalNormalization", old_batch_norm),
    row("L2Loss", |call| {
        let x = call.input(0)?;
        let squares = call.build().binary(Binary::Mul, &x, &x)?;
        let axes = (0..call.fact(0)?.rank()).collect();
        let reduction = tensor::scalar::Reduction::Sum;
        let sum =
            call.build().emit(Op::Reduce { reduction, axes, keepdims: false }, &[&squares])?;
        Ok(vec![with(call.build(), Binary::Mul, &sum, 0.5)?])
    }),
    row("LRN", local_response),
];

/// One number for each channel so that it broadcasts over a value of some axes whose channels are
/// last or second.
fn along(build: &mut Builder, x: &Operand, rank: usize, is_last: bool) -> Result<Operand, Reason> {
    let mut shape = build.fact(x).shape;
    if !is_last {
        shape.extend(vec![Dim::from(1); rank.saturating_sub(2)]);
    }
    build.reshape(x, shape)
}

/// A value as it is computed with: with its channels second where they were so before. Gives also
/// whether its channels are last, and whether they are to be moved there in the end.
fn taken(call: &mut Call<'_, '_>) -> Result<(Operand, bool, bool), Reason> {
    let x = call.input(0)?;
    let is_last = Layout::of(call, 2)?.is_last;
    match call.walk.turned.before(&x).filter(|_| is_last) {
        Some(before) => Ok((before, false, true)),
        None => Ok((x, is_last, false)),
    }
}

fn given(call: &mut Call<'_, '_>, made: Operand, is_turned: bool) -> Result<Operand, Reason> {
    match is_turned {
        true => call.walk.turned.channels_last(&mut call.walk.build, made),
        false => Ok(made),
    }
}

fn bias_add(call: &mut Call<'_, '_>) -> Made {
    call.of_rank(1, 1)?;
    let bias = call.input(1)?;
    let (x, is_last, is_turned) = taken(call)?;
    let rank = call.walk.build.fact(&x).rank();
    let bias = along(call.build(), &bias, rank, is_last)?;
    let made = call.build().binary(Binary::Add, &x, &bias)?;
    Ok(vec![given(call, made, is_turned)?])
}

/// `x * s + (offset - mean * s)` with `s = scale / sqrt(variance + epsilon)`.
fn normalized(
    build: &mut Builder,
    x: &Operand,
    [scale, offset, mean, variance]: [&Operand; 4],
    epsilon: f64,
) -> Result<Operand, Reason> {
    let sum = with(build, Binary::Add, variance, epsilon)?;
    let deviation = build.unary(Unary::Sqrt, &sum)?;
    let factor = build.binary(Binary::Div, scale, &deviation)?;
    let shift = build.binary(Binary::Mul, mean, &factor)?;
    let shift = build.binary(Binary::Sub, offset, &shift)?;
    let scaled = build.binary(Binary::Mul, x, &factor)?;
    build.binary(Binary::Add, &scaled, &shift)
}

/// `(x, scale, offset, mean, variance)`. In training mean and variance are those of `x`: so layers
/// are written that normalize something else.
fn fused_batch_norm(call: &mut Call<'_, '_>) -> Made {
    let epsilon = f64::from(call.float("epsilon").unwrap_or(1e-4));
    let (x, is_last, is_turned) = taken(call)?;
    let dtype = call.walk.build.fact(&x).dtype;
    let rank = call.walk.build.fact(&x).rank();
    let wide = call.build().cast(&x, DType::F32)?;
    let mut parameters = Vec::with_capacity(4);
    for index in 1..5 {
        let parameter = call.input(index)?;
        parameters.push(along(call.build(), &parameter, rank, is_last)?);
    }
    if call.flag("is_training", true) {
        let channel = if is_last { rank.saturating_sub(1) } else { 1 };
        let axes: Vec<usize> = (0..rank).filter(|&axis| axis != channel).collect();
        let [centered, variance] = moments(call.build(), &wide, &axes)?;
        let zero = call.build().number(DType::F32, 0.0)?;
        let [scale, offset] = [&parameters[0], &parameters[1]];
        let all = [scale, offset, &zero, &variance];
        let made = normalized(call.build(), &centered, all, epsilon)?;
        let made = call.build().cast(&made, dtype)?;
        return Ok(vec![given(call, made, is_turned)?]);
    }
    let [scale, offset, mean, variance] = [0, 1, 2, 3].map(|at| &parameters[at]);
    let made = normalized(call.build(), &wide, [scale, offset, mean, variance], epsilon)?;
    let made = call.build().cast(&made, dtype)?;
    Ok(vec![given(call, made, is_turned)?])
}

/// `(x, mean, variance, offset, scale)`
fn old_batch_norm(call: &mut Call<'_, '_>) -> Made {
    let epsilon = f64::from(call.float("variance_epsilon").unwrap_or(1e-3));
    let (x, is_last, is_turned) = taken(call)?;
    let rank = call.walk.build.fact(&x).rank();
    let mut parameters = Vec::with_capacity(4);
    for index in [4, 3, 1, 2] {
        let parameter = call.input(index)?;
        parameters.push(along(call.build(), &parameter, rank, is_last)?);
    }
    if !call.flag("scale_after_normalization", true) {
        parameters[0] = call.build().number(DType::F32, 1.0)?;
    }
    let [scale, offset, mean, variance] = [0, 1, 2, 3].map(|at| &parameters[at]);
    let made = normalized(call.build(), &x, [scale, offset, mean, variance], epsilon)?;
    Ok(vec![given(call, made, is_turned)?])
}

/// `x / (bias + alpha * sum(x^2 over 2 * radius + 1 channels))^beta`
fn local_response(call: &mut Call<'_, '_>) -> Made {
    let radius = call.int("depth_radius").unwrap_or(5);
    let radius = usize::try_from(radius).ok().filter(|&radius| radius < 1 << 16);
    let radius = radius.ok_or_else(|| call.refuse("depth_radius", "a number of channels", "-"))?;
    let size = 2 * radius + 1;
    let op = Op::LocalResponseNorm {
        size,
        alpha: call.float("alpha").unwrap_or(1.0) * size as f32,
        beta: call.float("beta").unwrap_or(0.5),
        bias: call.float("bias").unwrap_or(1.0),
    };
    let layout = Layout::of(call, 2)?;
    let x = layout.channels_second(call, 0)?;
    let made = call.build().emit(op, &[&x])?;
    Ok(vec![layout.placed(call, made)?])
}
