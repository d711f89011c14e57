//! Functions of each element or pair of elements.

use super::super::call::{Call, Made};
use super::{Row, number, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with;
use crate::error::Reason;
use ir::Op;
use operators::bitwise::{BitFunction, Bitwise};
use tensor::DType;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("abs", "self", |call| unary(call, Unary::Abs)),
    row("neg", "self|a", |call| unary(call, Unary::Neg)),
    row("sign", "self", |call| unary(call, Unary::Sign)),
    row("exp", "self", |call| of_float(call, Unary::Exp)),
    row("log", "self", |call| of_float(call, Unary::Log)),
    row("sqrt", "self|a", |call| of_float(call, Unary::Sqrt)),
    row("reciprocal", "self", |call| of_float(call, Unary::Reciprocal)),
    row("erf", "self", |call| of_float(call, Unary::Erf)),
    row("sin", "self", |call| of_float(call, Unary::Sin)),
    row("cos", "self", |call| of_float(call, Unary::Cos)),
    row("floor", "self|a", |call| rounded(call, Unary::Floor)),
    row("ceil", "self|a", |call| rounded(call, Unary::Ceil)),
    row("round", "self", |call| rounded(call, Unary::Round)),
    row("trunc", "self", trunc),
    row("frac", "self", |call| {
        let whole = trunc(call)?;
        let (x, whole) = (call.tensor(0)?, call.operand_of(0, &whole)?);
        call.emit(Op::Binary(Binary::Sub), &[&x, &whole])
    }),
    row("isnan", "self", |call| of_float(call, Unary::IsNan)),
    row("isinf", "self", |call| {
        let x = float(call, 0)?;
        let size = call.build.unary(Unary::Abs, &x)?;
        let made = with(call.build, Binary::Equal, &size, f64::INFINITY)?;
        Ok(call.own(made))
    }),
    row("rsqrt", "self", |call| {
        let x = float(call, 0)?;
        let root = call.build.unary(Unary::Sqrt, &x)?;
        call.emit(Op::Unary(Unary::Reciprocal), &[&root])
    }),
    row("square", "self", |call| {
        let x = call.tensor(0)?;
        call.emit(Op::Binary(Binary::Mul), &[&x, &x])
    }),
    row("exp2", "self", |call| {
        let x = float(call, 0)?;
        let x = with(call.build, Binary::Mul, &x, std::f64::consts::LN_2)?;
        call.emit(Op::Unary(Unary::Exp), &[&x])
    }),
    row("expm1", "self", |call| {
        let x = float(call, 0)?;
        let made = call.build.unary(Unary::Exp, &x)?;
        let made = with(call.build, Binary::Sub, &made, 1.0)?;
        Ok(call.own(made))
    }),
    row("erfc", "self", |call| {
        let x = float(call, 0)?;
        let made = call.build.unary(Unary::Erf, &x)?;
        let one = call.build.number(call.build.fact(&made).dtype, 1.0)?;
        call.emit(Op::Binary(Binary::Sub), &[&one, &made])
    }),
    row("log2", "self", |call| scaled_log(call, 0.0, std::f64::consts::LOG2_E)),
    row("log10", "self", |call| scaled_log(call, 0.0, std::f64::consts::LOG10_E)),
    row("log1p", "self", |call| scaled_log(call, 1.0, 1.0)),
    row("logical_not", "self", logical_not),
    row("bitwise_not", "self", logical_not),
    row("add", "self|a|input other|b alpha", |call| sum(call, Binary::Add)),
    row("sub", "self|a|input other|b alpha", |call| sum(call, Binary::Sub)),
    row("rsub", "self other alpha", |call| {
        call.args.swap(0, 1);
        sum(call, Binary::Sub)
    }),
    row("mul", "self|a|input other|b", |call| binary(call, Binary::Mul)),
    row("div", "self|a|input other|b rounding_mode", div),
    row("true_divide", "self other rounding_mode", div),
    row("divide", "self other rounding_mode", div),
    row("multiply", "self other", |call| binary(call, Binary::Mul)),
    row("subtract", "self other alpha", |call| sum(call, Binary::Sub)),
    row("floor_divide", "self other", floor_divide),
    row("remainder", "self|a other|b", |call| binary(call, Binary::Mod)),
    row("fmod", "self other", |call| binary(call, Binary::Fmod)),
    row("pow", "self|a exponent|b", pow),
    row("maximum", "self other", |call| binary(call, Binary::Max)),
    row("minimum", "self other", |call| binary(call, Binary::Min)),
    row("fmax", "self other", |call| binary(call, Binary::Max)),
    row("fmin", "self other", |call| binary(call, Binary::Min)),
    row("eq", "self|a other|b", |call| binary(call, Binary::Equal)),
    row("ne", "self|a other|b", |call| {
        let made = binary(call, Binary::Equal)?;
        number::negated(call, &made)
    }),
    row("lt", "self|a other|b", |call| binary(call, Binary::Less)),
    row("le", "self|a other|b", |call| binary(call, Binary::LessOrEqual)),
    row("gt", "self|a other|b", |call| binary(call, Binary::Greater)),
    row("ge", "self|a other|b", |call| binary(call, Binary::GreaterOrEqual)),
    row("logical_and", "self other", |call| logical(call, Binary::And)),
    row("logical_or", "self other", |call| logical(call, Binary::Or)),
    row("logical_xor", "self other", |call| logical(call, Binary::Xor)),
    row("bitwise_and", "self other", |call| bits(call, Binary::And, BitFunction::And)),
    row("bitwise_or", "self other", |call| bits(call, Binary::Or, BitFunction::Or)),
    row("bitwise_xor", "self other", |call| bits(call, Binary::Xor, BitFunction::Xor)),
    row("__and__", "self|a other|b", |call| bits(call, Binary::And, BitFunction::And)),
    row("__or__", "self|a other|b", |call| bits(call, Binary::Or, BitFunction::Or)),
    row("__xor__", "self|a other|b", |call| bits(call, Binary::Xor, BitFunction::Xor)),
    row("addcmul", "self tensor1 tensor2 value", |call| add_scaled(call, Binary::Mul)),
    row("addcdiv", "self tensor1 tensor2 value", |call| add_scaled(call, Binary::Div)),
    row("lerp", "self end weight", lerp),
    row("clamp", "self min max", clamp),
    row("clip", "self min max", clamp),
    row("clamp_min", "self min", |call| {
        call.args.push(None);
        clamp(call)
    }),
    row("clamp_max", "self max", |call| {
        call.args.insert(1, None);
        clamp(call)
    }),
    row("where", "condition self other", choose),
    row("masked_fill", "self mask value", masked_fill),
    row("nan_to_num", "self nan posinf neginf", nan_to_num),
];

// === Types ===

/// The type that values of both types become.
pub(super) fn joined(a: DType, b: DType) -> DType {
    let rank = |dtype: DType| match dtype {
        DType::Bool => 0,
        DType::U8 => 1,
        DType::I8 => 2,
        DType::I16 => 3,
        DType::I32 => 4,
        DType::I64 => 5,
        DType::F16 => 6,
        DType::BF16 => 7,
        DType::F32 => 8,
        _ => 9,
    };
    match (a, b) {
        (DType::F16, DType::BF16) | (DType::BF16, DType::F16) => DType::F32,
        (DType::U8, DType::I8) | (DType::I8, DType::U8) => DType::I16,
        _ if rank(a) >= rank(b) => a,
        _ => b,
    }
}

const fn category(dtype: DType) -> usize {
    match dtype {
        DType::Bool => 0,
        dtype if dtype.is_float() => 2,
        _ => 1,
    }
}

/// Operands in the one type that PyTorch computes in: that of tensors with axes, where numbers and
/// tensors without axes are of no higher kind.
pub(super) fn together(
    call: &mut Call<'_>,
    indices: &[usize],
) -> Result<(Vec<Operand>, DType), Reason> {
    let mut by_rank: [Option<DType>; 3] = [None; 3];
    let mut operands = Vec::with_capacity(indices.len());
    for &index in indices {
        let x = call.tensor(index)?;
        let fact = call.build.fact(&x);
        // A trace writes a number as a constant of 64 bits.
        let is_number = fact.dtype == DType::F64 && fact.rank() == 0 && x.known().is_some();
        let (rank, own) = match !call.is_tensor(index) || is_number {
            true if is_number => (0, DType::F32),
            true => (0, fact.dtype),
            false => (1 + usize::from(fact.rank() > 0), fact.dtype),
        };
        by_rank[rank] = Some(by_rank[rank].map_or(own, |other| joined(other, own)));
        operands.push(x);
    }
    let mut dtype: Option<DType> = None;
    for own in by_rank.into_iter().rev().flatten() {
        dtype = Some(match dtype {
            Some(dtype) if category(own) <= category(dtype) => dtype,
            _ => own,
        });
    }
    let dtype = dtype.unwrap_or(DType::F32);
    for x in &mut operands {
        *x = call.build.cast(x, dtype)?;
    }
    Ok((operands, dtype))
}

/// An argument as floats.
pub(super) fn float(call: &mut Call<'_>, index: usize) -> Result<Operand, Reason> {
    let x = call.tensor(index)?;
    match call.build.fact(&x).dtype.is_float() {
        true => Ok(x),
        false => call.build.cast(&x, DType::F32),
    }
}

// === Of one element ===

fn unary(call: &mut Call<'_>, function: Unary) -> Made {
    if !call.is_tensor(0) {
        return number::unary(call);
    }
    let x = call.tensor(0)?;
    call.emit(Op::Unary(function), &[&x])
}

fn of_float(call: &mut Call<'_>, function: Unary) -> Made {
    if !call.is_tensor(0) {
        return number::unary(call);
    }
    let x = float(call, 0)?;
    call.emit(Op::Unary(function), &[&x])
}

fn rounded(call: &mut Call<'_>, function: Unary) -> Made {
    if !call.is_tensor(0) {
        return number::unary(call);
    }
    let x = call.tensor(0)?;
    match call.build.fact(&x).dtype.is_float() {
        true => call.emit(Op::Unary(function), &[&x]),
        false => Ok(call.own(x)),
    }
}

/// `sign(x) * floor(|x|)`
fn trunc(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let made = truncated(call, &x)?;
    Ok(call.own(made))
}

fn truncated(call: &mut Call<'_>, x: &Operand) -> Result<Operand, Reason> {
    if !call.build.fact(x).dtype.is_float() {
        return Ok(x.clone());
    }
    let size = call.build.unary(Unary::Abs, x)?;
    let size = call.build.unary(Unary::Floor, &size)?;
    let sign = call.build.unary(Unary::Sign, x)?;
    call.build.binary(Binary::Mul, &sign, &size)
}

/// `log(x + added) * scale`
fn scaled_log(call: &mut Call<'_>, added: f64, scale: f64) -> Made {
    let mut x = float(call, 0)?;
    if added != 0.0 {
        x = with(call.build, Binary::Add, &x, added)?;
    }
    let made = call.build.unary(Unary::Log, &x)?;
    let made = if scale == 1.0 { made } else { with(call.build, Binary::Mul, &made, scale)? };
    Ok(call.own(made))
}

fn logical_not(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let is_bits = call.op == "bitwise_not" && call.build.fact(&x).dtype != DType::Bool;
    if is_bits {
        let made = call.build.unary(Unary::Neg, &x)?;
        let made = with(call.build, Binary::Sub, &made, 1.0)?;
        return Ok(call.own(made));
    }
    let x = call.build.cast(&x, DType::Bool)?;
    call.emit(Op::Unary(Unary::Not), &[&x])
}

// === Of two elements ===

fn is_numbers(call: &Call<'_>) -> bool {
    !call.is_tensor(0) && !call.is_tensor(1)
}

fn binary(call: &mut Call<'_>, function: Binary) -> Made {
    if is_numbers(call) {
        return number::binary(call, function);
    }
    let (x, dtype) = together(call, &[0, 1])?;
    // Booleans are compared and computed as numbers.
    if dtype == DType::Bool && !function.is_predicate() {
        let function = match function {
            Binary::Add | Binary::Max => Binary::Or,
            Binary::Mul | Binary::Min => Binary::And,
            other => other,
        };
        return call.emit(Op::Binary(function), &[&x[0], &x[1]]);
    }
    if dtype == DType::Bool {
        let numbers = [call.build.cast(&x[0], DType::U8)?, call.build.cast(&x[1], DType::U8)?];
        return call.emit(Op::Binary(function), &[&numbers[0], &numbers[1]]);
    }
    call.emit(Op::Binary(function), &[&x[0], &x[1]])
}

/// `self + alpha * other`, or minus.
fn sum(call: &mut Call<'_>, function: Binary) -> Made {
    if call.arg(2).is_none() {
        return binary(call, function);
    }
    let alpha = call.float(2, 1.0)?;
    if alpha == 1.0 {
        call.args[2] = None;
        return binary(call, function);
    }
    if is_numbers(call) {
        return Err(call.refuse(2, "1"));
    }
    let (x, _) = together(call, &[0, 1])?;
    let scaled = with(call.build, Binary::Mul, &x[1], alpha)?;
    call.emit(Op::Binary(function), &[&x[0], &scaled])
}

fn div(call: &mut Call<'_>) -> Made {
    if is_numbers(call) {
        return number::binary(call, Binary::Div);
    }
    let mode = call.text(2, "")?;
    let (mut x, dtype) = together(call, &[0, 1])?;
    if mode.is_empty() && !dtype.is_float() {
        for x in &mut x {
            *x = call.build.cast(x, DType::F32)?;
        }
    }
    let made = match &*mode {
        "floor" => return floor_divide(call),
        _ => call.build.binary(Binary::Div, &x[0], &x[1])?,
    };
    match &*mode {
        "" => Ok(call.own(made)),
        "trunc" => {
            let made = truncated(call, &made)?;
            Ok(call.own(made))
        }
        _ => Err(call.refuse(2, "floor or trunc")),
    }
}

/// `floor(a / b)`
fn floor_divide(call: &mut Call<'_>) -> Made {
    if is_numbers(call) {
        return number::binary(call, Binary::Div);
    }
    let (x, dtype) = together(call, &[0, 1])?;
    if dtype.is_float() {
        let made = call.build.binary(Binary::Div, &x[0], &x[1])?;
        return call.emit(Op::Unary(Unary::Floor), &[&made]);
    }
    let rest = call.build.binary(Binary::Mod, &x[0], &x[1])?;
    let whole = call.build.binary(Binary::Sub, &x[0], &rest)?;
    call.emit(Op::Binary(Binary::Div), &[&whole, &x[1]])
}

fn pow(call: &mut Call<'_>) -> Made {
    if is_numbers(call) {
        return number::binary(call, Binary::Pow);
    }
    let (x, dtype) = together(call, &[0, 1])?;
    if call.is_tensor(0) && !call.is_tensor(1) && dtype.is_float() {
        let x = &x[0];
        let exponent = call.float(1, 1.0)?;
        if exponent == 1.0 {
            return Ok(call.own(x.clone()));
        }
        if exponent == 2.0 {
            return call.emit(Op::Binary(Binary::Mul), &[x, x]);
        }
        if exponent == 0.5 {
            return call.emit(Op::Unary(Unary::Sqrt), &[x]);
        }
        if exponent == -0.5 {
            let root = call.build.unary(Unary::Sqrt, x)?;
            return call.emit(Op::Unary(Unary::Reciprocal), &[&root]);
        }
    }
    call.emit(Op::Binary(Binary::Pow), &[&x[0], &x[1]])
}

fn logical(call: &mut Call<'_>, function: Binary) -> Made {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    let (a, b) = (call.build.cast(&a, DType::Bool)?, call.build.cast(&b, DType::Bool)?);
    call.emit(Op::Binary(function), &[&a, &b])
}

fn bits(call: &mut Call<'_>, function: Binary, of_bits: BitFunction) -> Made {
    if is_numbers(call) {
        return number::binary(call, function);
    }
    let (x, dtype) = together(call, &[0, 1])?;
    match dtype {
        DType::Bool => call.emit(Op::Binary(function), &[&x[0], &x[1]]),
        _ => {
            let op = Op::Whole(Bitwise { function: of_bits }.into());
            call.emit(op, &[&x[0], &x[1]])
        }
    }
}

/// `self + value * tensor1 * tensor2`, or over.
fn add_scaled(call: &mut Call<'_>, function: Binary) -> Made {
    let (x, _) = together(call, &[0, 1, 2])?;
    let value = call.float(3, 1.0)?;
    let made = call.build.binary(function, &x[1], &x[2])?;
    let made = if value == 1.0 { made } else { with(call.build, Binary::Mul, &made, value)? };
    call.emit(Op::Binary(Binary::Add), &[&x[0], &made])
}

/// `self + weight * (end - self)`
fn lerp(call: &mut Call<'_>) -> Made {
    let (x, _) = together(call, &[0, 1, 2])?;
    let way = call.build.binary(Binary::Sub, &x[1], &x[0])?;
    let way = call.build.binary(Binary::Mul, &way, &x[2])?;
    call.emit(Op::Binary(Binary::Add), &[&x[0], &way])
}

fn clamp(call: &mut Call<'_>) -> Made {
    let is_tensor = call.is_tensor(1) || call.is_tensor(2);
    let x = call.tensor(0)?;
    if !is_tensor && call.build.fact(&x).dtype == DType::F32 {
        let (min, max) = (call.float(1, f64::NEG_INFINITY)?, call.float(2, f64::INFINITY)?);
        let function = match (min, max) {
            (0.0, f64::INFINITY) => Unary::Relu,
            _ => Unary::Clip { min: min as f32, max: max as f32 },
        };
        return call.emit(Op::Unary(function), &[&x]);
    }
    let given: Vec<usize> = [1, 2].into_iter().filter(|&at| call.arg(at).is_some()).collect();
    let every: Vec<usize> = [0].into_iter().chain(given.iter().copied()).collect();
    let (bounds, _) = together(call, &every)?;
    let mut made = bounds[0].clone();
    for (at, bound) in given.iter().zip(&bounds[1..]) {
        let function = if *at == 1 { Binary::Max } else { Binary::Min };
        made = call.build.binary(function, &made, bound)?;
    }
    Ok(call.own(made))
}

fn choose(call: &mut Call<'_>) -> Made {
    let condition = call.tensor(0)?;
    let condition = call.build.cast(&condition, DType::Bool)?;
    let (x, _) = together(call, &[1, 2])?;
    call.emit(Op::Select, &[&condition, &x[0], &x[1]])
}

fn masked_fill(call: &mut Call<'_>) -> Made {
    let (x, mask, value) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let value = call.build.cast(&value, call.build.fact(&x).dtype)?;
    call.emit(Op::Select, &[&mask, &value, &x])
}

fn nan_to_num(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let dtype = call.build.fact(&x).dtype;
    let largest = f64::from(f32::MAX);
    let values = [call.float(1, 0.0)?, call.float(2, largest)?, call.float(3, -largest)?];
    let is_nan = call.build.unary(Unary::IsNan, &x)?;
    let mut made = x.clone();
    let tests =
        [(None, values[0]), (Some(f64::INFINITY), values[1]), (Some(f64::NEG_INFINITY), values[2])];
    for (test, value) in tests {
        let hit = match test {
            None => is_nan.clone(),
            Some(test) => with(call.build, Binary::Equal, &x, test)?,
        };
        let value = call.build.number(dtype, value)?;
        made = call.build.emit(Op::Select, &[&hit, &value, &made])?;
    }
    Ok(call.own(made))
}
