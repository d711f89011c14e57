//! Functions of single elements and of pairs; the activations of networks are in `activation.rs`.

use super::super::call::{Call, Made};
use super::{Row, row, text};
use crate::decompose::arithmetic::with;
use ir::Op;
use operators::bitwise::{BitFunction, Bitwise};
use operators::function::{Function, Kind};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("Abs", |call| unary(call, Unary::Abs)).of_elements(),
    row("Neg", |call| unary(call, Unary::Neg)).of_elements(),
    row("Exp", |call| unary(call, Unary::Exp)).of_elements(),
    row("Expm1", |call| after(call, Unary::Exp, Binary::Sub)).of_elements(),
    row("Log", |call| unary(call, Unary::Log)).of_elements(),
    row("Log1p", log_of_one_more).of_elements(),
    row("Sqrt", |call| unary(call, Unary::Sqrt)).of_elements(),
    row("Rsqrt", rsqrt).of_elements(),
    row("Square", square).of_elements(),
    row("Reciprocal", |call| unary(call, Unary::Reciprocal)).of_elements(),
    row("Inv", |call| unary(call, Unary::Reciprocal)).of_elements(),
    row("Floor", |call| unary(call, Unary::Floor)).of_elements(),
    row("Ceil", |call| unary(call, Unary::Ceil)).of_elements(),
    row("Round", |call| unary(call, Unary::Round)).of_elements(),
    row("Rint", |call| unary(call, Unary::Round)).of_elements(),
    row("Sign", |call| unary(call, Unary::Sign)).of_elements(),
    row("Erf", |call| unary(call, Unary::Erf)).of_elements(),
    row("Erfc", erfc).of_elements(),
    row("Sin", |call| unary(call, Unary::Sin)).of_elements(),
    row("Cos", |call| unary(call, Unary::Cos)).of_elements(),
    row("Tan", |call| function(call, Kind::Tan)).of_elements(),
    row("Asin", |call| function(call, Kind::Asin)).of_elements(),
    row("Acos", |call| function(call, Kind::Acos)).of_elements(),
    row("Atan", |call| function(call, Kind::Atan)).of_elements(),
    row("Sinh", |call| function(call, Kind::Sinh)).of_elements(),
    row("Cosh", |call| function(call, Kind::Cosh)).of_elements(),
    row("Asinh", |call| function(call, Kind::Asinh)).of_elements(),
    row("Acosh", |call| function(call, Kind::Acosh)).of_elements(),
    row("Atanh", |call| function(call, Kind::Atanh)).of_elements(),
    row("LogicalNot", |call| unary(call, Unary::Not)).of_elements(),
    row("IsNan", |call| unary(call, Unary::IsNan)).of_elements(),
    row("IsInf", is_infinite).of_elements(),
    row("IsFinite", is_finite).of_elements(),
    row("Add", add).of_elements(),
    row("AddV2", add).of_elements(),
    row("AddN", add_all).of_elements(),
    row("Sub", |call| binary(call, Binary::Sub)).of_elements(),
    row("Mul", |call| binary(call, Binary::Mul)).of_elements(),
    row("Div", |call| binary(call, Binary::Div)).of_elements(),
    row("RealDiv", |call| binary(call, Binary::Div)).of_elements(),
    row("TruncateDiv", |call| binary(call, Binary::Div)).of_elements(),
    row("FloorDiv", floor_div).of_elements(),
    row("DivNoNan", |call| unless_zero(call, Binary::Div)).of_elements(),
    row("MulNoNan", |call| unless_zero(call, Binary::Mul)).of_elements(),
    row("FloorMod", |call| binary(call, Binary::Mod)).of_elements(),
    row("Mod", |call| binary(call, Binary::Fmod)).of_elements(),
    row("TruncateMod", |call| binary(call, Binary::Fmod)).of_elements(),
    row("Pow", |call| binary(call, Binary::Pow)).of_elements(),
    row("Maximum", |call| binary(call, Binary::Max)).of_elements(),
    row("Minimum", |call| binary(call, Binary::Min)).of_elements(),
    row("SquaredDifference", squared_difference).of_elements(),
    row("Equal", |call| equal(call, false)).of_elements(),
    row("NotEqual", |call| equal(call, true)).of_elements(),
    row("Less", |call| binary(call, Binary::Less)).of_elements(),
    row("LessEqual", |call| binary(call, Binary::LessOrEqual)).of_elements(),
    row("Greater", |call| binary(call, Binary::Greater)).of_elements(),
    row("GreaterEqual", |call| binary(call, Binary::GreaterOrEqual)).of_elements(),
    row("LogicalAnd", |call| binary(call, Binary::And)).of_elements(),
    row("LogicalOr", |call| binary(call, Binary::Or)).of_elements(),
    row("ClipByValue", clip).of_elements(),
    row("Cast", cast).of_elements(),
    row("SelectV2", select).of_elements(),
    row("Select", select_rows),
    row("BitwiseAnd", |call| bitwise(call, BitFunction::And)).of_elements(),
    row("BitwiseOr", |call| bitwise(call, BitFunction::Or)).of_elements(),
    row("BitwiseXor", |call| bitwise(call, BitFunction::Xor)).of_elements(),
    row("LeftShift", |call| bitwise(call, BitFunction::ShiftLeft)).of_elements(),
    row("RightShift", |call| bitwise(call, BitFunction::ShiftRight)).of_elements(),
];

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Unary(function), &[&x])
}

fn binary(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::Binary(function), &[&a, &b])
}

fn function(call: &mut Call<'_, '_>, kind: Kind) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Whole(Function { kind }.into()), &[&x])
}

fn bitwise(call: &mut Call<'_, '_>, function: BitFunction) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::Whole(Bitwise { function }.into()), &[&a, &b])
}

/// A function of each element, and then one of that and 1.
fn after(call: &mut Call<'_, '_>, function: Unary, then: Binary) -> Made {
    let x = call.input(0)?;
    let made = call.build().unary(function, &x)?;
    Ok(vec![with(call.build(), then, &made, 1.0)?])
}

fn log_of_one_more(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let sum = with(call.build(), Binary::Add, &x, 1.0)?;
    call.emit(Op::Unary(Unary::Log), &[&sum])
}

fn rsqrt(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let root = call.build().unary(Unary::Sqrt, &x)?;
    call.emit(Op::Unary(Unary::Reciprocal), &[&root])
}

fn square(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Binary(Binary::Mul), &[&x, &x])
}

fn squared_difference(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let difference = call.build().binary(Binary::Sub, &a, &b)?;
    call.emit(Op::Binary(Binary::Mul), &[&difference, &difference])
}

/// `1 - erf(x)`
fn erfc(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let erf = call.build().unary(Unary::Erf, &x)?;
    let one = call.walk.build.number(call.walk.build.fact(&x).dtype, 1.0)?;
    call.emit(Op::Binary(Binary::Sub), &[&one, &erf])
}

fn is_infinite(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let size = call.build().unary(Unary::Abs, &x)?;
    Ok(vec![with(call.build(), Binary::Equal, &size, f64::INFINITY)?])
}

/// No comparison with what is not a number holds.
fn is_finite(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let size = call.build().unary(Unary::Abs, &x)?;
    Ok(vec![with(call.build(), Binary::Less, &size, f64::INFINITY)?])
}

fn add(call: &mut Call<'_, '_>) -> Made {
    if call.fact(0)?.dtype == DType::String {
        return text::concat(call);
    }
    binary(call, Binary::Add)
}

fn add_all(call: &mut Call<'_, '_>) -> Made {
    let all = call.all()?;
    let mut sum = all[0].clone();
    for x in &all[1..] {
        sum = call.build().binary(Binary::Add, &sum, x)?;
    }
    Ok(vec![sum])
}

/// The quotient towards minus infinity: of integers that of the dividend without its rest.
fn floor_div(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let fact = call.fact(0)?;
    if fact.dtype.is_float() {
        let quotient = call.build().binary(Binary::Div, &a, &b)?;
        return call.emit(Op::Unary(Unary::Floor), &[&quotient]);
    }
    // Sizes are not negative.
    if [&a, &b].iter().all(|x| x.sizes().is_some()) && a.known().is_none() {
        return call.emit(Op::Binary(Binary::Div), &[&a, &b]);
    }
    let rest = call.build().binary(Binary::Mod, &a, &b)?;
    let whole = call.build().binary(Binary::Sub, &a, &rest)?;
    call.emit(Op::Binary(Binary::Div), &[&whole, &b])
}

/// 0 where the second operand is 0.
fn unless_zero(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let made = call.build().binary(function, &a, &b)?;
    let is_zero = with(call.build(), Binary::Equal, &b, 0.0)?;
    let zero = call.walk.build.number(call.walk.build.fact(&a).dtype, 0.0)?;
    call.emit(Op::Select, &[&is_zero, &zero, &made])
}

fn equal(call: &mut Call<'_, '_>, is_negated: bool) -> Made {
    let made = match call.fact(0)?.dtype {
        DType::String => text::equal(call)?.swap_remove(0),
        _ => binary(call, Binary::Equal)?.swap_remove(0),
    };
    if is_negated { call.emit(Op::Unary(Unary::Not), &[&made]) } else { Ok(vec![made]) }
}

fn clip(call: &mut Call<'_, '_>) -> Made {
    let (x, low, high) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let made = call.build().binary(Binary::Max, &x, &low)?;
    call.emit(Op::Binary(Binary::Min), &[&made, &high])
}

fn cast(call: &mut Call<'_, '_>) -> Made {
    let (x, to) = (call.input(0)?, call.dtype("DstT")?);
    if [call.fact(0)?.dtype, to].contains(&DType::String) {
        return Err(call.refuse("DstT", "a type of numbers", "text"));
    }
    Ok(vec![call.build().cast(&x, to)?])
}

fn select(call: &mut Call<'_, '_>) -> Made {
    let (condition, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    call.emit(Op::Select, &[&condition, &a, &b])
}

/// As it was before there was broadcasting: a condition of one axis chooses whole rows.
fn select_rows(call: &mut Call<'_, '_>) -> Made {
    let (condition, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (rank, shape) = (call.fact(1)?.rank(), call.fact(0)?.shape);
    let condition = match shape.as_slice() {
        [rows] if rank > 1 => {
            let wide: Vec<Dim> =
                [rows.clone()].into_iter().chain(vec![Dim::from(1); rank - 1]).collect();
            call.build().reshape(&condition, wide)?
        }
        _ => condition,
    };
    call.emit(Op::Select, &[&condition, &a, &b])
}
