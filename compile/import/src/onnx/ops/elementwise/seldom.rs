//! Functions of elements that models seldom use.

use super::super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use ir::Op;
use operators::bit_cast::BitCast;
use operators::bitwise::{BitFunction, Bitwise};
use operators::function::{Function, Kind};
use tensor::scalar::{Binary, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    row("Acos", &[], |call| function(call, Kind::Acos)),
    row("Acosh", &[], |call| function(call, Kind::Acosh)),
    row("Asin", &[], |call| function(call, Kind::Asin)),
    row("Asinh", &[], |call| function(call, Kind::Asinh)),
    row("Atan", &[], |call| function(call, Kind::Atan)),
    row("Atanh", &[], |call| function(call, Kind::Atanh)),
    row("Cosh", &[], |call| function(call, Kind::Cosh)),
    row("Sinh", &[], |call| function(call, Kind::Sinh)),
    row("Tan", &[], |call| function(call, Kind::Tan)),
    row("BitCast", &["to"], bit_cast),
    row("BitShift", &["direction"], bit_shift),
    row("BitwiseAnd", &[], |call| bitwise(call, BitFunction::And)),
    row("BitwiseNot", &[], bitwise_not),
    row("BitwiseOr", &[], |call| bitwise(call, BitFunction::Or)),
    row("BitwiseXor", &[], |call| bitwise(call, BitFunction::Xor)),
    row("Celu", &["alpha"], celu),
    row("IsInf", &["detect_negative", "detect_positive"], is_inf),
    row("Mish", &[], mish),
    row("Selu", &["alpha", "gamma"], selu),
    row("Shrink", &["bias", "lambd"], shrink),
    row("ThresholdedRelu", &["alpha"], thresholded_relu),
];

fn function(call: &mut Call<'_>, kind: Kind) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Whole(Function { kind }.into()), &[&x])
}

fn bitwise(call: &mut Call<'_>, function: BitFunction) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::Whole(Bitwise { function }.into()), &[&a, &b])
}

/// ONNX BitCast-26.
fn bit_cast(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let to = call.int("to")?.ok_or_else(|| call.refuse("to", "an element type", "nothing"))?;
    let to = tensors::element_type(to)
        .map_err(|name| call.refuse("to", "a number type of 8 bits or more, or bool", &name))?;
    call.emit(Op::Whole(BitCast { to }.into()), &[&x])
}

/// ONNX BitShift-11.
fn bit_shift(call: &mut Call<'_>) -> Made {
    match call.text("direction")? {
        Some("LEFT") => bitwise(call, BitFunction::ShiftLeft),
        Some("RIGHT") => bitwise(call, BitFunction::ShiftRight),
        other => Err(call.refuse("direction", "LEFT or RIGHT", other.unwrap_or("nothing"))),
    }
}

/// ONNX BitwiseNot-18: an exclusive or with all bits set.
fn bitwise_not(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let zero = call.build.number(dtype, 0.0)?;
    let one = call.build.number(dtype, 1.0)?;
    // Integers wrap.
    let ones = call.build.binary(Binary::Sub, &zero, &one)?;
    call.emit(Op::Whole(Bitwise { function: BitFunction::Xor }.into()), &[&x, &ones])
}

/// `factor * x`, and a number of the type of `x`.
fn scaled(call: &mut Call<'_>, x: &Operand, factor: f32) -> Result<Operand, Reason> {
    let factor = call.build.number(call.build.fact(x).dtype, f64::from(factor))?;
    call.build.binary(Binary::Mul, x, &factor)
}

/// ONNX Celu-12: `max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)`, which is `alpha` times ELU of
/// `x / alpha`.
fn celu(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(1.0);
    let x = call.input(0)?;
    let divisor = call.build.number(call.fact(0)?.dtype, f64::from(alpha))?;
    let inner = call.build.binary(Binary::Div, &x, &divisor)?;
    let elu = call.build.unary(Unary::Elu { alpha: 1.0 }, &inner)?;
    Ok(vec![scaled(call, &elu, alpha)?])
}

/// ONNX Selu-1,6,22.
fn selu(call: &mut Call<'_>) -> Made {
    let default = if call.opset < 6 { [1.6732, 1.0507] } else { [1.673_263_2, 1.050_701] };
    let alpha = call.float("alpha")?.unwrap_or(default[0]);
    let gamma = call.float("gamma")?.unwrap_or(default[1]);
    let x = call.input(0)?;
    let elu = call.build.unary(Unary::Elu { alpha }, &x)?;
    Ok(vec![scaled(call, &elu, gamma)?])
}

/// ONNX Mish-18,22: `x * tanh(log(1 + e^x))`.
fn mish(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let softplus = call.build.unary(Unary::Softplus, &x)?;
    let gate = call.build.unary(Unary::Tanh, &softplus)?;
    Ok(vec![call.build.binary(Binary::Mul, &x, &gate)?])
}

/// ONNX IsInf-10,20.
fn is_inf(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let detects_negative = call.flag("detect_negative", true)?;
    let detects_positive = call.flag("detect_positive", true)?;
    let tested = match (detects_negative, detects_positive) {
        (true, true) => call.build.unary(Unary::Abs, &x)?,
        (true, false) => call.build.unary(Unary::Neg, &x)?,
        (false, true) => x,
        // Nothing is both infinite and not a number.
        (false, false) => call.build.number(dtype, 0.0)?,
    };
    let infinity = call.build.number(dtype, f64::INFINITY)?;
    let made = call.build.binary(Binary::Equal, &tested, &infinity)?;
    let shape = call.fact(0)?.shape;
    Ok(vec![call.build.expand(&made, shape)?])
}

/// ONNX Shrink-9: `x + bias` below `-lambd`, `x - bias` above `lambd`, 0 between.
fn shrink(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let bias = f64::from(call.float("bias")?.unwrap_or(0.0));
    let limit = f64::from(call.float("lambd")?.unwrap_or(0.5));
    let [bias, low, high, zero] = [bias, -limit, limit, 0.0].map(|n| call.build.number(dtype, n));
    let (bias, zero) = (bias?, zero?);
    let is_below = call.build.binary(Binary::Less, &x, &low?)?;
    let is_above = call.build.binary(Binary::Greater, &x, &high?)?;
    let raised = call.build.binary(Binary::Add, &x, &bias)?;
    let lowered = call.build.binary(Binary::Sub, &x, &bias)?;
    let above = call.build.emit(Op::Select, &[&is_above, &lowered, &zero])?;
    call.emit(Op::Select, &[&is_below, &raised, &above])
}

/// ONNX ThresholdedRelu-10,22: `x` above `alpha`, else 0.
fn thresholded_relu(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let limit = call.build.number(dtype, f64::from(call.float("alpha")?.unwrap_or(1.0)))?;
    let zero = call.build.number(dtype, 0.0)?;
    let is_above = call.build.binary(Binary::Greater, &x, &limit)?;
    call.emit(Op::Select, &[&is_above, &x, &zero])
}
