//! Reductions.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::reduce as reduced;
use crate::error::Reason;
use ir::{Arg, Op};
use tensor::scalar::Reduction;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("sum", |call| reduce(call, Reduction::Sum)),
    row("sum_axis", |call| reduce(call, Reduction::Sum)),
    row("mean", |call| reduce(call, Reduction::Mean)),
    row("max", |call| reduce(call, Reduction::Max)),
    row("max_axis", |call| reduce(call, Reduction::Max)),
    row("min", |call| reduce(call, Reduction::Min)),
    row("min_axis", |call| reduce(call, Reduction::Min)),
    row("prod", |call| reduce(call, Reduction::Prod)),
    row("norm", norm),
    row("argmax", |call| place_of(call, true)),
    row("argmin", |call| place_of(call, false)),
    row("argmax_channel", |call| {
        let x = call.of_rank(0, 2)?;
        let arg = Arg { is_max: true, axis: 1, keepdims: false, is_last: false };
        let made = call.build().emit(Op::Arg(arg), &[&x])?;
        Ok(vec![call.build().cast(&made, DType::F32)?])
    }),
];

/// The axes that are reduced: all where none are said, or all but those where `exclude` is on.
fn axes(call: &Call<'_, '_>) -> Result<Vec<usize>, Reason> {
    let rank = call.rank(0)?;
    let named = call.axes("axis", rank)?;
    if named.is_empty() {
        return Ok((0..rank).collect());
    }
    match call.flag("exclude", false)? {
        true => Ok((0..rank).filter(|axis| !named.contains(axis)).collect()),
        false => Ok(named),
    }
}

fn reduce(call: &mut Call<'_, '_>, reduction: Reduction) -> Made {
    let (x, axes) = (call.input(0)?, axes(call)?);
    let keepdims = call.flag("keepdims", false)?;
    Ok(vec![in_vector(call, reduction, &x, &axes, keepdims)?])
}

/// A reduction of all axes gives a vector of one, since MXNet has no values without axes.
fn in_vector(
    call: &mut Call<'_, '_>,
    reduction: Reduction,
    x: &Operand,
    axes: &[usize],
    keepdims: bool,
) -> Result<Operand, Reason> {
    let build = call.build();
    let made = reduced(build, reduction, x, axes, keepdims)?;
    match build.fact(&made).rank() {
        0 => build.reshape(&made, vec![Dim::from(1)]),
        _ => Ok(made),
    }
}

fn norm(call: &mut Call<'_, '_>) -> Made {
    let (x, axes) = (call.input(0)?, axes(call)?);
    let keepdims = call.flag("keepdims", false)?;
    let reduction = match call.int("ord")?.unwrap_or(2) {
        1 => Reduction::L1,
        2 => Reduction::L2,
        other => return Err(call.refuse("ord", "1 or 2", &other.to_string())),
    };
    Ok(vec![in_vector(call, reduction, &x, &axes, keepdims)?])
}

/// Places are floats, as all numbers are.
fn place_of(call: &mut Call<'_, '_>, is_max: bool) -> Made {
    let (x, rank) = (call.of_rank(0, 1)?, call.rank(0)?);
    let Some(axis) = call.int("axis")? else {
        return Err(call.refuse("axis", "an axis", "None"));
    };
    let axis = call.axis_of("axis", axis, rank)?;
    let arg = Arg { is_max, axis, keepdims: call.flag("keepdims", false)?, is_last: false };
    let made = call.build().emit(Op::Arg(arg), &[&x])?;
    let made = match rank {
        1 => call.build().reshape(&made, vec![Dim::from(1)])?,
        _ => made,
    };
    Ok(vec![call.build().cast(&made, DType::F32)?])
}
