//! Operators that pick, place and order elements by index. Indices may be floats.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{reversed, slice, with, with_axis};
use crate::decompose::positions;
use crate::error::Reason;
use ir::Op;
use operators::gather_elements::GatherElements;
use operators::gather_nd::GatherNd;
use operators::one_hot::OneHot;
use operators::scatter_elements::Update;
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("Embedding", embedding),
    row("_contrib_SparseEmbedding", embedding),
    row("take", take),
    row("batch_take", |call| picked(call, 1, false, true)),
    row("pick", pick),
    row("choose_element_0index", |call| picked(call, 1, false, true)),
    row("gather_nd", gather_nd),
    row("_contrib_index_copy", index_copy),
    row("one_hot", one_hot),
    row("topk", top_k),
    row("sort", |call| ordered(call, false)),
    row("argsort", |call| ordered(call, true)),
    row("where", select),
    row("SequenceLast", sequence_last),
    row("SequenceReverse", sequence_reverse),
    row("SequenceMask", sequence_mask),
];

/// Indices as integers, those outside of the axis brought to its ends.
fn clipped(build: &mut Builder, indices: &Operand, size: &Dim) -> Result<Operand, Reason> {
    let whole = build.cast(indices, DType::I64)?;
    let Some(size) = size.known() else { return Ok(whole) };
    let above = with(build, Binary::Max, &whole, 0.0)?;
    with(build, Binary::Min, &above, (size - 1) as f64)
}

fn embedding(call: &mut Call<'_, '_>) -> Made {
    let (indices, weights) = (call.input(0)?, call.of_rank(1, 2)?);
    let size = call.fact(1)?.shape[0].clone();
    let indices = clipped(call.build(), &indices, &size)?;
    call.emit(Op::Gather { axis: 0 }, &[&weights, &indices])
}

fn take(call: &mut Call<'_, '_>) -> Made {
    let (x, indices, rank) = (call.of_rank(0, 1)?, call.input(1)?, call.rank(0)?);
    let axis = call.axis("axis", 0, rank)?;
    let size = call.fact(0)?.shape[axis].clone();
    let indices = match call.text("mode").unwrap_or("clip") {
        "clip" => clipped(call.build(), &indices, &size)?,
        "raise" => call.build().cast(&indices, DType::I64)?,
        "wrap" => {
            let size = size.known().ok_or(Reason::UnknownRank)?;
            let whole = call.build().cast(&indices, DType::I64)?;
            with(call.build(), Binary::Mod, &whole, size as f64)?
        }
        other => return Err(call.refuse("mode", "clip, wrap or raise", other)),
    };
    call.emit(Op::Gather { axis }, &[&x, &indices])
}

fn pick(call: &mut Call<'_, '_>) -> Made {
    let (keepdims, is_clipped) =
        (call.flag("keepdims", false)?, call.text("mode").unwrap_or("clip") == "clip");
    let axis = call.axis("axis", -1, call.rank(0)?)?;
    picked(call, axis, keepdims, is_clipped)
}

/// One element along an axis for each place on the others.
fn picked(call: &mut Call<'_, '_>, axis: usize, keepdims: bool, is_clipped: bool) -> Made {
    let (x, rank) = (call.of_rank(0, axis + 1)?, call.rank(0)?);
    let (mut indices, given) = (call.input(1)?, call.rank(1)?);
    let shape = call.fact(0)?.shape;
    if !is_clipped {
        return Err(call.refuse("mode", "clip", "another"));
    }
    let build = call.build();
    if given < rank {
        indices = with_axis(build, &indices, axis)?;
    }
    let indices = clipped(build, &indices, &shape[axis])?;
    let made = build.emit(Op::Whole(GatherElements { axis }.into()), &[&x, &indices])?;
    if keepdims {
        return Ok(vec![made]);
    }
    let mut shape = build.fact(&made).shape;
    shape.remove(axis);
    Ok(vec![build.reshape(&made, shape)?])
}

/// Tuples of indices lie along the first axis.
fn gather_nd(call: &mut Call<'_, '_>) -> Made {
    let (x, indices, rank) = (call.input(0)?, call.of_rank(1, 1)?, call.rank(1)?);
    let build = call.build();
    let indices = build.cast(&indices, DType::I64)?;
    let indices = build.transpose(&indices, (1..rank).chain([0]).collect())?;
    call.emit(Op::Whole(GatherNd { batch_dims: 0 }.into()), &[&x, &indices])
}

/// Rows replaced by those of another value.
fn index_copy(call: &mut Call<'_, '_>) -> Made {
    let (x, indices, rows) = (call.of_rank(0, 1)?, call.of_rank(1, 1)?, call.input(2)?);
    let build = call.build();
    let indices = build.cast(&indices, DType::I64)?;
    let indices = with_axis(build, &indices, 1)?;
    let operator = ScatterNd { update: Update::Replace };
    call.emit(Op::Whole(operator.into()), &[&x, &indices, &rows])
}

fn one_hot(call: &mut Call<'_, '_>) -> Made {
    let (indices, axis) = (call.input(0)?, call.rank(0)?);
    let depth = Dim::from(call.count("depth", 0)?);
    let (on, off) = (call.float("on_value", 1.0)?, call.float("off_value", 0.0)?);
    let dtype = call.dtype("dtype", DType::F32)?;
    let build = call.build();
    let indices = build.cast(&indices, DType::I64)?;
    // A negative index is nowhere, where the operator would count from the end.
    let far = build.number(DType::I64, (1_i64 << 40) as f64)?;
    let is_outside = with(build, Binary::Less, &indices, 0.0)?;
    let indices = build.emit(Op::Select, &[&is_outside, &far, &indices])?;
    let [off, on] = [off, on].map(|value| build.number(dtype, value));
    let one = vec![Dim::from(1)];
    let (off, on) = (build.reshape(&off?, one.clone())?, build.reshape(&on?, one)?);
    let values = build.emit(Op::Concat { axis: 0 }, &[&off, &on])?;
    call.emit(Op::Whole(OneHot { axis, depth }.into()), &[&indices, &values])
}

fn top_k(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let axis = call.axis("axis", -1, shape.len())?;
    let k = match call.count("k", 1)? {
        0 => shape[axis].clone(),
        k => Dim::from(k),
    };
    let is_largest = !call.flag("is_ascend", false)?;
    let dtype = call.dtype("dtype", DType::F32)?;
    let operator = TopK { axis, k, is_largest };
    let kind = call.text("ret_typ").unwrap_or("indices").to_string();
    let mut made = call.build().emit_all(Op::Whole(operator.into()), &[&x])?;
    made[1] = call.build().cast(&made[1], dtype)?;
    match kind.as_str() {
        "indices" => Ok(vec![made.swap_remove(1)]),
        "value" => Ok(vec![made.swap_remove(0)]),
        "both" => Ok(made),
        other => Err(call.refuse("ret_typ", "value, indices or both", other)),
    }
}

fn ordered(call: &mut Call<'_, '_>, makes_places: bool) -> Made {
    let (x, shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let axis = call.axis("axis", -1, shape.len())?;
    let is_largest = !call.flag("is_ascend", true)?;
    let dtype = call.dtype("dtype", DType::F32)?;
    let operator = TopK { axis, k: shape[axis].clone(), is_largest };
    let mut made = call.build().emit_all(Op::Whole(operator.into()), &[&x])?;
    match makes_places {
        true => Ok(vec![call.build().cast(&made[1], dtype)?]),
        false => Ok(vec![made.swap_remove(0)]),
    }
}

/// A condition of one axis chooses whole rows.
fn select(call: &mut Call<'_, '_>) -> Made {
    let (condition, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (mut shape, rank) = (call.fact(0)?.shape, call.rank(1)?);
    let build = call.build();
    let condition = build.cast(&condition, DType::Bool)?;
    if shape.len() == 1 && rank > 1 {
        shape.extend(vec![Dim::from(1); rank - 1]);
    }
    let condition = build.reshape(&condition, shape)?;
    call.emit(Op::Select, &[&condition, &a, &b])
}

/// The axis of the steps: the first, or as an attribute says.
fn steps(call: &Call<'_, '_>) -> Result<usize, Reason> {
    call.axis("axis", 0, call.rank(0)?.min(2))
}

/// Lengths of the sequences, where they are heeded.
fn lengths(call: &mut Call<'_, '_>) -> Result<Option<Operand>, Reason> {
    if !call.flag("use_sequence_length", false)? {
        return Ok(None);
    }
    let lengths = call.input(1)?;
    call.build().cast(&lengths, DType::I64).map(Some)
}

fn sequence_last(call: &mut Call<'_, '_>) -> Made {
    let (x, shape, axis) = (call.of_rank(0, 2)?, call.fact(0)?.shape, steps(call)?);
    let lengths = lengths(call)?;
    let build = call.build();
    let mut rest = shape.clone();
    let len = rest.remove(axis);
    let Some(lengths) = lengths else {
        let last = slice(build, &x, axis, len - Dim::from(1), Dim::from(1))?;
        return Ok(vec![build.reshape(&last, rest)?]);
    };
    // The sequences come first, then the step of each is picked.
    let perm: Vec<usize> = [1 - axis, axis].into_iter().chain(2..shape.len()).collect();
    let x = build.transpose(&x, perm)?;
    let last = with(build, Binary::Sub, &lengths, 1.0)?;
    let places = with_axis(build, &last, 1)?;
    let op = Op::Whole(GatherNd { batch_dims: 1 }.into());
    Ok(vec![build.emit(op, &[&x, &places])?])
}

fn sequence_reverse(call: &mut Call<'_, '_>) -> Made {
    let (x, axis) = (call.of_rank(0, 2)?, steps(call)?);
    if call.flag("use_sequence_length", false)? {
        return Err(call.refuse("use_sequence_length", "False", "True"));
    }
    Ok(vec![reversed(call.build(), &x, axis)?])
}

/// Steps behind the end of their sequence get a value.
fn sequence_mask(call: &mut Call<'_, '_>) -> Made {
    let (x, shape, axis) = (call.of_rank(0, 2)?, call.fact(0)?.shape, steps(call)?);
    let value = call.float("value", 0.0)?;
    let Some(lengths) = lengths(call)? else { return Ok(vec![x]) };
    let build = call.build();
    let places = positions(build, &shape[axis])?;
    let one = Dim::from(1);
    let places = match axis {
        0 => build.reshape(&places, vec![shape[0].clone(), one])?,
        _ => places,
    };
    let lengths = match axis {
        0 => lengths,
        _ => with_axis(build, &lengths, 1)?,
    };
    let is_inside = build.binary(Binary::Less, &places, &lengths)?;
    let mut wide = shape[..2].to_vec();
    wide.extend(vec![Dim::from(1); shape.len() - 2]);
    let is_inside = build.reshape(&is_inside, wide)?;
    let value = build.number(build.fact(&x).dtype, value)?;
    call.emit(Op::Select, &[&is_inside, &x, &value])
}
