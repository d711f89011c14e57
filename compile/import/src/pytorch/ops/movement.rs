//! Operators that move elements without computing with them.

use super::super::call::{Call, Made};
use super::super::value::{Undo, Value};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{self, axis, slice};
use crate::decompose::{product, target_shape, tiled};
use crate::error::Reason;
use ir::{Op, PadMode};
use std::iter::repeat_n;
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("view", "self size|dtype", view),
    row("_unsafe_view", "self size", view),
    row("reshape", "self shape|size", view),
    row("_reshape_alias", "self size stride", view),
    row("view_as", "self other", |call| {
        let shape = call.fact(1)?.shape;
        shaped(call, shape)
    }),
    row("reshape_as", "self other", |call| {
        let shape = call.fact(1)?.shape;
        shaped(call, shape)
    }),
    row("flatten", "self|input start_dim end_dim", flatten),
    row("ravel", "self", |call| {
        let shape = vec![product(&call.fact(0)?.shape)];
        shaped(call, shape)
    }),
    row("unflatten", "self dim sizes", unflatten),
    row("squeeze", "self|input dim", squeeze),
    row("unsqueeze", "self|input dim", unsqueeze),
    row("transpose", "self|input dim0 dim1", transpose),
    row("swapaxes", "self axis0 axis1", transpose),
    row("t", "self|input", |call| {
        let rank = call.fact(0)?.rank();
        permuted(call, (0..rank).rev().collect())
    }),
    row("numpy_T", "self", |call| {
        let rank = call.fact(0)?.rank();
        permuted(call, (0..rank).rev().collect())
    }),
    row("mT", "self", |call| {
        let rank = call.fact(0)?.rank();
        let mut perm: Vec<usize> = (0..rank).collect();
        if rank > 1 {
            perm.swap(rank - 1, rank - 2);
        }
        permuted(call, perm)
    }),
    row("permute", "self|input dims", |call| {
        let rank = call.fact(0)?.rank();
        let axes = call.ints(1)?;
        let perm: Option<Vec<usize>> = axes.iter().map(|&at| axis(at, rank)).collect();
        let perm = perm.ok_or_else(|| call.refuse(1, &format!("axes of {rank}")))?;
        permuted(call, perm)
    }),
    row("movedim", "self source destination", movedim),
    row("moveaxis", "self source destination", movedim),
    row("expand", "self size implicit", expand),
    row("expand_as", "self other", |call| {
        let shape = call.fact(1)?.shape;
        let x = call.tensor(0)?;
        let made = call.build.expand(&x, shape)?;
        call.view(made, Undo::Never)
    }),
    row("broadcast_to", "self size", expand),
    row("repeat", "self repeats", repeat),
    row("tile", "self dims", repeat),
    row("repeat_interleave", "self repeats dim output_size", repeat_interleave),
    row("cat", "tensors dim", concat),
    row("concat", "tensors dim", concat),
    row("stack", "tensors dim", stack),
    row("hstack", "tensors", |call| {
        let x = call.tensors(0)?;
        let axis = usize::from(x.first().is_some_and(|x| call.build.fact(x).rank() > 1));
        joined(call, &x, axis)
    }),
    row("vstack", "tensors", |call| {
        let mut x = call.tensors(0)?;
        for x in &mut x {
            if call.build.fact(x).rank() < 2 {
                *x = arithmetic::with_axis(call.build, x, 0)?;
            }
        }
        joined(call, &x, 0)
    }),
    row("flip", "self dims", flip),
    row("roll", "self shifts dims", roll),
    row("pixel_shuffle", "self upscale_factor", |call| shuffle(call, true)),
    row("pixel_unshuffle", "self downscale_factor", |call| shuffle(call, false)),
    row("channel_shuffle", "self|input groups", channel_shuffle),
    row("pad", "self|input pad mode value", |call| {
        let mode = call.text(2, "constant")?;
        padded(call, &mode, 3)
    }),
    row("constant_pad_nd", "self pad value", |call| padded(call, "constant", 2)),
    row("reflection_pad1d", "self padding", |call| padded(call, "reflect", 2)),
    row("reflection_pad2d", "self padding", |call| padded(call, "reflect", 2)),
    row("reflection_pad3d", "self padding", |call| padded(call, "reflect", 2)),
    row("replication_pad1d", "self padding", |call| padded(call, "replicate", 2)),
    row("replication_pad2d", "self padding", |call| padded(call, "replicate", 2)),
    row("replication_pad3d", "self padding", |call| padded(call, "replicate", 2)),
    row("_pad_circular", "self pad", |call| padded(call, "circular", 2)),
    row("_pad_enum", "self pad mode value", |call| {
        let mode = match call.int(2, 0)? {
            0 => "constant",
            1 => "reflect",
            2 => "replicate",
            _ => "circular",
        };
        padded(call, mode, 3)
    }),
];

/// The first argument under another shape.
fn shaped(call: &mut Call<'_>, shape: Vec<Dim>) -> Made {
    let x = call.tensor(0)?;
    let made = call.build.reshape(&x, shape)?;
    call.view(made, Undo::Reshape)
}

fn view(call: &mut Call<'_>) -> Made {
    if call.op == "view" && matches!(call.arg(1), Some(Value::Int(_))) {
        return Err(call.refuse(1, "a shape"));
    }
    let (shape, target) = (call.fact(0)?.shape, call.dims(1)?);
    let made = target_shape(&shape, &target, false);
    let made = made.ok_or_else(|| call.refuse(1, &format!("a shape for {shape:?}")))?;
    shaped(call, made)
}

fn flatten(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    if shape.is_empty() {
        return shaped(call, vec![Dim::from(1)]);
    }
    let first = call.axis(1, 0, shape.len())?;
    let last = call.axis(2, -1, shape.len())?;
    if first > last {
        return Err(call.refuse(1, "an axis before the last one"));
    }
    let mut made = shape[..first].to_vec();
    made.push(product(&shape[first..=last]));
    made.extend_from_slice(&shape[last + 1..]);
    shaped(call, made)
}

fn unflatten(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let (axis, sizes) = (call.axis(1, 0, shape.len())?, call.dims(2)?);
    let own = shape.get(axis..=axis).ok_or(Reason::UnknownRank)?;
    let sizes = target_shape(own, &sizes, false);
    let sizes = sizes.ok_or_else(|| call.refuse(2, "sizes of the axis"))?;
    shaped(call, [&shape[..axis], &sizes, &shape[axis + 1..]].concat())
}

fn squeeze(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let axes = call.axes(1, shape.len())?;
    let is_gone = |axis: usize| axes.contains(&axis) && shape[axis].known() == Some(1);
    let made = (0..shape.len()).filter(|&axis| !is_gone(axis)).map(|axis| shape[axis].clone());
    shaped(call, made.collect())
}

fn unsqueeze(call: &mut Call<'_>) -> Made {
    let mut shape = call.fact(0)?.shape;
    let axis = call.axis(1, 0, shape.len() + 1)?;
    shape.insert(axis, Dim::from(1));
    shaped(call, shape)
}

fn permuted(call: &mut Call<'_>, perm: Vec<usize>) -> Made {
    let x = call.tensor(0)?;
    let made = call.build.transpose(&x, perm.clone())?;
    call.view(made, Undo::Transpose(perm))
}

fn transpose(call: &mut Call<'_>) -> Made {
    let rank = call.fact(0)?.rank();
    let (a, b) = (call.axis(1, 0, rank)?, call.axis(2, 1, rank)?);
    let mut perm: Vec<usize> = (0..rank).collect();
    if a < rank && b < rank {
        perm.swap(a, b);
    }
    permuted(call, perm)
}

fn movedim(call: &mut Call<'_>) -> Made {
    let rank = call.fact(0)?.rank();
    let places = |call: &Call<'_>, index: usize| {
        let given = call.ints(index)?;
        let found: Option<Vec<usize>> = given.iter().map(|&at| axis(at, rank)).collect();
        found.ok_or_else(|| call.refuse(index, &format!("axes of {rank}")))
    };
    let (from, to) = (places(call, 1)?, places(call, 2)?);
    let mut rest = (0..rank).filter(|axis| !from.contains(axis));
    let perm = (0..rank).map(|place| match to.iter().position(|&to| to == place) {
        Some(at) => from.get(at).copied(),
        None => rest.next(),
    });
    let perm: Option<Vec<usize>> = perm.collect();
    let perm = perm.ok_or_else(|| call.refuse(2, "as many axes as before"))?;
    permuted(call, perm)
}

fn expand(call: &mut Call<'_>) -> Made {
    let (x, shape, mut target) = (call.tensor(0)?, call.fact(0)?.shape, call.dims(1)?);
    let added = target.len().saturating_sub(shape.len());
    for (axis, size) in target.iter_mut().enumerate() {
        if size.known() == Some(-1)
            && let Some(own) = axis.checked_sub(added).and_then(|axis| shape.get(axis))
        {
            *size = own.clone();
        }
    }
    let made = call.build.expand(&x, target)?;
    call.view(made, Undo::Never)
}

fn repeat(call: &mut Call<'_>) -> Made {
    let (mut x, mut repeats) = (call.tensor(0)?, call.dims(1)?);
    let mut shape = call.build.fact(&x).shape;
    let missing = |own: usize, other: usize| repeat_n(Dim::from(1), other.saturating_sub(own));
    if call.op == "tile" {
        repeats.splice(0..0, missing(repeats.len(), shape.len()));
    }
    shape.splice(0..0, missing(shape.len(), repeats.len()));
    x = call.build.reshape(&x, shape)?;
    let made = tiled(call.build, &x, &repeats)?;
    Ok(call.own(made))
}

/// Each element of an axis so many times, one after another.
fn repeat_interleave(call: &mut Call<'_>) -> Made {
    let mut x = call.tensor(0)?;
    let count = call.dim(1)?;
    let mut shape = call.build.fact(&x).shape;
    let axis = match call.arg(2) {
        Some(_) => call.axis(2, 0, shape.len())?,
        None => {
            shape = vec![product(&shape)];
            x = call.build.reshape(&x, shape.clone())?;
            0
        }
    };
    if shape.is_empty() {
        return Err(call.refuse_input(&x, "a tensor with axes"));
    }
    let x = arithmetic::with_axis(call.build, &x, axis + 1)?;
    let mut wide = shape.clone();
    wide.insert(axis + 1, count.clone());
    let wide = call.build.expand(&x, wide)?;
    shape[axis] = shape[axis].clone() * count;
    let made = call.build.reshape(&wide, shape)?;
    Ok(call.own(made))
}

/// Tensors one after another, in the type that all of them become; an old kind of nothing, a
/// vector without elements, is left out.
fn joined(call: &mut Call<'_>, tensors: &[Operand], axis: usize) -> Made {
    let is_empty = |x: &&Operand| call.build.fact(x).shape == [Dim::from(0)];
    let rank = tensors.iter().map(|x| call.build.fact(x).rank()).max().unwrap_or(0);
    let kept: Vec<Operand> = tensors.iter().filter(|x| rank < 2 || !is_empty(x)).cloned().collect();
    let types = kept.iter().map(|x| call.build.fact(x).dtype);
    let dtype = types.reduce(super::elementwise::joined).ok_or(Reason::UnknownRank)?;
    let kept = kept.iter().map(|x| call.build.cast(x, dtype)).collect::<Result<Vec<_>, _>>()?;
    match kept.as_slice() {
        [one] => Ok(call.own(one.clone())),
        _ => call.emit(Op::Concat { axis }, &kept.iter().collect::<Vec<_>>()),
    }
}

fn concat(call: &mut Call<'_>) -> Made {
    let tensors = call.tensors(0)?;
    let rank = tensors.iter().map(|x| call.build.fact(x).rank()).max().unwrap_or(0);
    let axis = call.axis(1, 0, rank)?;
    joined(call, &tensors, axis)
}

fn stack(call: &mut Call<'_>) -> Made {
    let mut tensors = call.tensors(0)?;
    let rank = tensors.first().map_or(0, |x| call.build.fact(x).rank());
    let axis = call.axis(1, 0, rank + 1)?;
    for x in &mut tensors {
        *x = arithmetic::with_axis(call.build, x, axis)?;
    }
    joined(call, &tensors, axis)
}

fn flip(call: &mut Call<'_>) -> Made {
    let mut x = call.tensor(0)?;
    let rank = call.build.fact(&x).rank();
    if call.ints(1)?.is_empty() {
        return Ok(call.own(x));
    }
    for axis in call.axes(1, rank)? {
        x = arithmetic::reversed(call.build, &x, axis)?;
    }
    Ok(call.own(x))
}

fn roll(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let shifts = call.ints(1)?;
    let axes = match call.arg(2) {
        Some(_) => call.ints(2)?,
        None => Vec::new(),
    };
    let mut made = x;
    if axes.is_empty() {
        made = call.build.reshape(&made, vec![product(&shape)])?;
    }
    let axes = if axes.is_empty() { vec![0] } else { axes };
    if axes.len() != shifts.len() {
        return Err(call.refuse(2, "an axis for each shift"));
    }
    for (shift, at) in shifts.into_iter().zip(axes) {
        let own = call.build.fact(&made).shape;
        let at = axis(at, own.len()).ok_or_else(|| call.refuse(2, "axes of the tensor"))?;
        let size = own[at].clone();
        let shift = match size.known() {
            Some(0) => 0,
            Some(size) => shift.rem_euclid(size),
            None => shift,
        };
        if shift == 0 {
            continue;
        }
        // The last `shift` elements come first; of a negative shift the first ones come last.
        let cut = if shift > 0 {
            size.clone() - Dim::from(shift)
        } else {
            Dim::from(shift.saturating_neg())
        };
        let last = slice(call.build, &made, at, cut.clone(), size - cut.clone())?;
        let first = slice(call.build, &made, at, Dim::default(), cut)?;
        made = call.build.emit(Op::Concat { axis: at }, &[&last, &first])?;
    }
    let made = call.build.reshape(&made, shape)?;
    Ok(call.own(made))
}

/// Channels to pixels of the image, or back.
fn shuffle(call: &mut Call<'_>, is_up: bool) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let factor = Dim::from(call.counts(1, 1, None, 1)?[0]);
    let Some(at) = shape.len().checked_sub(3) else {
        return Err(call.refuse_input(&x, "[…, C, H, W]"));
    };
    let [c, h, w] = [shape[at].clone(), shape[at + 1].clone(), shape[at + 2].clone()];
    let area = factor.clone() * factor.clone();
    let lead: Vec<usize> = (0..at).collect();
    let (split, order, whole) = if is_up {
        let c = c.floor_div(&area);
        let split = vec![c.clone(), factor.clone(), factor.clone(), h.clone(), w.clone()];
        (split, [0, 3, 1, 4, 2], vec![c, h * factor.clone(), w * factor])
    } else {
        let (h, w) = (h.floor_div(&factor), w.floor_div(&factor));
        let split = vec![c.clone(), h.clone(), factor.clone(), w.clone(), factor];
        (split, [0, 2, 4, 1, 3], vec![c * area, h, w])
    };
    let made = call.build.reshape(&x, [&shape[..at], &split].concat())?;
    let perm = lead.into_iter().chain(order.map(|axis| axis + at)).collect();
    let made = call.build.transpose(&made, perm)?;
    let made = call.build.reshape(&made, [&shape[..at], &whole].concat())?;
    Ok(call.own(made))
}

fn channel_shuffle(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let groups = Dim::from(call.counts(1, 1, None, 1)?[0]);
    let [n, c, rest @ ..] = shape.as_slice() else {
        return Err(call.refuse_input(&x, "[N, C, …]"));
    };
    let split = [&[n.clone(), groups.clone(), c.floor_div(&groups)], rest].concat();
    let made = call.build.reshape(&x, split)?;
    let perm = [0, 2, 1].into_iter().chain(3..shape.len() + 1).collect();
    let made = call.build.transpose(&made, perm)?;
    let made = call.build.reshape(&made, shape)?;
    Ok(call.own(made))
}

/// Elements added at both ends of the last axes, of the last one first.
fn padded(call: &mut Call<'_>, mode: &str, value: usize) -> Made {
    let x = call.tensor(0)?;
    let (fact, pads) = (call.build.fact(&x), call.ints(1)?);
    if pads.len() % 2 != 0 || pads.len() / 2 > fact.rank() {
        return Err(call.refuse(1, "two numbers for each axis"));
    }
    let (mut before, mut after) = (vec![0; fact.rank()], vec![0; fact.rank()]);
    for (at, pair) in pads.chunks_exact(2).enumerate() {
        let axis = fact.rank() - 1 - at;
        (before[axis], after[axis]) = (pair[0], pair[1]);
    }
    let mode = match mode {
        "constant" => PadMode::Constant(call.float(value, 0.0)?),
        "reflect" => PadMode::Reflect,
        "replicate" => PadMode::Edge,
        "circular" => {
            let made = around(call, x, &before, &after)?;
            return Ok(call.own(made));
        }
        _ => return Err(call.refuse(2, "constant, reflect, replicate or circular")),
    };
    call.emit(Op::Pad { before, after, mode }, &[&x])
}

/// Each axis continued by its other end.
fn around(
    call: &mut Call<'_>,
    mut x: Operand,
    before: &[i64],
    after: &[i64],
) -> Result<Operand, Reason> {
    for (axis, (&before, &after)) in before.iter().zip(after).enumerate() {
        if before < 0 || after < 0 {
            return Err(call.refuse(1, "numbers of at least 0"));
        }
        let size = call.build.fact(&x).shape[axis].clone();
        let mut parts = Vec::new();
        if before > 0 {
            let (start, len) = (size - Dim::from(before), Dim::from(before));
            parts.push(slice(call.build, &x, axis, start, len)?);
        }
        parts.push(x.clone());
        if after > 0 {
            parts.push(slice(call.build, &x, axis, Dim::default(), Dim::from(after))?);
        }
        if parts.len() > 1 {
            let parts: Vec<&Operand> = parts.iter().collect();
            x = call.build.emit(Op::Concat { axis }, &parts)?;
        }
    }
    Ok(x)
}
