//! Normalizations, and batch normalization, which in inference is one multiplication and one
//! addition.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made, axes};
use ir::Op;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

pub(super) const OPS: &[Row] = &[
    row(
        "BatchNormalization",
        &["epsilon", "momentum", "spatial", "training_mode"],
        batch_normalization,
    ),
    row("InstanceNormalization", &["epsilon"], instance_normalization),
    row("LayerNormalization", &["axis", "epsilon", "stash_type"], layer_normalization),
    row("RMSNormalization", &["axis", "epsilon", "stash_type"], rms_normalization),
    row("GroupNormalization", &["epsilon", "num_groups", "stash_type"], group_normalization),
    row("LpNormalization", &["axis", "p"], lp_normalization),
    row("MeanVarianceNormalization", &["axes"], mean_variance_normalization),
    row("LRN", &["alpha", "beta", "bias", "size"], lrn),
    row("Softmax", &["axis"], |call| softmax(call, |axis| Op::Softmax { axis })),
    row("LogSoftmax", &["axis"], |call| softmax(call, |axis| Op::LogSoftmax { axis })),
];

/// What is added to a variance where the node does not say.
pub(super) const EPSILON: f32 = 1e-5;

/// ONNX BatchNormalization-1,6,7,9,14,15: `x * s + (bias - mean * s)` with `s = scale /
/// sqrt(variance + epsilon)`; both are constants when the parameters are. In `training_mode` mean
/// and variance are those of `x`, and the running ones are made too. Refused: `spatial` 0,
/// statistics of each element.
fn batch_normalization(call: &mut Call<'_>) -> Made {
    if !call.flag("spatial", true)? {
        return Err(call.refuse("spatial", "1", "0"));
    }
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let parameter = |call: &mut Call<'_>, index: usize| {
        let parameter = call.input(index)?;
        let channels = call.build.fact(&parameter).shape;
        let shape = per_channel(&channels, fact.rank(), index)?;
        call.build.reshape(&parameter, shape)
    };
    let (scale, bias) = (parameter(call, 1)?, parameter(call, 2)?);
    let (mut mean, mut variance) = (parameter(call, 3)?, parameter(call, 4)?);
    let mut running = Vec::new();
    if call.flag("training_mode", false)? {
        let given = [mean, variance];
        [mean, variance] = statistics(call, &x, fact.rank())?;
        running = given.into_iter().zip([mean.clone(), variance.clone()]).collect();
    }
    let epsilon = call.float("epsilon")?.unwrap_or(EPSILON);
    let deviation = deviation(call, &variance, epsilon)?;
    let factor = call.build.binary(Binary::Div, &scale, &deviation)?;
    let shift = call.build.binary(Binary::Mul, &mean, &factor)?;
    let shift = call.build.binary(Binary::Sub, &bias, &shift)?;
    let scaled = call.build.binary(Binary::Mul, &x, &factor)?;
    let mut made = vec![call.build.binary(Binary::Add, &scaled, &shift)?];
    let momentum = call.float("momentum")?.unwrap_or(0.9);
    for (index, (given, current)) in running.iter().enumerate() {
        let factors = [f64::from(momentum), 1.0 - f64::from(momentum)];
        let [old, new] = factors.map(|factor| call.build.number(fact.dtype, factor));
        let old = call.build.binary(Binary::Mul, given, &old?)?;
        let new = call.build.binary(Binary::Mul, current, &new?)?;
        let sum = call.build.binary(Binary::Add, &old, &new)?;
        let channels = call.fact(index + 3)?.shape;
        made.push(call.build.reshape(&sum, channels)?);
    }
    Ok(made)
}

/// Mean and variance of each channel of `x[N, C, spatial…]`, in the shape of [`per_channel`].
fn statistics(call: &mut Call<'_>, x: &Operand, rank: usize) -> Result<[Operand; 2], Reason> {
    let axes: Vec<usize> = (0..rank).filter(|&axis| axis != 1).collect();
    let mean_of_x = mean(call, x, &axes)?;
    let centered = call.build.binary(Binary::Sub, x, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &axes)?;
    let mut made = [mean_of_x, variance];
    for x in &mut made {
        let shape = call.build.fact(x).shape;
        *x = call.build.reshape(x, shape.into_iter().skip(1).collect())?;
    }
    Ok(made)
}

/// `[C]` as `[C, 1, …]`, so that it broadcasts over the spatial axes of `x[N, C, spatial…]`.
fn per_channel(parameter: &[Dim], rank: usize, input: usize) -> Result<Vec<Dim>, Reason> {
    let [channels] = parameter else {
        let (expected, found) =
            ("one entry for each channel".to_string(), format!("{parameter:?}"));
        return Err(Reason::Input { input, expected, found });
    };
    let mut shape = vec![Dim::from(1); rank.saturating_sub(1).max(1)];
    shape[0] = channels.clone();
    Ok(shape)
}

/// `sqrt(variance + epsilon)`
pub(super) fn deviation(
    call: &mut Call<'_>,
    variance: &Operand,
    epsilon: f32,
) -> Result<Operand, Reason> {
    let dtype = call.build.fact(variance).dtype;
    let epsilon = call.build.number(dtype, f64::from(epsilon))?;
    let sum = call.build.binary(Binary::Add, variance, &epsilon)?;
    call.build.unary(Unary::Sqrt, &sum)
}

/// The mean along axes, which stay.
pub(super) fn mean(call: &mut Call<'_>, x: &Operand, axes: &[usize]) -> Result<Operand, Reason> {
    let axes = axes.to_vec();
    call.build.emit(Op::Reduce { reduction: Reduction::Mean, axes, keepdims: true }, &[x])
}

/// ONNX InstanceNormalization-1,6,22, as mean, variance and arithmetic over the spatial axes.
fn instance_normalization(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let axes: Vec<usize> = (2..fact.rank()).collect();
    let mean_of_x = mean(call, &x, &axes)?;
    let centered = call.build.binary(Binary::Sub, &x, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &axes)?;
    let deviation = deviation(call, &variance, call.float("epsilon")?.unwrap_or(EPSILON))?;
    let normal = call.build.binary(Binary::Div, &centered, &deviation)?;
    let mut made = normal;
    for (index, function) in [(1, Binary::Mul), (2, Binary::Add)] {
        let parameter = call.input(index)?;
        let shape = per_channel(&call.build.fact(&parameter).shape, fact.rank(), index)?;
        let parameter = call.build.reshape(&parameter, shape)?;
        made = call.build.binary(function, &made, &parameter)?;
    }
    Ok(vec![made])
}

/// ONNX LayerNormalization-17. Mean and inverse deviation are computed where they are taken.
/// Refused: a `stash_type` other than f32, in which statistics are computed anyway.
fn layer_normalization(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let axis = call.axis("axis", -1, fact.rank())?;
    let epsilon = call.float("epsilon")?.unwrap_or(EPSILON);
    require_f32_statistics(call)?;
    let shape = fact.shape[axis..].to_vec();
    let scale = call.input(1)?;
    let scale = call.build.expand(&scale, shape.clone())?;
    let op = Op::LayerNorm { axis, epsilon };
    let made = match call.optional(2) {
        None => call.build.emit(op, &[&x, &scale])?,
        Some(bias) => {
            let bias = call.build.expand(&bias, shape)?;
            call.build.emit(op, &[&x, &scale, &bias])?
        }
    };
    if call.node.output.iter().skip(1).all(String::is_empty) {
        return Ok(vec![made]);
    }
    let axes: Vec<usize> = (axis..fact.rank()).collect();
    let mean_of_x = mean(call, &x, &axes)?;
    let centered = call.build.binary(Binary::Sub, &x, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &axes)?;
    let deviation = deviation(call, &variance, epsilon)?;
    let inverse = call.build.unary(Unary::Reciprocal, &deviation)?;
    Ok(vec![made, mean_of_x, inverse])
}

/// ONNX GroupNormalization-18,21: each group of channels normalized together, then a scale and a
/// bias of each channel, before opset 21 of each group.
fn group_normalization(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    require_f32_statistics(call)?;
    let groups = call.int("num_groups")?.unwrap_or(0);
    let channels = fact.shape.get(1).and_then(Dim::known).unwrap_or(0);
    if groups < 1 || channels % groups != 0 || fact.rank() < 2 {
        let expected = format!("a divisor of the channels of {:?}", fact.shape);
        return Err(call.refuse("num_groups", &expected, &groups.to_string()));
    }
    let rest = fact.shape[2..].iter().cloned().fold(Dim::from(channels / groups), |a, b| a * b);
    let grouped = vec![fact.shape[0].clone(), Dim::from(groups), rest];
    let grouped = call.build.reshape(&x, grouped)?;
    let mean_of_x = mean(call, &grouped, &[2])?;
    let centered = call.build.binary(Binary::Sub, &grouped, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &[2])?;
    let deviation = deviation(call, &variance, call.float("epsilon")?.unwrap_or(EPSILON))?;
    let normal = call.build.binary(Binary::Div, &centered, &deviation)?;
    let is_per_group = call.opset < 21;
    let mut made =
        if is_per_group { normal } else { call.build.reshape(&normal, fact.shape.clone())? };
    for (index, function) in [(1, Binary::Mul), (2, Binary::Add)] {
        let parameter = call.input(index)?;
        let rank = if is_per_group { 3 } else { fact.rank() };
        let shape = per_channel(&call.build.fact(&parameter).shape, rank, index)?;
        let parameter = call.build.reshape(&parameter, shape)?;
        made = call.build.binary(function, &made, &parameter)?;
    }
    Ok(vec![call.build.reshape(&made, fact.shape)?])
}

/// ONNX LpNormalization-1,22: elements over the norm along an axis; where it is 0 they stay 0.
fn lp_normalization(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let axes = vec![call.axis("axis", -1, fact.rank())?];
    let reduction = match call.int("p")?.unwrap_or(2) {
        1 => Reduction::L1,
        2 => Reduction::L2,
        other => return Err(call.refuse("p", "1 or 2", &other.to_string())),
    };
    let norm = call.build.emit(Op::Reduce { reduction, axes, keepdims: true }, &[&x])?;
    let zero = call.build.number(fact.dtype, 0.0)?;
    let one = call.build.number(fact.dtype, 1.0)?;
    let is_zero = call.build.binary(Binary::Equal, &norm, &zero)?;
    let divisor = call.build.emit(Op::Select, &[&is_zero, &one, &norm])?;
    Ok(vec![call.build.binary(Binary::Div, &x, &divisor)?])
}

/// ONNX MeanVarianceNormalization-9,13: `(x - mean) / (deviation + 1e-9)`.
fn mean_variance_normalization(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let named = call.ints("axes")?.unwrap_or(&[0, 2, 3]).to_vec();
    let axes = axes(&named, fact.rank()).ok_or_else(|| {
        let expected = format!("distinct axes of {:?}", fact.shape);
        call.refuse("axes", &expected, &format!("{named:?}"))
    })?;
    let mean_of_x = mean(call, &x, &axes)?;
    let centered = call.build.binary(Binary::Sub, &x, &mean_of_x)?;
    let squares = call.build.binary(Binary::Mul, &centered, &centered)?;
    let variance = mean(call, &squares, &axes)?;
    let deviation = call.build.unary(Unary::Sqrt, &variance)?;
    let epsilon = call.build.number(fact.dtype, 1e-9)?;
    let divisor = call.build.binary(Binary::Add, &deviation, &epsilon)?;
    Ok(vec![call.build.binary(Binary::Div, &centered, &divisor)?])
}

fn require_f32_statistics(call: &Call<'_>) -> Result<(), Reason> {
    match call.int("stash_type")? {
        None | Some(1) => Ok(()),
        Some(other) => Err(call.refuse("stash_type", "1, float", &other.to_string())),
    }
}

/// ONNX RMSNormalization-23, as `x / sqrt(mean(x^2) + epsilon) * scale`, computed in f32.
fn rms_normalization(call: &mut Call<'_>) -> Made {
    let (x, scale) = (call.input(0)?, call.input(1)?);
    let axis = call.axis("axis", -1, call.fact(0)?.rank())?;
    require_f32_statistics(call)?;
    let epsilon = call.float("epsilon")?.unwrap_or(EPSILON);
    Ok(vec![root_mean_square(call, &x, &scale, axis, epsilon)?.0])
}

/// `x / root * scale` with `root = sqrt(mean(x^2) + epsilon)` over the axes from `axis` on, and the
/// root, which is computed in f32.
pub(super) fn root_mean_square(
    call: &mut Call<'_>,
    x: &Operand,
    scale: &Operand,
    axis: usize,
    epsilon: f32,
) -> Result<(Operand, Operand), Reason> {
    let fact = call.build.fact(x);
    let axes: Vec<usize> = (axis..fact.rank()).collect();
    let wide_type = if fact.dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let wide = call.build.cast(x, wide_type)?;
    let squares = call.build.binary(Binary::Mul, &wide, &wide)?;
    let mean = mean(call, &squares, &axes)?;
    let root = deviation(call, &mean, epsilon)?;
    let normal = call.build.binary(Binary::Div, &wide, &root)?;
    let normal = call.build.cast(&normal, fact.dtype)?;
    Ok((call.build.binary(Binary::Mul, &normal, scale)?, root))
}

/// ONNX LRN-1,13.
fn lrn(call: &mut Call<'_>) -> Made {
    let size = match call.int("size")? {
        Some(size @ 1..=0xffff_ffff) => size as usize,
        other => return Err(call.refuse("size", "at least 1", &format!("{other:?}"))),
    };
    let alpha = call.float("alpha")?.unwrap_or(1e-4);
    let beta = call.float("beta")?.unwrap_or(0.75);
    let bias = call.float("bias")?.unwrap_or(1.0);
    let x = call.input(0)?;
    call.emit(Op::LocalResponseNorm { size, alpha, beta, bias }, &[&x])
}

/// ONNX Softmax-1,11,13 and LogSoftmax-1,11,13. Before opset 13 all axes from `axis` on sum to
/// one together.
fn softmax(call: &mut Call<'_>, op: fn(usize) -> Op) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let default = if call.opset < 13 { 1 } else { -1 };
    let axis = call.axis("axis", default, fact.rank())?;
    let is_one_axis = fact.shape[axis + 1..].iter().all(|d| d.known() == Some(1));
    if call.opset >= 13 || is_one_axis {
        return call.emit(op(axis), &[&x]);
    }
    let product = |dims: &[Dim]| dims.iter().cloned().fold(Dim::from(1), |a, b| a * b);
    let flat = vec![product(&fact.shape[..axis]), product(&fact.shape[axis..])];
    let flat = call.build.reshape(&x, flat)?;
    let made = call.build.emit(op(1), &[&flat])?;
    Ok(vec![call.build.reshape(&made, fact.shape)?])
}
