//! Quantized forms, as arithmetic on floats: integers below 2^24 are exact there, and products of
//! integers are cut so that their sums stay below.

use super::conv::convolution;
use super::elementwise::narrowed;
use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use ir::{Op, SliceAxis};
use tensor::scalar::{Binary, Reduction, Unary};
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

/// The parameters of integers of a type, where the graph has an operator for them: f32 scales that
/// are not those of blocks.
fn affine(call: &mut Call<'_>, dtype: DType) -> Result<Option<Affine>, Reason> {
    let (rank, scale) = (call.fact(0)?.rank(), call.fact(1)?);
    let is_single = scale.shape.is_empty() || scale.shape == [Dim::from(1)];
    let is_blocked = call.int("block_size")?.unwrap_or(0) != 0;
    if scale.dtype != DType::F32 || is_blocked || scale.rank() > 1 {
        return Ok(None);
    }
    let axis = if is_single { 0 } else { call.axis("axis", 1, rank)? };
    let shape = if is_single { vec![] } else { scale.shape };
    let scale = call.input(1)?;
    let scale = call.build.reshape(&scale, shape.clone())?;
    let zero = match call.optional(2) {
        Some(zero) => call.build.reshape(&zero, shape)?,
        None => {
            let zero = call.build.number(dtype, 0.0)?;
            call.build.expand(&zero, shape)?
        }
    };
    Ok(Some(Affine { axis, scale, zero }))
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
    if is_byte
        && precision == DType::F32
        && let Some(parameters) = affine(call, dtype)?
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
    if matches!(from, DType::U8 | DType::I8 | DType::U4 | DType::I4)
        && dtype == DType::F32
        && let Some(Affine { axis, scale, zero }) = affine(call, from)?
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
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let zero = call.build.number(DType::F32, 0.0)?;
    let mut extreme = |reduction: Reduction, function: Binary| {
        let axes: Vec<usize> = (0..rank).collect();
        let op = Op::Reduce { reduction, axes, keepdims: false };
        let found = call.build.emit(op, &[&x])?;
        call.build.binary(function, &found, &zero)
    };
    let high = extreme(Reduction::Max, Binary::Max)?;
    let low = extreme(Reduction::Min, Binary::Min)?;
    let range = call.build.binary(Binary::Sub, &high, &low)?;
    let steps = call.build.number(DType::F32, 255.0)?;
    let scale = call.build.binary(Binary::Div, &range, &steps)?;
    // Zeros alone have no range: any scale will do.
    let zeros = call.build.binary(Binary::Equal, &range, &zero)?;
    let one = call.build.cast(&zeros, DType::F32)?;
    let scale = call.build.binary(Binary::Add, &scale, &one)?;
    let lowest = call.build.unary(Unary::Neg, &low)?;
    let point = quantized(call, &lowest, &scale, None, DType::U8)?;
    let zero = call.build.cast(&point, DType::F32)?;
    let made = quantized(call, &x, &scale, Some(&zero), DType::U8)?;
    Ok(vec![made, scale, point])
}

/// The first input in f32, as near as 256 steps over its range come to it.
pub(super) fn dynamically_rounded(call: &mut Call<'_>) -> Result<Operand, Reason> {
    let made = dynamic_quantize_linear(call)?;
    let x = call.build.cast(&made[0], DType::F32)?;
    let zero = call.build.cast(&made[2], DType::F32)?;
    let centered = call.build.binary(Binary::Sub, &x, &zero)?;
    call.build.binary(Binary::Mul, &centered, &made[1])
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
    let rank = call.fact(index)?.rank();
    let x = match zero {
        Some(zero) => centered(call, index, zero, axis)?,
        None => float(call, index)?,
    };
    let scale = float(call, scale)?;
    let scale = along(call, &scale, axis, rank)?;
    call.build.binary(Binary::Mul, &x, &scale)
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

/// ONNX QLinearMatMul-10,21: the product of the centered integers times one factor.
fn q_linear_mat_mul(call: &mut Call<'_>) -> Made {
    let (rank_a, rank_b) = (call.fact(0)?.rank(), call.fact(3)?.rank());
    let a = centered(call, 0, 2, rank_a.saturating_sub(2))?;
    let b = centered(call, 3, 5, rank_b.saturating_sub(1))?;
    let product = call.build.emit(Op::MatMul, &[&a, &b])?;
    let rank = call.build.fact(&product).rank();
    let (rows, columns) = (rank.saturating_sub(2), rank.saturating_sub(1));
    requantized(call, &product, [(1, rows), (4, columns), (6, columns)], 7)
}

/// ONNX QLinearConv-10.
fn q_linear_conv(call: &mut Call<'_>) -> Made {
    let x = centered(call, 0, 2, 1)?;
    let weights = centered(call, 3, 5, 0)?;
    let rank = call.fact(0)?.rank();
    let mut sum = convolution(call, &x, (&weights, 3), None)?;
    if call.optional(8).is_some() {
        let bias = float(call, 8)?;
        let bias = along(call, &bias, 1, rank)?;
        sum = call.build.binary(Binary::Add, &sum, &bias)?;
    }
    requantized(call, &sum, [(1, 1), (4, 1), (6, 1)], 7)
}

/// `sum * (scale of a * scale of b / scale of y)`, rounded to the type of the zero point. Each
/// scale is an input and the axis along which a vector of them runs.
fn requantized(
    call: &mut Call<'_>,
    sum: &Operand,
    scales: [(usize, usize); 3],
    zero: usize,
) -> Made {
    let rank = call.build.fact(sum).rank();
    let mut scale = |(index, axis): (usize, usize)| {
        let scale = float(call, index)?;
        along(call, &scale, axis, rank)
    };
    let (a, b, y) = (scale(scales[0])?, scale(scales[1])?, scale(scales[2])?);
    let factor = call.build.binary(Binary::Mul, &a, &b)?;
    let factor = call.build.binary(Binary::Div, &factor, &y)?;
    let scaled = call.build.binary(Binary::Mul, sum, &factor)?;
    let dtype = call.fact(zero)?.dtype;
    let point = match zero_point(call, zero)? {
        Some(point) => Some(along(call, &point, rank.saturating_sub(1), rank)?),
        None => None,
    };
    Ok(vec![rounded(call, &scaled, point.as_ref(), dtype)?])
}

/// The centered second operand as `16 * high + low`, so that sums of thousands of products of 8
/// bits by 4 are exact in f32.
fn halves(call: &mut Call<'_>, b: &Operand) -> Result<[Operand; 2], Reason> {
    let sixteen = call.build.number(DType::F32, 16.0)?;
    let high = call.build.binary(Binary::Div, b, &sixteen)?;
    let high = call.build.unary(Unary::Floor, &high)?;
    let taken = call.build.binary(Binary::Mul, &high, &sixteen)?;
    let low = call.build.binary(Binary::Sub, b, &taken)?;
    Ok([high, low])
}

/// `16 * high + low` of sums, as `i32`.
fn joined(call: &mut Call<'_>, [high, low]: [Operand; 2]) -> Made {
    let (high, low) = (call.build.cast(&high, DType::I32)?, call.build.cast(&low, DType::I32)?);
    let sixteen = call.build.number(DType::I32, 16.0)?;
    let high = call.build.binary(Binary::Mul, &high, &sixteen)?;
    Ok(vec![call.build.binary(Binary::Add, &high, &low)?])
}

/// Products in one sum that are exact: of at most 255 by at most 15, or by 16 the other way.
const EXACT: i64 = (1 << 24) / (255 * 16);

fn require_exact(call: &Call<'_>, products: Dim) -> Result<(), Reason> {
    if products.known().is_some_and(|products| products <= EXACT) {
        return Ok(());
    }
    let expected = format!("at most {EXACT} products in a sum");
    Err(call.refuse("the inner axis", &expected, &products.to_string()))
}

/// ONNX MatMulInteger-10, exact. Refused: more than 4112 products in a sum.
fn mat_mul_integer(call: &mut Call<'_>) -> Made {
    let (rank_a, rank_b) = (call.fact(0)?.rank(), call.fact(1)?.rank());
    require_exact(call, call.fact(0)?.shape.last().cloned().unwrap_or(Dim::from(1)))?;
    let a = centered(call, 0, 2, rank_a.saturating_sub(2))?;
    let b = centered(call, 1, 3, rank_b.saturating_sub(1))?;
    let [high, low] = halves(call, &b)?;
    let high = call.build.emit(Op::MatMul, &[&a, &high])?;
    let low = call.build.emit(Op::MatMul, &[&a, &low])?;
    joined(call, [high, low])
}

/// ONNX ConvInteger-10, exact. Refused: more than 4112 products in a sum.
fn conv_integer(call: &mut Call<'_>) -> Made {
    let taps = call.fact(1)?.shape.into_iter().skip(1).fold(Dim::from(1), |a, b| a * b);
    require_exact(call, taps)?;
    let x = centered(call, 0, 2, 1)?;
    let weights = centered(call, 1, 3, 0)?;
    let [high, low] = halves(call, &weights)?;
    let high = convolution(call, &x, (&high, 1), None)?;
    let low = convolution(call, &x, (&low, 1), None)?;
    joined(call, [high, low])
}
