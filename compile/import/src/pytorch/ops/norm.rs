//! Normalizations, and batch normalization, which in inference is one multiplication and one
//! addition.

use super::super::call::{Call, Made};
use super::activation::along_channels;
use super::elementwise::float;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{moments, reduce, with};
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

const BATCH: &str =
    "input weight bias running_mean running_var training momentum eps cudnn_enabled";

pub(super) const ROWS: &[Row] = &[
    row("batch_norm", BATCH, |call| batch_norm(call, Some(5), 7)),
    row("native_batch_norm", BATCH, |call| several(call, |call| batch_norm(call, Some(5), 7))),
    row(
        "_native_batch_norm_legit_no_training",
        "input weight bias running_mean running_var momentum eps",
        |call| several(call, |call| batch_norm(call, None, 6)),
    ),
    row("layer_norm", "input normalized_shape weight bias eps cudnn_enable", layer_norm),
    row("native_layer_norm", "input normalized_shape weight bias eps", |call| {
        several(call, layer_norm)
    }),
    row("group_norm", "input num_groups weight bias eps cudnn_enabled", |call| {
        group_norm(call, 1, 4)
    }),
    row("native_group_norm", "input weight bias N C HxW group eps", |call| {
        let args = [0, 6, 1, 2, 7].map(|at| call.args.get(at).cloned().flatten());
        call.args = args.to_vec();
        several(call, |call| group_norm(call, 1, 4))
    }),
    row(
        "instance_norm",
        "input weight bias running_mean running_var use_input_stats momentum eps cudnn_enabled",
        instance_norm,
    ),
    row("rms_norm", "input normalized_shape weight eps", rms_norm),
    row("_weight_norm", "v g dim", weight_norm),
    row("local_response_norm", "input size alpha beta k", |call| {
        let size = call.counts(1, 1, None, 1)?[0];
        let [alpha, beta, bias] =
            [call.float(2, 1e-4)?, call.float(3, 0.75)?, call.float(4, 1.0)?].map(|x| x as f32);
        let x = float(call, 0)?;
        call.emit(Op::LocalResponseNorm { size, alpha, beta, bias }, &[&x])
    }),
];

/// A result with statistics behind it, which are not made in inference.
fn several(call: &mut Call<'_>, import: fn(&mut Call<'_>) -> Made) -> Made {
    let made = import(call)?;
    let unknown = super::super::value::Value::Unknown;
    Ok(call.pool.tuple(vec![made, unknown.clone(), unknown]))
}

/// `sqrt(variance + epsilon)`
fn deviation(call: &mut Call<'_>, variance: &Operand, epsilon: f64) -> Result<Operand, Reason> {
    let sum = with(call.build, Binary::Add, variance, epsilon)?;
    call.build.unary(Unary::Sqrt, &sum)
}

/// `x * s + (bias - mean * s)` with `s = weight / sqrt(variance + epsilon)`.
fn batch_norm(call: &mut Call<'_>, training: Option<usize>, epsilon: usize) -> Made {
    if let Some(at) = training
        && call.flag(at, false)?
    {
        return Err(call.refuse(at, "a model in inference"));
    }
    let x = float(call, 0)?;
    let rank = call.build.fact(&x).rank();
    let mean = call.tensor(3)?;
    let variance = call.tensor(4)?;
    let epsilon = call.float(epsilon, 1e-5)?;
    let root = deviation(call, &variance, epsilon)?;
    let factor = match call.tensor_if(1)? {
        Some(weight) => call.build.binary(Binary::Div, &weight, &root)?,
        None => call.build.unary(Unary::Reciprocal, &root)?,
    };
    let shift = call.build.binary(Binary::Mul, &mean, &factor)?;
    let shift = match call.tensor_if(2)? {
        Some(bias) => call.build.binary(Binary::Sub, &bias, &shift)?,
        None => call.build.unary(Unary::Neg, &shift)?,
    };
    let factor = along_channels(call, &factor, rank)?;
    let shift = along_channels(call, &shift, rank)?;
    let scaled = call.build.binary(Binary::Mul, &x, &factor)?;
    call.emit(Op::Binary(Binary::Add), &[&scaled, &shift])
}

fn layer_norm(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let (fact, axes) = (call.build.fact(&x), call.dims(1)?.len());
    let axis = fact.rank().checked_sub(axes).filter(|&axis| axis < fact.rank());
    let axis = axis.ok_or_else(|| call.refuse(1, "the last axes"))?;
    let shape = fact.shape[axis..].to_vec();
    let (scale, bias) = (call.tensor_if(2)?, call.tensor_if(3)?);
    let epsilon = call.float(4, 1e-5)? as f32;
    let scale = match scale {
        Some(scale) => scale,
        None => {
            let one = call.build.number(fact.dtype, 1.0)?;
            call.build.expand(&one, shape)?
        }
    };
    let inputs: Vec<&Operand> = [&x, &scale].into_iter().chain(&bias).collect();
    call.emit(Op::LayerNorm { axis, epsilon }, &inputs)
}

/// A scale and a bias of each channel.
fn affine(call: &mut Call<'_>, x: Operand, [scale, bias]: [usize; 2]) -> Made {
    let (mut made, rank) = (x.clone(), call.build.fact(&x).rank());
    for (index, function) in [(scale, Binary::Mul), (bias, Binary::Add)] {
        if let Some(parameter) = call.tensor_if(index)? {
            let parameter = along_channels(call, &parameter, rank)?;
            made = call.build.binary(function, &made, &parameter)?;
        }
    }
    Ok(call.own(made))
}

fn group_norm(call: &mut Call<'_>, groups: usize, epsilon: usize) -> Made {
    let x = float(call, 0)?;
    let shape = call.build.fact(&x).shape;
    let count = call.counts(groups, 1, None, 1)?[0];
    let channels = shape.get(1).and_then(Dim::known_size).unwrap_or(0);
    if !channels.is_multiple_of(count) || channels == 0 {
        return Err(call.refuse(groups, &format!("a divisor of the channels of {shape:?}")));
    }
    let rest = product(&shape[2..]) * Dim::from(channels / count);
    let grouped = vec![shape[0].clone(), Dim::from(count), rest];
    let grouped = call.build.reshape(&x, grouped)?;
    let [centered, variance] = moments(call.build, &grouped, &[2])?;
    let epsilon = call.float(epsilon, 1e-5)?;
    let root = deviation(call, &variance, epsilon)?;
    let normal = call.build.binary(Binary::Div, &centered, &root)?;
    let normal = call.build.reshape(&normal, shape)?;
    affine(call, normal, [2, 3])
}

fn instance_norm(call: &mut Call<'_>) -> Made {
    if !call.flag(5, true)? {
        return batch_norm(call, None, 7);
    }
    let x = float(call, 0)?;
    let axes: Vec<usize> = (2..call.build.fact(&x).rank()).collect();
    let [centered, variance] = moments(call.build, &x, &axes)?;
    let epsilon = call.float(7, 1e-5)?;
    let root = deviation(call, &variance, epsilon)?;
    let normal = call.build.binary(Binary::Div, &centered, &root)?;
    affine(call, normal, [1, 2])
}

/// `x / sqrt(mean(x^2) + epsilon) * weight`
fn rms_norm(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let (rank, axes) = (call.build.fact(&x).rank(), call.dims(1)?.len());
    let axes: Vec<usize> = (rank.saturating_sub(axes)..rank).collect();
    let squares = call.build.binary(Binary::Mul, &x, &x)?;
    let mean = reduce(call.build, Reduction::Mean, &squares, &axes, true)?;
    let epsilon = call.float(3, f64::from(f32::EPSILON))?;
    let root = deviation(call, &mean, epsilon)?;
    let made = call.build.binary(Binary::Div, &x, &root)?;
    match call.tensor_if(2)? {
        Some(weight) => call.emit(Op::Binary(Binary::Mul), &[&made, &weight]),
        None => Ok(call.own(made)),
    }
}

/// `v * g / |v|`, the norm over all axes but one.
fn weight_norm(call: &mut Call<'_>) -> Made {
    let (v, g) = (call.tensor(0)?, call.tensor(1)?);
    let rank = call.build.fact(&v).rank();
    let kept = call.int(2, 0)?;
    let kept = crate::decompose::arithmetic::axis(kept, rank).filter(|_| kept != -1);
    let axes: Vec<usize> = (0..rank).filter(|&axis| Some(axis) != kept).collect();
    let norm = reduce(call.build, Reduction::L2, &v, &axes, true)?;
    let factor = call.build.binary(Binary::Div, &g, &norm)?;
    call.emit(Op::Binary(Binary::Mul), &[&v, &factor])
}
