//! Functions of one element, of pairs, and of an element and a number.

use super::super::call::{Call, Made};
use super::activation::unary;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with;
use crate::error::Reason;
use ir::Op;
use operators::function::{Function, Kind};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    // Of pairs of equal shape, and of those that broadcast.
    row("elemwise_add", |call| pair(call, Binary::Add)),
    row("_plus", |call| pair(call, Binary::Add)),
    row("_Plus", |call| pair(call, Binary::Add)),
    row("_add", |call| pair(call, Binary::Add)),
    row("_grad_add", |call| pair(call, Binary::Add)),
    row("broadcast_add", |call| pair(call, Binary::Add)),
    row("broadcast_plus", |call| pair(call, Binary::Add)),
    row("elemwise_sub", |call| pair(call, Binary::Sub)),
    row("_minus", |call| pair(call, Binary::Sub)),
    row("_Minus", |call| pair(call, Binary::Sub)),
    row("_sub", |call| pair(call, Binary::Sub)),
    row("broadcast_sub", |call| pair(call, Binary::Sub)),
    row("broadcast_minus", |call| pair(call, Binary::Sub)),
    row("elemwise_mul", |call| pair(call, Binary::Mul)),
    row("_mul", |call| pair(call, Binary::Mul)),
    row("_Mul", |call| pair(call, Binary::Mul)),
    row("broadcast_mul", |call| pair(call, Binary::Mul)),
    row("elemwise_div", |call| pair(call, Binary::Div)),
    row("_div", |call| pair(call, Binary::Div)),
    row("_Div", |call| pair(call, Binary::Div)),
    row("broadcast_div", |call| pair(call, Binary::Div)),
    row("broadcast_mod", |call| pair(call, Binary::Mod)),
    row("_mod", |call| pair(call, Binary::Mod)),
    row("broadcast_power", |call| pair(call, Binary::Pow)),
    row("_power", |call| pair(call, Binary::Pow)),
    row("broadcast_maximum", |call| pair(call, Binary::Max)),
    row("_maximum", |call| pair(call, Binary::Max)),
    row("broadcast_minimum", |call| pair(call, Binary::Min)),
    row("_minimum", |call| pair(call, Binary::Min)),
    row("broadcast_hypot", hypot),
    row("broadcast_equal", |call| pair(call, Binary::Equal)),
    row("_equal", |call| pair(call, Binary::Equal)),
    row("broadcast_not_equal", |call| not_equal(call, Other::Value)),
    row("_not_equal", |call| not_equal(call, Other::Value)),
    row("broadcast_greater", |call| pair(call, Binary::Greater)),
    row("_greater", |call| pair(call, Binary::Greater)),
    row("broadcast_greater_equal", |call| pair(call, Binary::GreaterOrEqual)),
    row("_greater_equal", |call| pair(call, Binary::GreaterOrEqual)),
    row("broadcast_lesser", |call| pair(call, Binary::Less)),
    row("_lesser", |call| pair(call, Binary::Less)),
    row("broadcast_lesser_equal", |call| pair(call, Binary::LessOrEqual)),
    row("_lesser_equal", |call| pair(call, Binary::LessOrEqual)),
    row("broadcast_logical_and", |call| logical(call, Binary::And)),
    row("broadcast_logical_or", |call| logical(call, Binary::Or)),
    row("broadcast_logical_xor", |call| logical(call, Binary::Xor)),
    row("add_n", sum),
    row("ElementWiseSum", sum),
    // Of an element and a number.
    row("_plus_scalar", |call| scalar(call, Binary::Add)),
    row("_PlusScalar", |call| scalar(call, Binary::Add)),
    row("_minus_scalar", |call| scalar(call, Binary::Sub)),
    row("_MinusScalar", |call| scalar(call, Binary::Sub)),
    row("_rminus_scalar", |call| reversed(call, Binary::Sub)),
    row("_RMinusScalar", |call| reversed(call, Binary::Sub)),
    row("_mul_scalar", |call| scalar(call, Binary::Mul)),
    row("_MulScalar", |call| scalar(call, Binary::Mul)),
    row("_div_scalar", |call| scalar(call, Binary::Div)),
    row("_DivScalar", |call| scalar(call, Binary::Div)),
    row("_rdiv_scalar", |call| reversed(call, Binary::Div)),
    row("_RDivScalar", |call| reversed(call, Binary::Div)),
    row("_mod_scalar", |call| scalar(call, Binary::Mod)),
    row("_rmod_scalar", |call| reversed(call, Binary::Mod)),
    row("_power_scalar", |call| scalar(call, Binary::Pow)),
    row("_PowerScalar", |call| scalar(call, Binary::Pow)),
    row("_rpower_scalar", |call| reversed(call, Binary::Pow)),
    row("_maximum_scalar", |call| scalar(call, Binary::Max)),
    row("_MaximumScalar", |call| scalar(call, Binary::Max)),
    row("_minimum_scalar", |call| scalar(call, Binary::Min)),
    row("_MinimumScalar", |call| scalar(call, Binary::Min)),
    row("_equal_scalar", |call| scalar(call, Binary::Equal)),
    row("_not_equal_scalar", |call| not_equal(call, Other::Number)),
    row("_greater_scalar", |call| scalar(call, Binary::Greater)),
    row("_greater_equal_scalar", |call| scalar(call, Binary::GreaterOrEqual)),
    row("_lesser_scalar", |call| scalar(call, Binary::Less)),
    row("_lesser_equal_scalar", |call| scalar(call, Binary::LessOrEqual)),
    row("smooth_l1", smooth_l1),
    row("clip", clip),
    // Of one element.
    row("abs", |call| unary(call, Unary::Abs)),
    row("negative", |call| unary(call, Unary::Neg)),
    row("sign", |call| unary(call, Unary::Sign)),
    row("ceil", |call| unary(call, Unary::Ceil)),
    row("floor", |call| unary(call, Unary::Floor)),
    row("fix", towards_zero),
    row("trunc", towards_zero),
    row("round", |call| nearest(call, true)),
    row("rint", |call| nearest(call, false)),
    row("reciprocal", |call| unary(call, Unary::Reciprocal)),
    row("square", |call| power_of(call, 2.0)),
    row("sqrt", |call| unary(call, Unary::Sqrt)),
    row("rsqrt", |call| power_of(call, -0.5)),
    row("exp", |call| unary(call, Unary::Exp)),
    row("expm1", |call| shifted(call, Unary::Exp, 0.0, -1.0)),
    row("log", |call| unary(call, Unary::Log)),
    row("log2", |call| logarithm(call, std::f64::consts::LN_2)),
    row("log10", |call| logarithm(call, std::f64::consts::LN_10)),
    row("log1p", |call| shifted(call, Unary::Log, 1.0, 0.0)),
    row("erf", |call| unary(call, Unary::Erf)),
    row("sin", |call| unary(call, Unary::Sin)),
    row("cos", |call| unary(call, Unary::Cos)),
    row("tanh", |call| unary(call, Unary::Tanh)),
    row("tan", |call| function(call, Kind::Tan)),
    row("arcsin", |call| function(call, Kind::Asin)),
    row("arccos", |call| function(call, Kind::Acos)),
    row("arctan", |call| function(call, Kind::Atan)),
    row("sinh", |call| function(call, Kind::Sinh)),
    row("cosh", |call| function(call, Kind::Cosh)),
    row("arcsinh", |call| function(call, Kind::Asinh)),
    row("arccosh", |call| function(call, Kind::Acosh)),
    row("arctanh", |call| function(call, Kind::Atanh)),
    row("degrees", |call| times(call, 180.0 / std::f64::consts::PI)),
    row("radians", |call| times(call, std::f64::consts::PI / 180.0)),
    row("logical_not", logical_not),
    row("zeros_like", |call| filled(call, 0.0)),
    row("ones_like", |call| filled(call, 1.0)),
    row("Cast", cast),
    row("cast", cast),
    row("amp_cast", cast),
];

/// What a function makes of a pair, in the type of the first where it compares.
fn paired(call: &mut Call<'_, '_>, function: Binary, a: &Operand, b: &Operand) -> Made {
    let build = call.build();
    let dtype = build.fact(a).dtype;
    let made = build.binary(function, a, b)?;
    Ok(vec![if function.is_predicate() { build.cast(&made, dtype)? } else { made }])
}

fn pair(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    paired(call, function, &a, &b)
}

/// The number of an operator that takes one.
fn number(call: &mut Call<'_, '_>) -> Result<Operand, Reason> {
    let (value, dtype) = (call.float("scalar", 0.0)?, call.fact(0)?.dtype);
    call.build().number(dtype, value)
}

fn scalar(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (x, number) = (call.input(0)?, number(call)?);
    paired(call, function, &x, &number)
}

fn reversed(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (x, number) = (call.input(0)?, number(call)?);
    paired(call, function, &number, &x)
}

#[derive(Clone, Copy)]
enum Other {
    Value,
    Number,
}

fn not_equal(call: &mut Call<'_, '_>, other: Other) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let other = match other {
        Other::Value => call.input(1)?,
        Other::Number => number(call)?,
    };
    let build = call.build();
    let is_equal = build.binary(Binary::Equal, &x, &other)?;
    let differs = build.unary(Unary::Not, &is_equal)?;
    Ok(vec![build.cast(&differs, dtype)?])
}

fn logical(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b, dtype) = (call.input(0)?, call.input(1)?, call.fact(0)?.dtype);
    let build = call.build();
    let (a, b) = (build.cast(&a, DType::Bool)?, build.cast(&b, DType::Bool)?);
    let made = build.binary(function, &a, &b)?;
    Ok(vec![build.cast(&made, dtype)?])
}

fn logical_not(call: &mut Call<'_, '_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let build = call.build();
    let x = build.cast(&x, DType::Bool)?;
    let made = build.unary(Unary::Not, &x)?;
    Ok(vec![build.cast(&made, dtype)?])
}

/// `sqrt(a^2 + b^2)`
fn hypot(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let build = call.build();
    let (a, b) = (build.binary(Binary::Mul, &a, &a)?, build.binary(Binary::Mul, &b, &b)?);
    let sum = build.binary(Binary::Add, &a, &b)?;
    Ok(vec![build.unary(Unary::Sqrt, &sum)?])
}

fn sum(call: &mut Call<'_, '_>) -> Made {
    let mut sum = call.input(0)?;
    for at in 1..call.inputs.len() {
        let next = call.input(at)?;
        sum = call.build().binary(Binary::Add, &sum, &next)?;
    }
    Ok(vec![sum])
}

/// `s^2 x^2 / 2` near zero, else `|x| - 1 / (2 s^2)`
fn smooth_l1(call: &mut Call<'_, '_>) -> Made {
    let (x, square) = (call.input(0)?, call.float("scalar", 1.0)?.powi(2));
    let build = call.build();
    let size = build.unary(Unary::Abs, &x)?;
    let near = build.binary(Binary::Mul, &x, &x)?;
    let near = with(build, Binary::Mul, &near, square / 2.0)?;
    let far = with(build, Binary::Sub, &size, 0.5 / square)?;
    let is_near = with(build, Binary::Less, &size, 1.0 / square)?;
    call.emit(Op::Select, &[&is_near, &near, &far])
}

fn clip(call: &mut Call<'_, '_>) -> Made {
    let min = call.float("a_min", f64::NEG_INFINITY)? as f32;
    let max = call.float("a_max", f64::INFINITY)? as f32;
    unary(call, Unary::Clip { min, max })
}

/// The integer part.
fn towards_zero(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let build = call.build();
    let (sign, size) = (build.unary(Unary::Sign, &x)?, build.unary(Unary::Abs, &x)?);
    let whole = build.unary(Unary::Floor, &size)?;
    Ok(vec![build.binary(Binary::Mul, &sign, &whole)?])
}

/// The nearest integer, of two the one farther from zero, or the lower one.
fn nearest(call: &mut Call<'_, '_>, is_from_zero: bool) -> Made {
    let x = call.input(0)?;
    let build = call.build();
    if !is_from_zero {
        let below = with(build, Binary::Sub, &x, 0.5)?;
        return Ok(vec![build.unary(Unary::Ceil, &below)?]);
    }
    let (sign, size) = (build.unary(Unary::Sign, &x)?, build.unary(Unary::Abs, &x)?);
    let above = with(build, Binary::Add, &size, 0.5)?;
    let whole = build.unary(Unary::Floor, &above)?;
    Ok(vec![build.binary(Binary::Mul, &sign, &whole)?])
}

fn power_of(call: &mut Call<'_, '_>, exponent: f64) -> Made {
    let x = call.input(0)?;
    let build = call.build();
    Ok(vec![match exponent == 2.0 {
        true => build.binary(Binary::Mul, &x, &x)?,
        false => {
            let root = build.unary(Unary::Sqrt, &x)?;
            build.unary(Unary::Reciprocal, &root)?
        }
    }])
}

/// `f(x + before) + after`
fn shifted(call: &mut Call<'_, '_>, function: Unary, before: f64, after: f64) -> Made {
    let x = call.input(0)?;
    let build = call.build();
    let x = if before == 0.0 { x } else { with(build, Binary::Add, &x, before)? };
    let made = build.unary(function, &x)?;
    Ok(vec![if after == 0.0 { made } else { with(build, Binary::Add, &made, after)? }])
}

fn logarithm(call: &mut Call<'_, '_>, of_base: f64) -> Made {
    let x = call.input(0)?;
    let build = call.build();
    let natural = build.unary(Unary::Log, &x)?;
    Ok(vec![with(build, Binary::Div, &natural, of_base)?])
}

fn times(call: &mut Call<'_, '_>, factor: f64) -> Made {
    let x = call.input(0)?;
    Ok(vec![with(call.build(), Binary::Mul, &x, factor)?])
}

fn function(call: &mut Call<'_, '_>, kind: Kind) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Whole(Function { kind }.into()), &[&x])
}

/// A number in the shape of the first input.
fn filled(call: &mut Call<'_, '_>, number: f64) -> Made {
    let fact = call.fact(0)?;
    let shape: Vec<Dim> = fact.shape;
    let number = call.build().number(fact.dtype, number)?;
    Ok(vec![call.build().expand(&number, shape)?])
}

fn cast(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let dtype = call.dtype("dtype", DType::F32)?;
    Ok(vec![call.build().cast(&x, dtype)?])
}
