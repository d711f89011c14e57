//! Functions of angles.

use super::super::call::{Call, Made};
use super::elementwise::{float, together};
use super::{Row, row};
use crate::decompose::arithmetic::with;
use ir::Op;
use operators::function::{Function, Kind};
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("tan", "self", |call| seldom(call, Kind::Tan)),
    row("asin", "self", |call| seldom(call, Kind::Asin)),
    row("acos", "self", |call| seldom(call, Kind::Acos)),
    row("atan", "self", |call| seldom(call, Kind::Atan)),
    row("sinh", "self", |call| seldom(call, Kind::Sinh)),
    row("cosh", "self", |call| seldom(call, Kind::Cosh)),
    row("asinh", "self", |call| seldom(call, Kind::Asinh)),
    row("acosh", "self", |call| seldom(call, Kind::Acosh)),
    row("atanh", "self", |call| seldom(call, Kind::Atanh)),
    row("atan2", "self other", atan2),
];

fn seldom(call: &mut Call<'_>, kind: Kind) -> Made {
    let x = float(call, 0)?;
    call.emit(Op::Whole(Function { kind }.into()), &[&x])
}

/// The angle of the point `(other, self)`, from minus pi to pi.
fn atan2(call: &mut Call<'_>) -> Made {
    let (x, dtype) = together(call, &[0, 1])?;
    let (y, x) = (&x[0], &x[1]);
    let slope = call.build.binary(Binary::Div, y, x)?;
    let near = call.build.emit(Op::Whole(Function { kind: Kind::Atan }.into()), &[&slope])?;
    // Left of the axis the angle is half a turn further on, or back below it.
    let is_below = with(call.build, Binary::Less, y, 0.0)?;
    let [zero, half] = [0.0, std::f64::consts::PI].map(|n| call.build.number(dtype, n));
    let (zero, half) = (zero?, half?);
    let back = call.build.unary(Unary::Neg, &half)?;
    let turn = call.build.emit(Op::Select, &[&is_below, &back, &half])?;
    let is_left = with(call.build, Binary::Less, x, 0.0)?;
    let turn = call.build.emit(Op::Select, &[&is_left, &turn, &zero])?;
    let made = call.build.binary(Binary::Add, &near, &turn)?;
    // No point has no slope.
    let is_none = call.build.unary(Unary::IsNan, &slope)?;
    call.emit(Op::Select, &[&is_none, &turn, &made])
}
