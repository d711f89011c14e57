//! Functions of single elements and of pairs; the activations of networks are in `activation.rs`.

use super::super::step::{Made, Step};
use super::{Row, row, same};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("ADD", |step| activated(step, "AddV2")),
    row("SUB", |step| activated(step, "Sub")),
    row("MUL", |step| activated(step, "Mul")),
    row("DIV", |step| activated(step, "RealDiv")),
    same("ADD_N", "AddN"),
    same("MAXIMUM", "Maximum"),
    same("MINIMUM", "Minimum"),
    same("POW", "Pow"),
    same("SQUARED_DIFFERENCE", "SquaredDifference"),
    same("FLOOR_DIV", "FloorDiv"),
    same("FLOOR_MOD", "FloorMod"),
    same("ABS", "Abs"),
    same("NEG", "Neg"),
    same("EXP", "Exp"),
    same("LOG", "Log"),
    same("SQRT", "Sqrt"),
    same("RSQRT", "Rsqrt"),
    same("SQUARE", "Square"),
    same("SIN", "Sin"),
    same("COS", "Cos"),
    same("FLOOR", "Floor"),
    same("CEIL", "Ceil"),
    same("ROUND", "Round"),
    same("SIGN", "Sign"),
    same("EQUAL", "Equal"),
    same("NOT_EQUAL", "NotEqual"),
    same("LESS", "Less"),
    same("LESS_EQUAL", "LessEqual"),
    same("GREATER", "Greater"),
    same("GREATER_EQUAL", "GreaterEqual"),
    same("LOGICAL_AND", "LogicalAnd"),
    same("LOGICAL_OR", "LogicalOr"),
    same("LOGICAL_NOT", "LogicalNot"),
    same("BITWISE_XOR", "BitwiseXor"),
    same("RIGHT_SHIFT", "RightShift"),
    same("SELECT", "Select"),
    same("SELECT_V2", "SelectV2"),
    row("CAST", cast),
];

/// A function of pairs, with an activation behind it.
fn activated(step: &mut Step<'_, '_, '_>, op: &str) -> Made {
    let (a, b) = (step.input(0)?, step.input(1)?);
    let made = step.one(op, &[], &[&a, &b])?;
    step.activated(made, 0)
}

fn cast(step: &mut Step<'_, '_, '_>) -> Made {
    let to = step.made_type()?;
    step.apply_all("Cast", &[("DstT", Attribute::Type(to))])
}
