//! Sequences of different lengths in one tensor.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::Op;
use operators::gather_elements::GatherElements;
use operators::range::Range;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

/// `0, 1, …`, so many.
pub(crate) fn positions(build: &mut Builder, count: &Dim) -> Result<Operand, Reason> {
    let [zero, one] = [0i64, 1].map(|n| Operand::constant("position", Tensor::scalar(n)));
    build.emit(Op::Whole(Range { count: count.clone() }.into()), &[&zero, &one])
}

/// Each sequence of `x` from its end to its start, what lies behind its end left as it is: element
/// `t` of a sequence of `len` becomes element `len - 1 - t`. The lengths run along an axis of
/// their own.
pub(crate) fn reversed_sequences(
    build: &mut Builder,
    x: &Operand,
    lengths: &Operand,
    [time, batch]: [usize; 2],
) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let along = |axis: usize| {
        let mut wide = vec![Dim::from(1); shape.len()];
        wide[axis].clone_from(&shape[axis]);
        wide
    };
    let place = positions(build, &shape[time])?;
    let place = build.reshape(&place, along(time))?;
    let lengths = build.cast(lengths, DType::I64)?;
    let lengths = build.reshape(&lengths, along(batch))?;
    let one = build.number(DType::I64, 1.0)?;
    let last = build.binary(Binary::Sub, &lengths, &one)?;
    let mirrored = build.binary(Binary::Sub, &last, &place)?;
    let is_inside = build.binary(Binary::Less, &place, &lengths)?;
    let from = build.emit(Op::Select, &[&is_inside, &mirrored, &place])?;
    let from = build.expand(&from, shape)?;
    build.emit(Op::Whole(GatherElements { axis: time }.into()), &[x, &from])
}
