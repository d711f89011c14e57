//! Normalization.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::decompose::arithmetic::unit;
use crate::error::Reason;
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("L2_NORMALIZATION", unit_length),
    row("LOCAL_RESPONSE_NORMALIZATION", |step| {
        let [bias, alpha, beta] = [1, 2, 3].map(|field| step.float(field).unwrap_or(0.0));
        let attributes = [
            ("depth_radius", Attribute::Int(step.int(0))),
            ("bias", Attribute::Float(bias)),
            ("alpha", Attribute::Float(alpha)),
            ("beta", Attribute::Float(beta)),
        ];
        step.apply_all("LRN", &attributes)
    }),
];

/// Shortest length that something is divided by; the operator's own.
const LENGTH_MIN: f64 = 1e-6;

/// Along the last axis.
fn unit_length(step: &mut Step<'_, '_, '_>) -> Made {
    let x = step.input(0)?;
    let rank = step.nodes().fact(&x).rank();
    let last = rank.checked_sub(1).ok_or(Reason::UnknownRank)?;
    let made = unit(step.build(), &x, &[last], LENGTH_MIN * LENGTH_MIN)?;
    step.activated(made, 0)
}
