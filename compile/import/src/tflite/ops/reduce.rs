//! Reductions.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("MEAN", |step| reduce(step, "Mean")),
    row("SUM", |step| reduce(step, "Sum")),
    row("REDUCE_PROD", |step| reduce(step, "Prod")),
    row("REDUCE_MAX", |step| reduce(step, "Max")),
    row("REDUCE_MIN", |step| reduce(step, "Min")),
    row("REDUCE_ANY", |step| reduce(step, "Any")),
    row("REDUCE_ALL", |step| reduce(step, "All")),
    row("ARG_MAX", |step| arg(step, "ArgMax")),
    row("ARG_MIN", |step| arg(step, "ArgMin")),
];

fn reduce(step: &mut Step<'_, '_, '_>, op: &str) -> Made {
    let is_kept = step.flag(0);
    step.apply_all(op, &[("keep_dims", Attribute::Flag(is_kept))])
}

fn arg(step: &mut Step<'_, '_, '_>, op: &str) -> Made {
    let to = step.made_type()?;
    step.apply_all(op, &[("output_type", Attribute::Type(to))])
}
