//! Numbers rounded to the steps of a range, as they are after training that knows of it.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::with;
use crate::error::Reason;
use tensor::DType;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("FakeQuantWithMinMaxVars", of_inputs).of_elements(),
    row("FakeQuantWithMinMaxVarsPerChannel", of_inputs),
    row("FakeQuantWithMinMaxArgs", |call| {
        let [low, high] = [("min", -6.0), ("max", 6.0)]
            .map(|(name, default)| f64::from(call.float(name).unwrap_or(default)));
        let (low, high) =
            (call.build().number(DType::F32, low)?, call.build().number(DType::F32, high)?);
        nudged(call, &low, &high)
    })
    .of_elements(),
    row("QuantizeAndDequantizeV2", symmetric),
    row("QuantizeAndDequantizeV3", symmetric),
    row("QuantizeAndDequantizeV4", symmetric),
];

fn of_inputs(call: &mut Call<'_, '_>) -> Made {
    let (low, high) = (call.input(1)?, call.input(2)?);
    nudged(call, &low, &high)
}

/// `min(max(x, low), high)`
fn between(
    build: &mut Builder,
    x: &Operand,
    low: &Operand,
    high: &Operand,
) -> Result<Operand, Reason> {
    let made = build.binary(Binary::Max, x, low)?;
    build.binary(Binary::Min, &made, high)
}

/// The range is moved so that zero is one of its steps.
fn nudged(call: &mut Call<'_, '_>, low: &Operand, high: &Operand) -> Made {
    let x = call.input(0)?;
    let bits = call.int("num_bits").unwrap_or(8);
    if !(2..=16).contains(&bits) {
        return Err(call.refuse("num_bits", "2 to 16", &bits.to_string()));
    }
    let first = if call.flag("narrow_range", false) { 1.0 } else { 0.0 };
    let last = ((1u64 << bits) - 1) as f64;
    let build = call.build();
    let room = build.binary(Binary::Sub, high, low)?;
    let step = with(build, Binary::Div, &room, last - first)?;
    let from_low = build.binary(Binary::Div, low, &step)?;
    let from_low = build.unary(Unary::Neg, &from_low)?;
    let zero = with(build, Binary::Add, &from_low, first)?;
    let zero = half_up(build, &zero)?;
    let zero = with(build, Binary::Max, &zero, first)?;
    let zero = with(build, Binary::Min, &zero, last)?;
    let below = build.unary(Unary::Neg, &zero)?;
    let ends = [first, last].map(|end| with(build, Binary::Add, &below, end));
    let [low, high] = ends.map(|end| end.and_then(|end| build.binary(Binary::Mul, &end, &step)));
    let (low, high) = (low?, high?);
    let kept = between(build, &x, &low, &high)?;
    let moved = build.binary(Binary::Sub, &kept, &low)?;
    let steps = build.binary(Binary::Div, &moved, &step)?;
    let steps = half_up(build, &steps)?;
    let scaled = build.binary(Binary::Mul, &steps, &step)?;
    Ok(vec![build.binary(Binary::Add, &scaled, &low)?])
}

/// `floor(x + 1/2)`
fn half_up(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let sum = with(build, Binary::Add, x, 0.5)?;
    build.unary(Unary::Floor, &sum)
}

/// Steps of a range around zero, whose larger end it is that counts.
fn symmetric(call: &mut Call<'_, '_>) -> Made {
    if !call.flag("range_given", true) || call.int("axis").unwrap_or(-1) != -1 {
        return Err(call.refuse("range_given", "a range of all elements", "another"));
    }
    let bits = match call.inputs.len() {
        4.. => call.integer(3, "the number of bits")?,
        _ => call.int("num_bits").unwrap_or(8),
    };
    let is_signed = call.flag("signed_input", true);
    if !(2..=16).contains(&bits) || !is_signed {
        return Err(call.refuse("num_bits", "2 to 16, of signed numbers", &bits.to_string()));
    }
    let (x, low, high) =
        (call.input(0)?, call.number(1, "the range")?, call.number(2, "the range")?);
    let first = match call.flag("narrow_range", false) {
        true => -((1i64 << (bits - 1)) - 1),
        false => -(1i64 << (bits - 1)),
    } as f64;
    let last = ((1i64 << (bits - 1)) - 1) as f64;
    let of = |end: f64, steps: f64| if steps * end > 0.0 { steps / end } else { f64::INFINITY };
    let scale = f64::from(of(low, first).min(of(high, last)) as f32);
    if !scale.is_finite() {
        return Err(call.refuse("range_given", "a range", &format!("{low}..{high}")));
    }
    let build = call.build();
    let kept = with(build, Binary::Max, &x, first / scale)?;
    let kept = with(build, Binary::Min, &kept, last / scale)?;
    let steps = with(build, Binary::Mul, &kept, scale)?;
    let steps = build.unary(Unary::Round, &steps)?;
    Ok(vec![with(build, Binary::Div, &steps, scale)?])
}
