//! Functions of single elements.

use crate::call::{Call, Written};
use crate::messages::{flag, float, int, text};
use operators::bitwise::{BitFunction, Bitwise};
use operators::convert::Convert;
use operators::function::{Function, Kind};
use tensor::DType;
use tensor::scalar::{Binary, Unary};
use tensor::small::Round;

pub(super) fn unary(call: &mut Call<'_, '_>, function: Unary) -> Written {
    let (op, attributes) = match function {
        Unary::Abs => ("Abs", vec![]),
        Unary::Neg => ("Neg", vec![]),
        Unary::Exp => ("Exp", vec![]),
        Unary::Log => ("Log", vec![]),
        Unary::Sqrt => ("Sqrt", vec![]),
        Unary::Reciprocal => ("Reciprocal", vec![]),
        Unary::Floor => ("Floor", vec![]),
        Unary::Ceil => ("Ceil", vec![]),
        Unary::Round => ("Round", vec![]),
        Unary::Sign => ("Sign", vec![]),
        Unary::Erf => ("Erf", vec![]),
        Unary::Sin => ("Sin", vec![]),
        Unary::Cos => ("Cos", vec![]),
        Unary::Tanh => ("Tanh", vec![]),
        Unary::Sigmoid => ("Sigmoid", vec![]),
        Unary::Softplus => ("Softplus", vec![]),
        Unary::Relu => ("Relu", vec![]),
        Unary::LeakyRelu { alpha } => ("LeakyRelu", vec![float("alpha", alpha)]),
        Unary::Elu { alpha } => ("Elu", vec![float("alpha", alpha)]),
        Unary::HardSigmoid { alpha, beta } => {
            ("HardSigmoid", vec![float("alpha", alpha), float("beta", beta)])
        }
        Unary::HardSwish => ("HardSwish", vec![]),
        Unary::Gelu => ("Gelu", vec![text("approximate", "none")]),
        Unary::GeluTanh => ("Gelu", vec![text("approximate", "tanh")]),
        Unary::Not => ("Not", vec![]),
        Unary::IsNan => ("IsNaN", vec![]),
        Unary::Silu => return silu(call),
        Unary::Clip { min, max } => return clip(call, min, max),
    };
    call.same(op, attributes)
}

/// The operator of its own is younger than most tools.
fn silu(call: &mut Call<'_, '_>) -> Written {
    let x = call.input(0);
    let sigmoid = call.step("Sigmoid", &[&x], vec![]);
    call.last("Mul", &[&x, &sigmoid], vec![])
}

/// A bound that is infinite is left out.
fn clip(call: &mut Call<'_, '_>, min: f32, max: f32) -> Written {
    let (x, dtype) = (call.input(0), call.fact(0).dtype);
    let mut bound = |bound: f32, none: f32| match bound == none {
        true => String::new(),
        false => call.number(dtype, f64::from(bound)),
    };
    let (min, max) = (bound(min, f32::NEG_INFINITY), bound(max, f32::INFINITY));
    let inputs = [x.as_str(), &min, &max];
    let given = inputs.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    call.last("Clip", &inputs[..given], vec![])
}

pub(super) fn binary(call: &mut Call<'_, '_>, function: Binary) -> Written {
    let (op, attributes) = match function {
        Binary::Add => ("Add", vec![]),
        Binary::Sub => ("Sub", vec![]),
        Binary::Mul => ("Mul", vec![]),
        Binary::Div => ("Div", vec![]),
        Binary::Pow => ("Pow", vec![]),
        Binary::Max => ("Max", vec![]),
        Binary::Min => ("Min", vec![]),
        Binary::Mod if call.fact(0).dtype.is_float() => return modulo(call),
        Binary::Mod => ("Mod", vec![]),
        Binary::Fmod => ("Mod", vec![int("fmod", 1)]),
        Binary::Equal => ("Equal", vec![]),
        Binary::Less => ("Less", vec![]),
        Binary::LessOrEqual => ("LessOrEqual", vec![]),
        Binary::Greater => ("Greater", vec![]),
        Binary::GreaterOrEqual => ("GreaterOrEqual", vec![]),
        Binary::And => ("And", vec![]),
        Binary::Or => ("Or", vec![]),
        Binary::Xor => ("Xor", vec![]),
    };
    call.same(op, attributes)
}

/// `a - floor(a / b) * b`: the standard's operator takes floats only with the sign of the dividend.
fn modulo(call: &mut Call<'_, '_>) -> Written {
    let (a, b) = (call.input(0), call.input(1));
    let quotient = call.step("Div", &[&a, &b], vec![]);
    let whole = call.step("Floor", &[&quotient], vec![]);
    let product = call.step("Mul", &[&whole, &b], vec![]);
    call.last("Sub", &[&a, &product], vec![])
}

pub(super) fn cast(call: &mut Call<'_, '_>, dtype: DType) -> Written {
    let to = call.element(dtype);
    call.same("Cast", vec![int("to", to)])
}

pub(super) fn convert(call: &mut Call<'_, '_>, convert: &Convert) -> Written {
    let saturates = flag("saturate", convert.narrowing.is_saturating);
    let mut attributes = vec![int("to", call.element(convert.to)), saturates];
    let round = match convert.narrowing.round {
        Round::Up => None,
        Round::Down => Some("down"),
        Round::Nearest => Some("nearest"),
    };
    if let Some(round) = round {
        // The first that knows of rounding.
        call.writer.need(24);
        attributes.push(text("round_mode", round));
    }
    call.same("Cast", attributes)
}

pub(super) fn function(call: &mut Call<'_, '_>, function: &Function) -> Written {
    let op = match function.kind {
        Kind::Acos => "Acos",
        Kind::Acosh => "Acosh",
        Kind::Asin => "Asin",
        Kind::Asinh => "Asinh",
        Kind::Atan => "Atan",
        Kind::Atanh => "Atanh",
        Kind::Cosh => "Cosh",
        Kind::Sinh => "Sinh",
        Kind::Tan => "Tan",
        Kind::Probit => {
            return Err(call.refuse("the quantile of the normal distribution stands alone"));
        }
    };
    call.same(op, vec![])
}

pub(super) fn bitwise(call: &mut Call<'_, '_>, bitwise: &Bitwise) -> Written {
    let (op, attributes) = match bitwise.function {
        BitFunction::And => ("BitwiseAnd", vec![]),
        BitFunction::Or => ("BitwiseOr", vec![]),
        BitFunction::Xor => ("BitwiseXor", vec![]),
        BitFunction::ShiftLeft => ("BitShift", vec![text("direction", "LEFT")]),
        BitFunction::ShiftRight => ("BitShift", vec![text("direction", "RIGHT")]),
    };
    call.same(op, attributes)
}
