//! Operators that cut tensors.

use super::super::call::{Call, Made};
use super::super::value::{Undo, Value};
use super::{Row, number, row};
use crate::build::Operand;
use crate::decompose::Range;
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Op, SliceAxis};
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("slice", "self dim start end step", slice),
    row("narrow", "self dim start length", |call| {
        let shape = call.fact(0)?.shape;
        let axis = call.axis(1, 0, shape.len())?;
        let (start, len) = (call.dim(2)?, call.dim(3)?);
        let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
        let start = from_start(&start, size);
        part(call, axis, start, len)
    }),
    row("select", "self dim index", select),
    row("split", "self split_size|split_sizes|split_size_or_sections dim", split),
    row("split_with_sizes", "self split_sizes dim", split),
    row("unsafe_split", "self split_size dim", split),
    row("chunk", "self chunks dim", chunk),
    row("unsafe_chunk", "self chunks dim", chunk),
    row("tensor_split", "self sections|indices dim", tensor_split),
    row("unbind", "self dim", unbind),
    row("unfold", "self dimension size step", unfold),
    row("diagonal", "self offset dim1 dim2", diagonal),
];

fn from_start(place: &Dim, size: &Dim) -> Dim {
    match place.known() {
        Some(..0) => size.clone() + place.clone(),
        _ => place.clone(),
    }
}

/// A part of an axis, as a view.
fn part(call: &mut Call<'_>, axis: usize, start: Dim, len: Dim) -> Made {
    let x = call.tensor(0)?;
    let made = arithmetic::slice(call.build, &x, axis, start.clone(), len.clone())?;
    call.view(made, Undo::Part { axis, start, len, is_gone: false })
}

fn slice(call: &mut Call<'_>) -> Made {
    if matches!(call.arg(0), Some(Value::List(_) | Value::Tuple(_))) {
        return number::slice(call);
    }
    let shape = call.fact(0)?.shape;
    let axis = call.axis(1, 0, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
    let start = if call.arg(2).is_some() { call.dim(2)? } else { Dim::default() };
    let end = if call.arg(3).is_some() { call.dim(3)? } else { size.clone() };
    let step = call.int(4, 1)?;
    let range = Range { start: &start, end: &end, step };
    let found = if step > 0 { range.on(size) } else { None };
    let (start, len) = found.ok_or_else(|| call.refuse(4, "a step of at least 1"))?;
    if step == 1 {
        return part(call, axis, start, len);
    }
    let x = call.tensor(0)?;
    let op = Op::Slice { axes: vec![SliceAxis { axis, start, len, step }] };
    let made = call.build.emit(op, &[&x])?;
    call.view(made, Undo::Never)
}

/// One element of an axis, which is gone.
fn one(call: &mut Call<'_>, axis: usize, start: Dim) -> Made {
    let x = call.tensor(0)?;
    let len = Dim::from(1);
    let made = arithmetic::slice(call.build, &x, axis, start.clone(), len.clone())?;
    let mut shape = call.build.fact(&made).shape;
    shape.remove(axis);
    let made = call.build.reshape(&made, shape)?;
    call.view(made, Undo::Part { axis, start, len, is_gone: true })
}

fn select(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axis = call.axis(1, 0, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?.clone();
    // An index that data say picks a slice.
    if call.is_tensor(2) && call.tensor(2)?.sizes().is_none() {
        let (x, index) = (call.tensor(0)?, call.tensor(2)?);
        let index = call.build.reshape(&index, vec![])?;
        return call.emit(Op::Gather { axis }, &[&x, &index]);
    }
    let index = from_start(&call.dim(2)?, &size);
    let is_outside = match (index.known(), size.known()) {
        (Some(index), Some(size)) => index < 0 || index >= size,
        (Some(index), None) => index < 0,
        _ => false,
    };
    if is_outside {
        return Err(call.refuse(2, &format!("an index of an axis of {size}")));
    }
    one(call, axis, index)
}

/// Most parts of one tensor: layers have some hundred.
const PARTS_MAX: usize = 4096;

fn parts(call: &mut Call<'_>, axis: usize, lengths: &[Dim]) -> Made {
    if lengths.len() > PARTS_MAX {
        return Err(call.refuse(1, &format!("at most {PARTS_MAX} parts")));
    }
    let (mut made, mut start) = (Vec::with_capacity(lengths.len()), Dim::default());
    for len in lengths {
        made.push(part(call, axis, start.clone(), len.clone())?);
        start = start + len.clone();
    }
    Ok(call.pool.list(made))
}

/// Lengths of parts of so many elements each, the last being the rest.
fn even(call: &Call<'_>, size: &Dim, each: &Dim) -> Result<Vec<Dim>, Reason> {
    let refused = || call.refuse(1, "parts whose number is known ahead");
    if let (Some(size), Some(each)) = (size.known(), each.known()) {
        if each <= 0 || size / each > PARTS_MAX as i64 {
            return Err(refused());
        }
        let rest = (size % each > 0 || size == 0).then_some(size % each);
        let whole = std::iter::repeat_n(each, usize::try_from(size / each).unwrap_or(0));
        return Ok(whole.chain(rest).map(Dim::from).collect());
    }
    let count = crate::decompose::quotient(std::slice::from_ref(size), std::slice::from_ref(each));
    let count = count.and_then(|count| count.known_size()).filter(|&count| count <= PARTS_MAX);
    Ok(vec![each.clone(); count.ok_or_else(refused)?])
}

fn split(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axis = call.axis(2, 0, shape.len())?;
    let lengths = match call.arg(1) {
        Some(Value::List(_) | Value::Tuple(_)) => call.dims(1)?,
        _ => {
            let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
            even(call, size, &call.dim(1)?)?
        }
    };
    parts(call, axis, &lengths)
}

fn chunk(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axis = call.axis(2, 0, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
    let each = size.ceil_div(&Dim::from(call.counts(1, 1, None, 1)?[0]));
    let lengths = even(call, size, &each)?;
    parts(call, axis, &lengths)
}

fn tensor_split(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axis = call.axis(2, 0, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?.clone();
    let lengths = match call.arg(1) {
        Some(Value::Int(_)) => {
            let count = call.counts(1, 1, None, 1)?[0];
            let known = size.known().ok_or_else(|| call.refuse(1, "a known size"))?;
            let each =
                |at: usize| known / count as i64 + i64::from((at as i64) < known % count as i64);
            (0..count.min(PARTS_MAX + 1)).map(|at| Dim::from(each(at))).collect()
        }
        _ => {
            let mut last = Dim::default();
            let ends =
                call.dims(1)?.into_iter().map(|end| from_start(&end, &size)).chain([size.clone()]);
            let lengths = ends.map(|end| end.clone() - std::mem::replace(&mut last, end));
            lengths.collect::<Vec<Dim>>()
        }
    };
    parts(call, axis, &lengths)
}

fn unbind(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axis = call.axis(1, 0, shape.len())?;
    let count = shape.get(axis).and_then(Dim::known_size).filter(|&count| count <= PARTS_MAX);
    let count = count.ok_or_else(|| call.refuse(1, "an axis of a size that is known ahead"))?;
    let made = (0..count).map(|at| one(call, axis, Dim::from(at)));
    let made = made.collect::<Result<Vec<_>, _>>()?;
    Ok(call.pool.list(made))
}

/// Windows of an axis, the elements of each along a new last axis.
fn unfold(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let axis = call.axis(1, 0, shape.len())?;
    let (taps, step) = (call.counts(2, 1, None, 1)?[0], call.counts(3, 1, None, 1)?[0]);
    if taps > PARTS_MAX {
        return Err(call.refuse(2, &format!("at most {PARTS_MAX}")));
    }
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?.clone();
    let count = (size - Dim::from(taps)).floor_div(&Dim::from(step)) + Dim::from(1);
    let mut parts = Vec::with_capacity(taps);
    for tap in 0..taps {
        let (start, len, step) = (Dim::from(tap), count.clone(), step as i64);
        let op = Op::Slice { axes: vec![SliceAxis { axis, start, len, step }] };
        let part = call.build.emit(op, &[&x])?;
        parts.push(arithmetic::with_axis(call.build, &part, shape.len())?);
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    call.emit(Op::Concat { axis: shape.len() }, &parts)
}

/// The diagonal of a matrix of known size, as every `columns + 1`st element.
fn diagonal(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let (a, b) = (call.axis(2, 0, shape.len())?, call.axis(3, 1, shape.len())?);
    let offset = call.int(1, 0)?;
    let sizes = (shape.get(a).and_then(Dim::known), shape.get(b).and_then(Dim::known));
    let (Some(rows), Some(columns)) = sizes else {
        return Err(call.refuse_input(&x, "a matrix of known size"));
    };
    let others: Vec<usize> = (0..shape.len()).filter(|axis| ![a, b].contains(axis)).collect();
    let perm = others.iter().copied().chain([a, b]).collect();
    let moved = call.build.transpose(&x, perm)?;
    let mut flat: Vec<Dim> = others.iter().map(|&axis| shape[axis].clone()).collect();
    let axis = flat.len();
    flat.push(Dim::from(rows.saturating_mul(columns)));
    let flat = call.build.reshape(&moved, flat)?;
    let (first, len) = match offset {
        0.. => (offset, rows.min(columns.saturating_sub(offset))),
        _ => (
            offset.saturating_neg().saturating_mul(columns),
            columns.min(rows.saturating_add(offset)),
        ),
    };
    let (start, len) = (Dim::from(first), Dim::from(len.max(0)));
    let step = columns.saturating_add(1);
    let cut = SliceAxis { axis, start, len, step };
    call.emit(Op::Slice { axes: vec![cut] }, &[&flat])
}
