//! Normalizations, and batch normalization, which in inference is one multiplication and one
//! addition.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{moments, reduce, with};
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

pub(super) const ROWS: &[Row] = &[
    row("BatchNorm", batch_norm),
    row("BatchNorm_v1", batch_norm),
    row("_contrib_SyncBatchNorm", batch_norm),
    row("InstanceNorm", instance_norm),
    row("LayerNorm", layer_norm),
    row("GroupNorm", group_norm),
    row("L2Normalization", l2_normalization),
    row("LRN", lrn),
];

/// `[C]`, so that it broadcasts along an axis.
fn along(
    call: &mut Call<'_, '_>,
    x: &Operand,
    axis: usize,
    rank: usize,
) -> Result<Operand, Reason> {
    let build = call.build();
    let shape = build.fact(x).shape;
    let [count] = shape.as_slice() else {
        let (expected, found) = ("one number for each channel".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 1, expected, found });
    };
    let mut wide = vec![Dim::from(1); rank - axis];
    wide[0] = count.clone();
    build.reshape(x, wide)
}

/// `(x, gamma, beta, mean, variance)`: means and variances are those of the training. A fixed gamma
/// is 1, whatever the file holds.
fn batch_norm(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.of_rank(0, 2)?, call.rank(0)?);
    let axis = call.axis("axis", 1, rank)?;
    let parts: Vec<Operand> = (1..5).map(|at| call.input(at)).collect::<Result<_, Reason>>()?;
    let epsilon = call.float("eps", 1e-3)?;
    let is_fixed = call.flag("fix_gamma", true)?;
    let build = call.build();
    let variance = with(build, Binary::Add, &parts[3], epsilon)?;
    let deviation = build.unary(Unary::Sqrt, &variance)?;
    let gamma = match is_fixed {
        true => build.number(build.fact(&deviation).dtype, 1.0)?,
        false => parts[0].clone(),
    };
    let factor = build.binary(Binary::Div, &gamma, &deviation)?;
    let shift = build.binary(Binary::Mul, &parts[2], &factor)?;
    let shift = build.binary(Binary::Sub, &parts[1], &shift)?;
    let (factor, shift) = (along(call, &factor, axis, rank)?, along(call, &shift, axis, rank)?);
    let build = call.build();
    let dtype = build.fact(&x).dtype;
    let (factor, shift) = (build.cast(&factor, dtype)?, build.cast(&shift, dtype)?);
    let scaled = build.binary(Binary::Mul, &x, &factor)?;
    Ok(vec![build.binary(Binary::Add, &scaled, &shift)?])
}

/// `(x - mean) / sqrt(variance + epsilon)` over axes.
fn normalized(
    call: &mut Call<'_, '_>,
    x: &Operand,
    axes: &[usize],
    epsilon: f64,
) -> Result<Operand, Reason> {
    let build = call.build();
    let [centered, variance] = moments(build, x, axes)?;
    let variance = with(build, Binary::Add, &variance, epsilon)?;
    let deviation = build.unary(Unary::Sqrt, &variance)?;
    build.binary(Binary::Div, &centered, &deviation)
}

/// `x * gamma + beta` with one of each for each channel.
fn scaled(call: &mut Call<'_, '_>, x: &Operand, rank: usize) -> Made {
    let (gamma, beta) = (call.input(1)?, call.input(2)?);
    let (gamma, beta) = (along(call, &gamma, 1, rank)?, along(call, &beta, 1, rank)?);
    let build = call.build();
    let made = build.binary(Binary::Mul, x, &gamma)?;
    Ok(vec![build.binary(Binary::Add, &made, &beta)?])
}

fn instance_norm(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.of_rank(0, 3)?, call.rank(0)?);
    let epsilon = call.float("eps", 1e-3)?;
    let axes: Vec<usize> = (2..rank).collect();
    let made = normalized(call, &x, &axes, epsilon)?;
    scaled(call, &made, rank)
}

fn layer_norm(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.of_rank(0, 1)?, call.rank(0)?);
    let axis = call.axis("axis", -1, rank)?;
    let epsilon = call.float("eps", 1e-5)?;
    let (gamma, beta) = (call.input(1)?, call.input(2)?);
    if axis + 1 == rank {
        let op = Op::LayerNorm { axis, epsilon: epsilon as f32 };
        return call.emit(op, &[&x, &gamma, &beta]);
    }
    let made = normalized(call, &x, &[axis], epsilon)?;
    let (gamma, beta) = (along(call, &gamma, axis, rank)?, along(call, &beta, axis, rank)?);
    let build = call.build();
    let made = build.binary(Binary::Mul, &made, &gamma)?;
    Ok(vec![build.binary(Binary::Add, &made, &beta)?])
}

fn group_norm(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.of_rank(0, 3)?, call.fact(0)?.shape);
    let groups = call.count("num_groups", 1)?;
    let channels = shape[1].known_size().filter(|&count| groups > 0 && count % groups == 0);
    let expected = format!("groups of {} channels", shape[1]);
    let channels =
        channels.ok_or_else(|| call.refuse("num_groups", &expected, &groups.to_string()))?;
    let epsilon = call.float("eps", 1e-5)?;
    let mut split = vec![shape[0].clone(), Dim::from(groups), Dim::from(channels / groups)];
    split.extend_from_slice(&shape[2..]);
    let axes: Vec<usize> = (2..split.len()).collect();
    let rank = split.len();
    let x = call.build().reshape(&x, split)?;
    let made = normalized(call, &x, &axes, epsilon)?;
    // One scale for each channel, or in older versions for each group.
    if call.fact(1)?.shape.first().and_then(Dim::known_size) == Some(channels) {
        let made = call.build().reshape(&made, shape.clone())?;
        return scaled(call, &made, shape.len());
    }
    let made = scaled(call, &made, rank)?;
    Ok(vec![call.build().reshape(&made[0], shape)?])
}

/// `x / sqrt(sum(x^2) + epsilon)` over an image, its channels, or its places.
fn l2_normalization(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.of_rank(0, 2)?, call.rank(0)?);
    let axes: Vec<usize> = match call.text("mode").unwrap_or("instance") {
        "instance" => (1..rank).collect(),
        "channel" => vec![1],
        "spatial" => (2..rank).collect(),
        other => return Err(call.refuse("mode", "instance, channel or spatial", other)),
    };
    let epsilon = call.float("eps", 1e-10)?;
    let build = call.build();
    let squares = build.binary(Binary::Mul, &x, &x)?;
    let sum = reduce(build, Reduction::Sum, &squares, &axes, true)?;
    let sum = with(build, Binary::Add, &sum, epsilon)?;
    let norm = build.unary(Unary::Sqrt, &sum)?;
    Ok(vec![build.binary(Binary::Div, &x, &norm)?])
}

fn lrn(call: &mut Call<'_, '_>) -> Made {
    let x = call.of_rank(0, 4)?;
    let op = Op::LocalResponseNorm {
        size: call.count("nsize", 5)?,
        alpha: call.float("alpha", 1e-4)? as f32,
        beta: call.float("beta", 0.75)? as f32,
        bias: call.float("knorm", 2.0)? as f32,
    };
    call.emit(op, &[&x])
}
