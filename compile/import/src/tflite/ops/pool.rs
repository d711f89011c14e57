//! Pooling.

use super::super::step::{Made, Step};
use super::conv::{around, padding, steps};
use super::{Row, row};
use tensor::scalar::Unary;

pub(super) const ROWS: &[Row] = &[
    row("AVERAGE_POOL_2D", |step| pool(step, "AvgPool")),
    row("MAX_POOL_2D", |step| pool(step, "MaxPool")),
    row("L2_POOL_2D", norms),
];

fn pool(step: &mut Step<'_, '_, '_>, op: &str) -> Made {
    let x = step.input(0)?;
    let made = window(step, op, &x)?.swap_remove(0);
    step.activated(made, 5)
}

/// The roots of the means of squares.
fn norms(step: &mut Step<'_, '_, '_>) -> Made {
    let x = step.input(0)?;
    let squares = step.one("Square", &[], &[&x])?;
    let means = window(step, "AvgPool", &squares)?.swap_remove(0);
    let made = step.function(Unary::Sqrt, &means)?;
    step.activated(made, 5)
}

fn window(step: &mut Step<'_, '_, '_>, op: &str, x: &crate::build::Operand) -> Made {
    let (strides, kernel) = (steps(step, &[2, 1])?, steps(step, &[4, 3])?);
    let attributes = [padding(step), ("strides", around(&strides)), ("ksize", around(&kernel))];
    Ok(vec![step.one(op, &attributes, &[x])?])
}
