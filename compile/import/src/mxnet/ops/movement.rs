//! Operators that move elements and compute nothing.

use super::super::call::{Call, Made};
use super::activation::flattened;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{reversed, slice, with_axis};
use crate::decompose::{Range, product, quotient, tiled};
use crate::error::Reason;
use ir::{Op, PadMode, SliceAxis};
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("Reshape", reshape),
    row("reshape", reshape),
    row("reshape_like", reshape_like),
    row("Flatten", flatten),
    row("flatten", flatten),
    row("transpose", transpose),
    row("SwapAxis", swap_axis),
    row("swapaxes", swap_axis),
    row("expand_dims", expand_dims),
    row("squeeze", squeeze),
    row("Concat", |call| {
        let axis = call.axis("dim", 1, call.rank(0)?)?;
        joined(call, axis)
    }),
    row("concat", |call| {
        let axis = call.axis("dim", 1, call.rank(0)?)?;
        joined(call, axis)
    }),
    row("_rnn_param_concat", |call| {
        let axis = call.axis("dim", 0, call.rank(0)?)?;
        joined(call, axis)
    }),
    row("stack", stack),
    row("SliceChannel", split),
    row("split", split),
    row("slice", cut),
    row("crop", cut),
    row("slice_axis", slice_axis),
    row("slice_like", slice_like),
    row("tile", tile),
    row("repeat", repeat),
    row("reverse", reverse),
    row("flip", reverse),
    row("Pad", pad),
    row("pad", pad),
    row("broadcast_to", broadcast_to),
    row("broadcast_like", broadcast_like),
    row("broadcast_axis", broadcast_axis),
    row("broadcast_axes", broadcast_axis),
];

/// Codes of a shape: the size that is there, the rest, all that is left, two as one, one as two.
const SAME: i64 = 0;
const REST: i64 = -1;
const ALL: i64 = -2;
const MERGED: i64 = -3;
const SPLIT: i64 = -4;

/// The shape that codes ask for; `None` where they do not fit.
fn shape_of(sizes: &[Dim], codes: &[i64]) -> Option<Vec<Dim>> {
    let (mut made, mut rest, mut at) = (Vec::new(), None, 0);
    let mut codes = codes.iter().copied();
    while let Some(code) = codes.next() {
        match code {
            SAME => made.push(sizes.get(at)?.clone()),
            REST if rest.is_none() => {
                rest = Some(made.len());
                made.push(Dim::from(1));
            }
            ALL => {
                made.extend_from_slice(sizes.get(at..)?);
                at = sizes.len();
            }
            MERGED => {
                made.push(sizes.get(at)?.clone() * sizes.get(at + 1)?.clone());
                at += 1;
            }
            SPLIT => {
                let (whole, parts) = (sizes.get(at)?, [codes.next()?, codes.next()?]);
                let other = |known: i64| whole.floor_div(&Dim::from(known));
                match parts {
                    [REST, known] if known > 0 => made.extend([other(known), Dim::from(known)]),
                    [known, REST] if known > 0 => made.extend([Dim::from(known), other(known)]),
                    [a, b] if a > 0 && b > 0 => made.extend([a, b].map(Dim::from)),
                    _ => return None,
                }
            }
            size @ 1.. => made.push(Dim::from(size)),
            _ => return None,
        }
        if code != ALL {
            at += 1;
        }
    }
    if let Some(place) = rest {
        made[place] = quotient(sizes, &made)?;
    }
    Some(made)
}

fn reshape(call: &mut Call<'_, '_>) -> Made {
    let (x, mut sizes) = (call.input(0)?, call.fact(0)?.shape);
    let given = call.ints("shape")?.filter(|codes| !codes.is_empty());
    // Before the codes there was a shape in which 0 stood for the rest.
    let codes = match given {
        Some(codes) => codes,
        None => {
            let old = call.ints("target_shape")?.unwrap_or_default();
            let keeps_first = call.flag("keep_highest", false)?;
            let code = |(at, size): (usize, i64)| match (at, size) {
                (0, _) if keeps_first => SAME,
                (_, 0) => REST,
                (_, size) => size,
            };
            old.into_iter().enumerate().map(code).collect()
        }
    };
    let is_reverse = call.flag("reverse", false)?;
    let mut wanted = codes.clone();
    if is_reverse {
        sizes.reverse();
        wanted.reverse();
    }
    let found = || call.refuse("shape", &format!("a shape for {sizes:?}"), &format!("{codes:?}"));
    let mut shape = shape_of(&sizes, &wanted).ok_or_else(found)?;
    if is_reverse {
        shape.reverse();
    }
    Ok(vec![call.build().reshape(&x, shape)?])
}

/// Some axes get the sizes that some of another value have: all of both, or as attributes say.
fn reshape_like(call: &mut Call<'_, '_>) -> Made {
    let (x, own, like) = (call.input(0)?, call.fact(0)?.shape, call.fact(1)?.shape);
    let (begin, end) = span(call, ["lhs_begin", "lhs_end"], own.len())?;
    let (from, to) = span(call, ["rhs_begin", "rhs_end"], like.len())?;
    let shape = [&own[..begin], &like[from..to], &own[end..]].concat();
    Ok(vec![call.build().reshape(&x, shape)?])
}

/// The axes from one attribute to another one, all where they are left out.
fn span(call: &Call<'_, '_>, names: [&str; 2], rank: usize) -> Result<(usize, usize), Reason> {
    let place = |name: &str, default: usize| {
        let Some(value) = call.int(name)? else { return Ok(default) };
        let from_start = if value < 0 { value.saturating_add(rank as i64) } else { value };
        let place = usize::try_from(from_start).ok().filter(|&place| place <= rank);
        let found = || call.refuse(name, &format!("a place among {rank} axes"), &value.to_string());
        place.ok_or_else(found)
    };
    let (begin, end) = (place(names[0], 0)?, place(names[1], rank)?);
    if begin > end {
        let expected = format!("at least {begin}, where it begins");
        return Err(call.refuse(names[1], &expected, &end.to_string()));
    }
    Ok((begin, end))
}

fn flatten(call: &mut Call<'_, '_>) -> Made {
    let x = call.of_rank(0, 1)?;
    Ok(vec![flattened(call.build(), &x)?])
}

fn transpose(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.rank(0)?);
    let mut perm = call.axes("axes", rank)?;
    if perm.is_empty() {
        perm = (0..rank).rev().collect();
    }
    Ok(vec![call.build().transpose(&x, perm)?])
}

fn swap_axis(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.rank(0)?);
    let (a, b) = (call.axis("dim1", 0, rank)?, call.axis("dim2", 0, rank)?);
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(a, b);
    Ok(vec![call.build().transpose(&x, perm)?])
}

fn expand_dims(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.rank(0)?);
    let axis = call.axis("axis", 0, rank + 1)?;
    Ok(vec![with_axis(call.build(), &x, axis)?])
}

fn squeeze(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let rank = shape.len();
    let axes = call.axes("axis", rank)?;
    let is_dropped = |axis: usize| match axes.is_empty() {
        true => shape[axis].known() == Some(1),
        false => axes.contains(&axis),
    };
    let mut kept: Vec<Dim> =
        (0..rank).filter(|&axis| !is_dropped(axis)).map(|axis| shape[axis].clone()).collect();
    if kept.is_empty() {
        kept.push(Dim::from(1));
    }
    Ok(vec![call.build().reshape(&x, kept)?])
}

fn joined(call: &mut Call<'_, '_>, axis: usize) -> Made {
    let inputs = call.inputs.clone();
    let inputs: Vec<&Operand> = inputs.iter().collect();
    call.emit(Op::Concat { axis }, &inputs)
}

fn stack(call: &mut Call<'_, '_>) -> Made {
    let axis = call.axis("axis", 0, call.rank(0)? + 1)?;
    for at in 0..call.inputs.len() {
        let x = call.input(at)?;
        call.inputs[at] = with_axis(call.build(), &x, axis)?;
    }
    joined(call, axis)
}

fn split(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let axis = call.axis("axis", 1, shape.len())?;
    let (count, is_squeezed) = (call.count("num_outputs", 1)?, call.flag("squeeze_axis", false)?);
    let size = shape[axis].known_size();
    if count == 0 || size.is_some_and(|size| size % count != 0) || count > 1 << 16 {
        let expected = format!("a number of parts of {}", shape[axis]);
        return Err(call.refuse("num_outputs", &expected, &count.to_string()));
    }
    let len = shape[axis].floor_div(&Dim::from(count));
    let parts = (0..count).map(|part| {
        let build = call.build();
        let start = len.clone() * Dim::from(part);
        let made = slice(build, &x, axis, start, len.clone())?;
        if !is_squeezed {
            return Ok(made);
        }
        let mut rest = build.fact(&made).shape;
        rest.remove(axis);
        build.reshape(&made, rest)
    });
    parts.collect()
}

/// A range of one axis; an end that is open is that of the axis.
fn range(axis: usize, size: &Dim, [begin, end, step]: [Option<i64>; 3]) -> Option<SliceAxis> {
    let step = step.unwrap_or(1);
    let (first, last) = match step {
        1.. => (0, i64::MAX),
        // From the last element on to what is before the first.
        _ => (-1, i64::MIN),
    };
    let (start, end) = (Dim::from(begin.unwrap_or(first)), Dim::from(end.unwrap_or(last)));
    let (start, len) = Range { start: &start, end: &end, step }.on(size)?;
    Some(SliceAxis { axis, start, len, step })
}

fn cut(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let list = |name: &str| -> Result<Vec<Option<i64>>, Reason> {
        Ok(call.list(name)?.unwrap_or_default())
    };
    let (begins, ends, steps) = (list("begin")?, list("end")?, list("step")?);
    if begins.len() > shape.len() || ends.len() != begins.len() {
        let expected = format!("an end for each begin, of at most {} axes", shape.len());
        return Err(call.refuse("begin", &expected, &format!("{begins:?}")));
    }
    let each = begins.iter().zip(&ends).enumerate();
    let cuts = each.map(|(axis, (&begin, &end))| {
        range(axis, &shape[axis], [begin, end, steps.get(axis).copied().flatten()])
    });
    let cuts = cuts.collect::<Option<Vec<SliceAxis>>>();
    let axes = cuts.ok_or_else(|| call.refuse("step", "steps other than 0", "0"))?;
    call.emit(Op::Slice { axes }, &[&x])
}

fn slice_axis(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let axis = call.axis("axis", 0, shape.len())?;
    let cut = range(axis, &shape[axis], [call.int("begin")?, call.int("end")?, None]);
    let cut = cut.ok_or_else(|| call.refuse("begin", "a range", "none"))?;
    call.emit(Op::Slice { axes: vec![cut] }, &[&x])
}

fn slice_like(call: &mut Call<'_, '_>) -> Made {
    let (mut x, shape, like) = (call.input(0)?, call.fact(0)?.shape, call.fact(1)?.shape);
    let rank = shape.len().min(like.len());
    let mut axes = call.axes("axes", rank)?;
    if axes.is_empty() {
        axes = (0..rank).collect();
    }
    for axis in axes {
        x = slice(call.build(), &x, axis, Dim::from(0), like[axis].clone())?;
    }
    Ok(vec![x])
}

/// One number for each axis of the longer of a shape and a list, 1 in front of the list.
fn tile(call: &mut Call<'_, '_>) -> Made {
    let (mut x, mut shape) = (call.input(0)?, call.fact(0)?.shape);
    let mut repeats: Vec<Dim> =
        call.ints("reps")?.unwrap_or_default().into_iter().map(Dim::from).collect();
    while shape.len() < repeats.len() {
        shape.insert(0, Dim::from(1));
    }
    while repeats.len() < shape.len() {
        repeats.insert(0, Dim::from(1));
    }
    x = call.build().reshape(&x, shape)?;
    Ok(vec![tiled(call.build(), &x, &repeats)?])
}

/// Each element several times in a row.
fn repeat(call: &mut Call<'_, '_>) -> Made {
    let (mut x, mut shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let count = Dim::from(call.count("repeats", 1)?);
    let axis = match call.text("axis") {
        Some(_) => call.axis("axis", 0, shape.len())?,
        None => {
            shape = vec![product(&shape)];
            x = call.build().reshape(&x, shape.clone())?;
            0
        }
    };
    let build = call.build();
    let split = with_axis(build, &x, axis + 1)?;
    let mut wide = build.fact(&split).shape;
    wide[axis + 1] = count.clone();
    let wide = build.expand(&split, wide)?;
    shape[axis] = shape[axis].clone() * count;
    Ok(vec![build.reshape(&wide, shape)?])
}

fn reverse(call: &mut Call<'_, '_>) -> Made {
    let (mut x, rank) = (call.input(0)?, call.rank(0)?);
    for axis in call.axes("axis", rank)? {
        x = reversed(call.build(), &x, axis)?;
    }
    Ok(vec![x])
}

fn pad(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.rank(0)?);
    let widths = call.sizes("pad_width", 2 * rank, 0)?;
    let mode = match call.text("mode").unwrap_or_default() {
        "constant" => PadMode::Constant(call.float("constant_value", 0.0)?),
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        other => return Err(call.refuse("mode", "constant, edge or reflect", other)),
    };
    let side = |at: usize| widths.iter().skip(at).step_by(2).map(|&width| width as i64).collect();
    call.emit(Op::Pad { before: side(0), after: side(1), mode }, &[&x])
}

fn broadcast_to(call: &mut Call<'_, '_>) -> Made {
    let (x, own) = (call.input(0)?, call.fact(0)?.shape);
    let wanted = call.ints("shape")?.unwrap_or_default();
    let size = |(axis, &size): (usize, &i64)| match size {
        0 => own.get(axis).cloned(),
        size => Some(Dim::from(size)),
    };
    let shape = wanted.iter().enumerate().map(size).collect::<Option<Vec<Dim>>>();
    let shape = shape.ok_or_else(|| call.refuse("shape", "a shape", &format!("{wanted:?}")))?;
    Ok(vec![call.build().expand(&x, shape)?])
}

fn broadcast_like(call: &mut Call<'_, '_>) -> Made {
    if call.text("lhs_axes").is_some() || call.text("rhs_axes").is_some() {
        return Err(call.refuse("lhs_axes", "None", "axes"));
    }
    let (x, shape) = (call.input(0)?, call.fact(1)?.shape);
    Ok(vec![call.build().expand(&x, shape)?])
}

fn broadcast_axis(call: &mut Call<'_, '_>) -> Made {
    let (x, mut shape) = (call.input(0)?, call.fact(0)?.shape);
    let (axes, sizes) = (call.axes("axis", shape.len())?, call.ints("size")?.unwrap_or_default());
    for (axis, size) in axes.into_iter().zip(sizes) {
        shape[axis] = Dim::from(size);
    }
    Ok(vec![call.build().expand(&x, shape)?])
}
