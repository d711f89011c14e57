//! Arithmetic with numbers, and axes in another order, in few words.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::{Op, SliceAxis};
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

/// A function of each element and a number.
pub(crate) fn with(
    build: &mut Builder,
    function: Binary,
    x: &Operand,
    number: f64,
) -> Result<Operand, Reason> {
    let number = build.number(build.fact(x).dtype, number)?;
    build.binary(function, x, &number)
}

/// A reduction of some axes.
pub(crate) fn reduce(
    build: &mut Builder,
    reduction: Reduction,
    x: &Operand,
    axes: &[usize],
    keepdims: bool,
) -> Result<Operand, Reason> {
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    axes.dedup();
    build.emit(Op::Reduce { reduction, axes, keepdims }, &[x])
}

/// The distances from the mean and the mean of their squares, along axes, which stay.
pub(crate) fn moments(
    build: &mut Builder,
    x: &Operand,
    axes: &[usize],
) -> Result<[Operand; 2], Reason> {
    let mean = reduce(build, Reduction::Mean, x, axes, true)?;
    let centered = build.binary(Binary::Sub, x, &mean)?;
    let squares = build.binary(Binary::Mul, &centered, &centered)?;
    let variance = reduce(build, Reduction::Mean, &squares, axes, true)?;
    Ok([centered, variance])
}

/// `x / sqrt(max(sum(x^2), floor))`
pub(crate) fn unit(
    build: &mut Builder,
    x: &Operand,
    axes: &[usize],
    floor: f64,
) -> Result<Operand, Reason> {
    let squares = build.binary(Binary::Mul, x, x)?;
    let sum = reduce(build, Reduction::Sum, &squares, axes, true)?;
    let sum = with(build, Binary::Max, &sum, floor)?;
    let norm = build.unary(Unary::Sqrt, &sum)?;
    build.binary(Binary::Div, x, &norm)
}

/// The axis that a number names, counted from the end when it is negative.
pub(crate) fn axis(value: i64, rank: usize) -> Option<usize> {
    let value = if value < 0 { value.checked_add(i64::try_from(rank).ok()?)? } else { value };
    usize::try_from(value).ok().filter(|&axis| axis < rank)
}

/// Some elements of one axis.
pub(crate) fn slice(
    build: &mut Builder,
    x: &Operand,
    axis: usize,
    start: Dim,
    len: Dim,
) -> Result<Operand, Reason> {
    if start.known() == Some(0) && build.fact(x).shape.get(axis) == Some(&len) {
        return Ok(x.clone());
    }
    build.emit(Op::Slice { axes: vec![SliceAxis { axis, start, len, step: 1 }] }, &[x])
}

/// The elements of one axis from the last to the first.
pub(crate) fn reversed(build: &mut Builder, x: &Operand, axis: usize) -> Result<Operand, Reason> {
    let len = build.fact(x).shape[axis].clone();
    let start = len.clone() - Dim::from(1);
    build.emit(Op::Slice { axes: vec![SliceAxis { axis, start, len, step: -1 }] }, &[x])
}

/// One axis more, of size 1.
pub(crate) fn with_axis(build: &mut Builder, x: &Operand, axis: usize) -> Result<Operand, Reason> {
    let mut shape = build.fact(x).shape;
    shape.insert(axis.min(shape.len()), Dim::from(1));
    build.reshape(x, shape)
}
