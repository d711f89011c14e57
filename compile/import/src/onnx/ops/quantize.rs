//! Quantized forms: what integers stand for, and products of the integers themselves.

use super::conv::{convolution, parameters};
use super::elementwise::narrowed;
use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use ir::{Conv, Op, SliceAxis};
use operators::dynamic_range::DynamicRange;
use operators::integer_convolution::IntegerConvolution;
use operators::integer_product::IntegerProduct;
use tensor::scalar::{Binary, Unary};
use tensor::small::Narrowing;
use tensor::{DType, Dim};

const CONV: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

pub(super) const OPS: &[Row] = &[
    row(
        "QuantizeLinear",
        &["axis", "block_size", "output_dtype", "precision", "saturate"],
        quantize_linear,
    ),
    row("DequantizeLinear", &["axis", "block_size", "output_dtype"], dequantize_linear),
    row("DynamicQuantizeLinear", &[], dynamic_quantize_linear),
    row("QLinearMatMul", &[], q_linear_mat_mul),
    row("QLinearConv", CONV, q_linear_conv),
    row("MatMulInteger", &[], mat_mul_integer),
    row("ConvInteger", CONV, conv_integer),
];

/// The least and the greatest number of an integer type of 16 bits or less.
fn bounds(dtype: DType) -> Option<(f32, f32)> {
    match dtype {
        DType::U8 => Some((0.0, 255.0)),
        DType::I8 => Some((-128.0, 127.0)),
        DType::U16 => Some((0.0, 65535.0)),
        DType::I16 => Some((-32768.0, 32767.0)),
        DType::U4 => Some((0.0, 15.0)),
        DType::I4 => Some((-8.0, 7.0)),
        DType::U2 => Some((0.0, 3.0)),
        DType::I2 => Some((-2.0, 1.0)),
        _ => None,
    }
}

/// `clip(round(x / scale) + zero)`, all in f32, as an integer type.
pub(super) fn quantized(
    call: &mut Call<'_>,
    x: &Operand,
    scale: &Operand,
    zero: Option<&Operand>,
    dtype: DType,
) -> Result<Operand, Reason> {
    let scaled = call.build.binary(Binary::Div, x, scale)?;
    rounded(call, &scaled, zero, dtype)
}

fn rounded(
    call: &mut Call<'_>,
    x: &Operand,
    zero: Option<&Operand>,
    dtype: DType,
) -> Result<Operand, Reason> {
    let (min, max) = bounds(dtype).ok_or_else(|| {
        call.refuse("output_dtype", "an integer type of 16 bits or less", dtype.name())
    })?;
    let mut made = call.build.unary(Unary::Round, x)?;
    if let Some(zero) = zero {
        made = call.build.binary(Binary::Add, &made, zero)?;
    }
    let made = call.build.unary(Unary::Clip { min, max }, &made)?;
    call.build.cast(&made, dtype)
}

/// An input as f32.
pub(super) fn float(call: &mut Call<'_>, index: usize) -> Result<Operand, Reason> {
    let x = call.input(index)?;
    call.build.cast(&x, DType::F32)
}

/// A zero point as f32; `None` where there is none, or where it is known to be zero.
pub(super) fn zero_point(call: &mut Call<'_>, index: usize) -> Result<Option<Operand>, Reason> {
    let Some(zero) = call.optional(index) else { return Ok(None) };
    if zero.known().is_some_and(|t| t.bytes().iter().all(|&b| b == 0)) {
        return Ok(None);
    }
    call.build.cast(&zero, DType::F32).map(Some)
}

/// A scale or zero point so that it broadcasts against `x`: of all elements, of an axis, or of
/// blocks along it.
fn spread(call: &mut Call<'_>, parameter: &Operand, shape: &[Dim]) -> Result<Operand, Reason> {
    let own = call.build.fact(parameter).shape;
    let block = call.int("block_size")?.unwrap_or(0);
    if own.is_empty() || own == [Dim::from(1)] {
        return call.build.reshape(parameter, vec![]);
    }
    let axis = call.axis("axis", 1, shape.len())?;
    if own.len() == 1 && block == 0 {
        let mut wide = vec![Dim::from(1); shape.len()];
        wide[axis].clone_from(&own[0]);
        return call.build.reshape(parameter, wide);
    }
    if own.len() != shape.len() || block < 1 {
        let expected = format!("one scale, one for each element of axis {axis}, or blocks of them");
        return Err(Reason::Input { input: 1, expected, found: format!("{own:?}") });
    }
    let mut split = own.clone();
    split.insert(axis + 1, Dim::from(1));
    let mut repeated = own.clone();
    repeated.insert(axis + 1, Dim::from(block));
    let mut merged = own;
    merged[axis] = merged[axis].clone() * Dim::from(block);
    let made = call.build.reshape(parameter, split)?;
    let made = call.build.expand(&made, repeated)?;
    let made = call.build.reshape(&made, merged.clone())?;
    if merged[axis] == shape[axis] {
        return Ok(made);
    }
    // The last block need not be whole.
    let cut = SliceAxis { axis, start: Dim::from(0), len: shape[axis].clone(), step: 1 };
    call.build.emit(Op::Slice { axes: vec![cut] }, &[&made])
}

/// Scale and zero point of all elements, or of each along an axis.
struct Affine {
    axis: usize,
    scale: Operand,
    zero: Operand,
}

/// The parameters of integers of a type that are inputs with these numbers, where the graph has an
/// operator for them: f32 scales of all elements, or of each along an axis.
fn affine(
    call: &mut Call<'_>,
    dtype: DType,
    (scale, zero): (usize, Option<usize>),
    axis: impl FnOnce(&Call<'_>) -> Result<usize, Reason>,
) -> Result<Option<Affine>, Reason> {
    let zero = match zero.and_then(|zero| call.optional(zero)) {
        Some(zero) => zero,
        None => call.build.number(dtype, 0.0)?,
    };
    let (scale, zero_fact) = (call.input(scale)?, call.build.fact(&zero));
    let scale_fact = call.build.fact(&scale);
    let is_fit = scale_fact.dtype == DType::F32 && zero_fact.dtype == dtype;
    if !is_fit || scale_fact.rank() > 1 || zero_fact.rank() > 1 {
        return Ok(None);
    }
    let many = [scale_fact.shape, zero_fact.shape].into_iter().find(|shape| !is_one(shape));
    let axis = if many.is_some() { axis(call)? } else { 0 };
    let mut alike = |x: &Operand| match &many {
        Some(many) if is_one(&call.build.fact(x).shape) => {
            let single = call.build.reshape(x, vec![])?;
            call.build.expand(&single, many.clone())
        }
        Some(_) => Ok(x.clone()),
        None => call.build.reshape(x, vec![]),
    };
    Ok(Some(Affine { axis, scale: alike(&scale)?, zero: alike(&zero)? }))
}

fn is_one(shape: &[Dim]) -> bool {
    shape.iter().all(|size| size.known() == Some(1))
}

/// ONNX QuantizeLinear-10,13,19,21,23,24,25. Accepted: integers of 16 bits and less, floats of 8
/// and 4; one scale, one for each element of an axis, or blocks. The quotient is rounded to the
/// type of the scale, or to what `precision` says.
pub(super) fn quantize_linear(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let named = |call: &Call<'_>, name: &str, number: i64| {
        tensors::element_type(number).map_err(|found| call.refuse(name, "a number type", &found))
    };
    let dtype = match (call.optional(2), call.int("output_dtype")?.unwrap_or(0)) {
        (Some(zero), _) => call.build.fact(&zero).dtype,
        (None, 0) => DType::U8,
        (None, number) => named(call, "output_dtype", number)?,
    };
    let precision = match call.int("precision")?.unwrap_or(0) {
        0 => call.fact(1)?.dtype,
        number => named(call, "precision", number)?,
    };
    let is_byte = matches!(dtype, DType::U8 | DType::I8);
    let is_blocked = call.int("block_size")?.unwrap_or(0) != 0;
    let along = |call: &Call<'_>| call.axis("axis", 1, shape.len());
    if is_byte
        && !is_blocked
        && precision == DType::F32
        && let Some(parameters) = affine(call, dtype, (1, Some(2)), along)?
    {
        let x = float(call, 0)?;
        let Affine { axis, scale, zero } = parameters;
        return Ok(vec![call.build.emit(Op::Quantize { dtype, axis }, &[&x, &scale, &zero])?]);
    }
    let (x, scale) = (float(call, 0)?, float(call, 1)?);
    let (x, scale) = (rounded_to(call, &x, precision)?, rounded_to(call, &scale, precision)?);
    let scale = spread(call, &scale, &shape)?;
    let zero = match zero_point(call, 2)? {
        Some(zero) => Some(spread(call, &zero, &shape)?),
        None => None,
    };
    let scaled = call.build.binary(Binary::Div, &x, &scale)?;
    let mut scaled = rounded_to(call, &scaled, precision)?;
    if bounds(dtype).is_some() {
        return Ok(vec![rounded(call, &scaled, zero.as_ref(), dtype)?]);
    }
    if !dtype.is_small() {
        return Err(call.refuse("output_dtype", "a type to quantize to", dtype.name()));
    }
    if let Some(zero) = zero {
        scaled = call.build.binary(Binary::Add, &scaled, &zero)?;
    }
    let is_saturating = call.flag("saturate", true)?;
    let narrowing = Narrowing { is_saturating, ..Narrowing::default() };
    Ok(vec![narrowed(call, &scaled, dtype, narrowing)?])
}

/// Elements of f32 as near as a 16-bit float comes to them. A quotient of such floats is rounded as
/// if at once: f32 has more than twice the digits and two.
fn rounded_to(call: &mut Call<'_>, x: &Operand, precision: DType) -> Result<Operand, Reason> {
    if !precision.is_half() {
        return Ok(x.clone());
    }
    let narrow = call.build.cast(x, precision)?;
    call.build.cast(&narrow, DType::F32)
}

/// ONNX DequantizeLinear-10,13,19,21,23,24,25: `(x - zero) * scale`.
pub(super) fn dequantize_linear(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let dtype = match call.int("output_dtype")?.unwrap_or(0) {
        0 => call.fact(1)?.dtype,
        number => tensors::element_type(number)
            .map_err(|name| call.refuse("output_dtype", "a float type", &name))?,
    };
    let from = call.fact(0)?.dtype;
    let is_blocked = call.int("block_size")?.unwrap_or(0) != 0;
    let along = |call: &Call<'_>| call.axis("axis", 1, shape.len());
    if matches!(from, DType::U8 | DType::I8 | DType::U4 | DType::I4)
        && !is_blocked
        && dtype == DType::F32
        && let Some(Affine { axis, scale, zero }) = affine(call, from, (1, Some(2)), along)?
    {
        let x = call.input(0)?;
        return Ok(vec![call.build.emit(Op::Dequantize { axis }, &[&x, &scale, &zero])?]);
    }
    let (mut x, scale) = (float(call, 0)?, float(call, 1)?);
    if let Some(zero) = zero_point(call, 2)? {
        let zero = spread(call, &zero, &shape)?;
        x = call.build.binary(Binary::Sub, &x, &zero)?;
    }
    let scale = spread(call, &scale, &shape)?;
    let made = call.build.binary(Binary::Mul, &x, &scale)?;
    Ok(vec![call.build.cast(&made, dtype)?])
}

/// ONNX DynamicQuantizeLinear-11: `u8` over the range of the elements and zero.
pub(super) fn dynamic_quantize_linear(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let parameters = call.build.emit_all(Op::Whole(DynamicRange {}.into()), &[&x])?;
    let quantize = Op::Quantize { dtype: DType::U8, axis: 0 };
    let made = call.build.emit(quantize, &[&x, &parameters[0], &parameters[1]])?;
    Ok([vec![made], parameters].concat())
}

/// The first input in f32, as near as 256 steps over its range come to it.
pub(super) fn dynamically_rounded(call: &mut Call<'_>) -> Result<Operand, Reason> {
    let made = dynamic_quantize_linear(call)?;
    call.build.emit(Op::Dequantize { axis: 0 }, &[&made[0], &made[1], &made[2]])
}

/// `x - zero` in f32, `axis` being that along which a vector of zero points runs.
fn centered(
    call: &mut Call<'_>,
    index: usize,
    zero: usize,
    axis: usize,
) -> Result<Operand, Reason> {
    let (x, rank) = (float(call, index)?, call.fact(index)?.rank());
    let Some(zero) = zero_point(call, zero)? else { return Ok(x) };
    let zero = along(call, &zero, axis, rank)?;
    call.build.binary(Binary::Sub, &x, &zero)
}

/// `(x - zero) * scale` of the inputs with these numbers, in f32; vectors run along `axis`.
pub(super) fn dequantized(
    call: &mut Call<'_>,
    index: usize,
    scale: usize,
    zero: Option<usize>,
    axis: usize,
) -> Result<Operand, Reason> {
    let fact = call.fact(index)?;
    if matches!(fact.dtype, DType::U8 | DType::I8)
        && let Some(parameters) = affine(call, fact.dtype, (scale, zero), |_| Ok(axis))?
    {
        let (x, Affine { axis, scale, zero }) = (call.input(index)?, parameters);
        return call.build.emit(Op::Dequantize { axis }, &[&x, &scale, &zero]);
    }
    let x = match zero {
        Some(zero) => centered(call, index, zero, axis)?,
        None => float(call, index)?,
    };
    let scale = float(call, scale)?;
    let scale = along(call, &scale, axis, fact.rank())?;
    call.build.binary(Binary::Mul, &x, &scale)
}

/// `x` as integers of a type, by the scale and zero point that are these inputs; vectors run along
/// the last axis.
pub(super) fn stored(
    call: &mut Call<'_>,
    x: &Operand,
    [scale, zero]: [usize; 2],
    dtype: DType,
) -> Result<Operand, Reason> {
    let rank = call.build.fact(x).rank();
    let last = rank.saturating_sub(1);
    if matches!(dtype, DType::U8 | DType::I8)
        && let Some(parameters) = affine(call, dtype, (scale, Some(zero)), |_| Ok(last))?
    {
        let Affine { axis, scale, zero } = parameters;
        return call.build.emit(Op::Quantize { dtype, axis }, &[x, &scale, &zero]);
    }
    let scale = float(call, scale)?;
    let scale = along(call, &scale, last, rank)?;
    let zero = match zero_point(call, zero)? {
        Some(zero) => Some(along(call, &zero, last, rank)?),
        None => None,
    };
    quantized(call, x, &scale, zero.as_ref(), dtype)
}

/// A vector so that it broadcasts along an axis; one number and full rank stay as they are.
pub(super) fn along(
    call: &mut Call<'_>,
    x: &Operand,
    axis: usize,
    rank: usize,
) -> Result<Operand, Reason> {
    match call.build.fact(x).shape.as_slice() {
        [one] if one.known() == Some(1) => call.build.reshape(x, vec![]),
        [size] if rank > 1 && axis < rank => {
            let mut shape = vec![Dim::from(1); rank];
            shape[axis] = size.clone();
            call.build.reshape(x, shape)
        }
        _ => Ok(x.clone()),
    }
}

/// ONNX QLinearMatMul-10,21: the product of what the integers stand for, rounded to integers.
fn q_linear_mat_mul(call: &mut Call<'_>) -> Made {
    let (rank_a, rank_b) = (call.fact(0)?.rank(), call.fact(3)?.rank());
    let a = dequantized(call, 0, 1, Some(2), rank_a.saturating_sub(2))?;
    let b = dequantized(call, 3, 4, Some(5), rank_b.saturating_sub(1))?;
    let product = call.build.emit(Op::MatMul, &[&a, &b])?;
    let dtype = call.fact(7)?.dtype;
    Ok(vec![stored(call, &product, [6, 7], dtype)?])
}

/// ONNX QLinearConv-10: the convolution of what the integers stand for, rounded to integers; the
/// bias counts in the product of both scales.
fn q_linear_conv(call: &mut Call<'_>) -> Made {
    let x = dequantized(call, 0, 1, Some(2), 1)?;
    let weights = dequantized(call, 3, 4, Some(5), 0)?;
    let bias = match call.optional(8) {
        Some(_) => {
            let (bias, a, b) = (float(call, 8)?, float(call, 1)?, float(call, 4)?);
            let scale = call.build.binary(Binary::Mul, &a, &b)?;
            Some(call.build.binary(Binary::Mul, &bias, &scale)?)
        }
        None => None,
    };
    let sum = convolution(call, &x, (&weights, 3), bias.as_ref())?;
    let dtype = call.fact(7)?.dtype;
    Ok(vec![stored(call, &sum, [6, 7], dtype)?])
}

/// ONNX MatMulInteger-10. Refused: vectors.
fn mat_mul_integer(call: &mut Call<'_>) -> Made {
    let mut zeros = Vec::new();
    for (index, back) in [(0, 2), (1, 1)] {
        let fact = call.fact(index)?;
        zeros.push(match call.optional(index + 2) {
            Some(zero) => along(call, &zero, fact.rank().saturating_sub(back), fact.rank())?,
            None => call.build.number(fact.dtype, 0.0)?,
        });
    }
    let (a, b) = (call.input(0)?, call.input(1)?);
    let op = Op::Whole(IntegerProduct {}.into());
    Ok(vec![call.build.emit(op, &[&a, &b, &zeros[0], &zeros[1]])?])
}

/// ONNX ConvInteger-10.
fn conv_integer(call: &mut Call<'_>) -> Made {
    let Conv { strides, dilations, pads, groups } = parameters(call, 1)?;
    let (x_type, weights) = (call.fact(0)?.dtype, call.fact(1)?);
    let x_zero = match call.optional(2) {
        Some(zero) => call.build.reshape(&zero, vec![])?,
        None => call.build.number(x_type, 0.0)?,
    };
    let weights_zero = match call.optional(3) {
        Some(zero) => along(call, &zero, 0, weights.rank())?,
        None => call.build.number(weights.dtype, 0.0)?,
    };
    let (x, weights) = (call.input(0)?, call.input(1)?);
    let op = Op::Whole(IntegerConvolution { strides, dilations, pads, groups }.into());
    Ok(vec![call.build.emit(op, &[&x, &weights, &x_zero, &weights_zero])?])
}
