//! Numbers to the integers that stand for them, and back. What the values are says it all.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("QUANTIZE", pass),
    row("DEQUANTIZE", pass),
    row("FAKE_QUANT", |step| {
        let [low, high] = [0, 1].map(|field| step.float(field).unwrap_or(0.0));
        let attributes = [
            ("min", Attribute::Float(low)),
            ("max", Attribute::Float(high)),
            ("num_bits", Attribute::Int(step.int(2))),
            ("narrow_range", Attribute::Flag(step.flag(3))),
        ];
        step.apply_all("FakeQuantWithMinMaxArgs", &attributes)
    }),
];

fn pass(step: &mut Step<'_, '_, '_>) -> Made {
    Ok(vec![step.input(0)?])
}
