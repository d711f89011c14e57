//! Reductions.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Arg, Op};
use tensor::DType;
use tensor::scalar::{Reduction, Unary};

pub(super) const ROWS: &[Row] = &[
    row("Sum", |call| reduce(call, Reduction::Sum)),
    row("Mean", |call| reduce(call, Reduction::Mean)),
    row("Max", |call| reduce(call, Reduction::Max)),
    row("Min", |call| reduce(call, Reduction::Min)),
    row("Prod", |call| reduce(call, Reduction::Prod)),
    row("EuclideanNorm", |call| reduce(call, Reduction::L2)),
    row("All", |call| of_truths(call, Reduction::Min)),
    row("Any", |call| of_truths(call, Reduction::Max)),
    row("ArgMax", |call| arg(call, true)),
    row("ArgMin", |call| arg(call, false)),
];

fn op(call: &Call<'_, '_>, reduction: Reduction) -> Result<Op, Reason> {
    let axes = call.axes_at(1, call.fact(0)?.rank())?;
    Ok(Op::Reduce { reduction, axes, keepdims: call.flag("keep_dims", false) })
}

fn reduce(call: &mut Call<'_, '_>, reduction: Reduction) -> Made {
    let (x, op) = (call.input(0)?, op(call, reduction)?);
    // No axes leave each element alone.
    if matches!(&op, Op::Reduce { axes, .. } if axes.is_empty()) {
        return match reduction {
            Reduction::L2 => call.emit(Op::Unary(Unary::Abs), &[&x]),
            _ => Ok(vec![x]),
        };
    }
    call.emit(op, &[&x])
}

/// The extremes of booleans are those of 0 and 1.
fn of_truths(call: &mut Call<'_, '_>, reduction: Reduction) -> Made {
    let (x, op) = (call.input(0)?, op(call, reduction)?);
    if matches!(&op, Op::Reduce { axes, .. } if axes.is_empty()) {
        return Ok(vec![x]);
    }
    let number = call.build().cast(&x, DType::U8)?;
    let made = call.build().emit(op, &[&number])?;
    Ok(vec![call.build().cast(&made, DType::Bool)?])
}

fn arg(call: &mut Call<'_, '_>, is_max: bool) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let axis = match call.optional(1) {
        Some(_) => call.axis_at(1, rank)?,
        None => arithmetic::axis(0, rank).ok_or(Reason::UnknownRank)?,
    };
    let arg = Arg { is_max, axis, keepdims: false, is_last: false };
    let made = call.build().emit(Op::Arg(arg), &[&x])?;
    let dtype = call.dtype_or("output_type", DType::I64)?;
    Ok(vec![call.build().cast(&made, dtype)?])
}
