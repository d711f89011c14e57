//! Functions of single elements and of pairs; the activations of networks are in
//! `activation.rs`.

pub(super) mod activation;
pub(super) mod seldom;

use super::{Row, old, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use ir::Op;
use operators::convert::Convert;
use tensor::DType;
use tensor::scalar::{Binary, Unary};
use tensor::small::{Narrowing, Round};

pub(super) const OPS: &[Row] = &[
    row("Abs", &[], |call| unary(call, Unary::Abs)),
    row("Neg", &[], |call| unary(call, Unary::Neg)),
    row("Exp", &[], |call| unary(call, Unary::Exp)),
    row("Log", &[], |call| unary(call, Unary::Log)),
    row("Sqrt", &[], |call| unary(call, Unary::Sqrt)),
    row("Reciprocal", &[], |call| unary(call, Unary::Reciprocal)),
    row("Floor", &[], |call| unary(call, Unary::Floor)),
    row("Ceil", &[], |call| unary(call, Unary::Ceil)),
    row("Round", &[], |call| unary(call, Unary::Round)),
    row("Sign", &[], |call| unary(call, Unary::Sign)),
    row("Erf", &[], |call| unary(call, Unary::Erf)),
    row("Sin", &[], |call| unary(call, Unary::Sin)),
    row("Cos", &[], |call| unary(call, Unary::Cos)),
    row("Not", &[], |call| unary(call, Unary::Not)),
    row("IsNaN", &[], |call| unary(call, Unary::IsNan)),
    row("Add", &[], |call| binary(call, Binary::Add)),
    row("Sub", &[], |call| binary(call, Binary::Sub)),
    row("Mul", &[], |call| binary(call, Binary::Mul)),
    row("Div", &[], |call| binary(call, Binary::Div)),
    row("And", &[], |call| binary(call, Binary::And)),
    row("Or", &[], |call| binary(call, Binary::Or)),
    row("Xor", &[], |call| binary(call, Binary::Xor)),
    row("Equal", &[], equal),
    row("Less", &[], |call| binary(call, Binary::Less)),
    row("LessOrEqual", &[], |call| binary(call, Binary::LessOrEqual)),
    row("Greater", &[], |call| binary(call, Binary::Greater)),
    row("GreaterOrEqual", &[], |call| binary(call, Binary::GreaterOrEqual)),
    row("Pow", &[], pow),
    row("Mod", &["fmod"], modulo),
    row("Max", &[], |call| variadic(call, Binary::Max)),
    row("Min", &[], |call| variadic(call, Binary::Min)),
    row("Sum", &[], |call| variadic(call, Binary::Add)),
    row("Mean", &[], mean),
    row("Where", &[], select),
    row("Cast", &["to", "saturate", "round_mode"], cast),
    row("CastLike", &["saturate", "round_mode"], cast_like),
    row("Identity", &[], identity),
    row("Dropout", &["ratio", "seed"], dropout),
];

/// ONNX Abs-6,13, Neg-6,13, Exp-6,13, Log-6,13, Sqrt-6,13, Reciprocal-6,13, Floor-6,13,
/// Ceil-6,13, Round-11,22, Sign-9,13, Erf-9,13, Sin-7,22, Cos-7,22, Not-1, IsNaN-9,13,20.
fn unary(call: &mut Call<'_>, function: Unary) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Unary(function), &[&x])
}

/// ONNX Add-1,6,7,13,14, Sub-1,6,7,13,14, Mul-1,6,7,13,14, Div-1,6,7,13,14, And-1,7, Or-1,7,
/// Xor-1,7, Less-1,7,9,13, LessOrEqual-12,16, Greater-1,7,9,13, GreaterOrEqual-12,16.
fn binary(call: &mut Call<'_>, function: Binary) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::Binary(function), &[&a, &b])
}

/// ONNX Max-8,12,13, Min-8,12,13 and Sum-8,13: pair after pair.
fn variadic(call: &mut Call<'_>, function: Binary) -> Made {
    let inputs = call.variadic()?;
    Ok(vec![in_pairs(call, function, &inputs)?])
}

fn in_pairs(call: &mut Call<'_>, function: Binary, inputs: &[Operand]) -> Result<Operand, Reason> {
    let Some((first, rest)) = inputs.split_first() else { return call.input(0) };
    let pair = |made: Operand, next| call.build.binary(function, &made, next);
    rest.iter().try_fold(first.clone(), pair)
}

/// ONNX Mean-8,13: the sum over the number of inputs.
fn mean(call: &mut Call<'_>) -> Made {
    let inputs = call.variadic()?;
    let sum = in_pairs(call, Binary::Add, &inputs)?;
    let dtype = call.build.fact(&sum).dtype;
    let count = call.build.number(dtype, inputs.len() as f64)?;
    Ok(vec![call.build.binary(Binary::Div, &sum, &count)?])
}

/// ONNX Pow-1,7,12,13,15. The result has the type of the base; an integer to the power of a float
/// is computed in the float type.
fn pow(call: &mut Call<'_>) -> Made {
    let (base, exponent) = (call.input(0)?, call.input(1)?);
    let made = call.build.fact(&base).dtype;
    let given = call.build.fact(&exponent).dtype;
    let computed = if !made.is_float() && given.is_float() { given } else { made };
    let base = call.build.cast(&base, computed)?;
    let exponent = call.build.cast(&exponent, computed)?;
    let power = call.build.binary(Binary::Pow, &base, &exponent)?;
    Ok(vec![call.build.cast(&power, made)?])
}

/// ONNX Mod-10,13,28. Refused: floats without `fmod`, which the standard leaves undefined.
fn modulo(call: &mut Call<'_>) -> Made {
    let is_fmod = call.flag("fmod", false)?;
    if !is_fmod && call.fact(0)?.dtype.is_float() {
        return Err(call.refuse("fmod", "1 for float operands", "0"));
    }
    binary(call, if is_fmod { Binary::Fmod } else { Binary::Mod })
}

/// ONNX Where-9,16.
fn select(call: &mut Call<'_>) -> Made {
    let (condition, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    call.emit(Op::Select, &[&condition, &a, &b])
}

/// ONNX Equal-1,7,11,13,19.
fn equal(call: &mut Call<'_>) -> Made {
    if call.fact(0)?.dtype == DType::String {
        return super::strings::equal(call);
    }
    binary(call, Binary::Equal)
}

/// ONNX Cast-1,6,9,13,19,21,23,24,25,28. Accepted: every pair of number types and booleans.
/// Refused: text.
fn cast(call: &mut Call<'_>) -> Made {
    let to = match call.opset {
        ..6 => call.text("to")?.and_then(old::element_number),
        _ => call.int("to")?,
    };
    let to = to.ok_or_else(|| call.refuse("to", "an element type", "nothing"))?;
    let dtype = tensors::element_type(to)
        .map_err(|name| call.refuse("to", "a number type or bool", &name))?;
    converted(call, dtype)
}

/// ONNX CastLike-15,19,21,23,24,25.
fn cast_like(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(1)?.dtype;
    converted(call, dtype)
}

fn converted(call: &mut Call<'_>, to: DType) -> Made {
    let x = call.input(0)?;
    let round = match call.text("round_mode")?.unwrap_or("up") {
        "up" => Round::Up,
        "down" => Round::Down,
        "nearest" => Round::Nearest,
        other => return Err(call.refuse("round_mode", "up, down or nearest", other)),
    };
    let narrowing = Narrowing { is_saturating: call.flag("saturate", true)?, round };
    if [call.build.fact(&x).dtype, to].contains(&DType::String) {
        return super::strings::cast(call, &x, to);
    }
    Ok(vec![narrowed(call, &x, to, narrowing)?])
}

/// `x` in another type, numbers that a small one does not have treated as `narrowing` says.
pub(super) fn narrowed(
    call: &mut Call<'_>,
    x: &Operand,
    to: DType,
    narrowing: Narrowing,
) -> Result<Operand, Reason> {
    if !to.is_small() || narrowing == Narrowing::default() {
        return call.build.cast(x, to);
    }
    call.build.emit(Op::Whole(Convert { to, narrowing }.into()), &[x])
}

/// ONNX Identity-1,13,14,16,19,21,23,24,25: the value itself.
pub(super) fn identity(call: &mut Call<'_>) -> Made {
    Ok(vec![call.input(0)?])
}

/// ONNX Dropout-1,6,7,10,12,13,22: the value itself, as always in inference, and a mask that keeps
/// all. Refused: a `training_mode` that is not constant false.
fn dropout(call: &mut Call<'_>) -> Made {
    if call.optional(2).is_some() {
        let mode = call.integers(2, "training_mode")?;
        if mode.iter().any(|&v| v != 0) {
            let (expected, found) = ("training_mode false".to_string(), "true".to_string());
            return Err(Reason::Input { input: 2, expected, found });
        }
    }
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    // Before opset 10 the mask has the type of the value.
    let dtype = if call.opset < 10 { fact.dtype } else { DType::Bool };
    let kept = call.build.number(dtype, 1.0)?;
    Ok(vec![x, call.build.expand(&kept, fact.shape)?])
}
