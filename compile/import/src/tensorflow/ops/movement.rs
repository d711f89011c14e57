//! Operators that move elements; cutting is in `slice.rs`.

use super::super::call::{Call, Made};
use super::conv::Layout;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{axis, reversed, slice};
use crate::decompose::{self, quotient};
use crate::error::Reason;
use ir::{Fact, Op, PadMode, SliceAxis};
use operators::dynamic;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("Reshape", reshape),
    row("Squeeze", squeeze),
    row("ExpandDims", expand_dims),
    row("Transpose", transpose),
    row("ConcatV2", |call| concat(call, true)),
    row("Concat", |call| concat(call, false)),
    row("Pack", pack),
    row("Unpack", unpack),
    row("Split", split),
    row("SplitV", split_by_sizes),
    row("Tile", tile),
    row("BroadcastTo", broadcast_to),
    row("Pad", pad),
    row("PadV2", pad),
    row("MirrorPad", pad),
    row("ReverseV2", reverse),
    row("Roll", roll),
    row("SpaceToDepth", space_to_depth),
    row("DepthToSpace", depth_to_space),
    row("SpaceToBatchND", space_to_batch),
    row("BatchToSpaceND", batch_to_space),
];

fn reshape(call: &mut Call<'_, '_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let Some(target) = call.known_dims(1) else {
        let shape = call.fact(1)?.shape;
        let rank = match shape.as_slice() {
            [rank] => rank.known_size(),
            _ => None,
        };
        let rank = rank.ok_or(Reason::UnknownRank)?;
        let target = call.input(1)?;
        let target = call.build().cast(&target, DType::I64)?;
        let shape = (0..rank).map(|_| call.build().fresh()).collect();
        let operator = dynamic::Reshape { allow_zero: true };
        return call.build().dynamic(operator, &[&x, &target], vec![Fact { shape, ..fact }]);
    };
    let shape = decompose::target_shape(&fact.shape, &target, false);
    let shape = shape.ok_or_else(|| Reason::Input {
        input: 1,
        expected: format!("a shape with as many elements as {:?}", fact.shape),
        found: format!("{target:?}"),
    })?;
    Ok(vec![call.build().reshape(&x, shape)?])
}

fn squeeze(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let values = match call.ints("squeeze_dims") {
        [] => call.ints("axis").to_vec(),
        values => values.to_vec(),
    };
    let dropped: Option<Vec<usize>> = match values.as_slice() {
        [] => Some((0..shape.len()).filter(|&at| shape[at].known() == Some(1)).collect()),
        values => values.iter().map(|&value| axis(value, shape.len())).collect(),
    };
    let is_one = |at: &usize| shape[*at].known().is_none_or(|size| size == 1);
    let dropped = dropped.filter(|dropped| dropped.iter().all(is_one)).ok_or_else(|| {
        let expected = format!("axes of one element of {shape:?}");
        call.refuse("squeeze_dims", &expected, &format!("{values:?}"))
    })?;
    let kept = (0..shape.len()).filter(|at| !dropped.contains(at));
    let shape = kept.map(|at| shape[at].clone()).collect();
    Ok(vec![call.build().reshape(&x, shape)?])
}

fn expand_dims(call: &mut Call<'_, '_>) -> Made {
    let (x, mut shape) = (call.input(0)?, call.fact(0)?.shape);
    let at = call.axis_at(1, shape.len() + 1)?;
    shape.insert(at, Dim::from(1));
    Ok(vec![call.build().reshape(&x, shape)?])
}

fn transpose(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let values = call.integers(1, "the order of axes")?;
    let perm: Option<Vec<usize>> = values.iter().map(|&value| axis(value, rank)).collect();
    let perm = perm.ok_or_else(|| Reason::Input {
        input: 1,
        expected: format!("an order of {rank} axes"),
        found: format!("{values:?}"),
    })?;
    Ok(vec![call.build().transpose(&x, perm)?])
}

/// Values one after another, along the channels of the values that they were before, where all of
/// them were turned.
pub(super) fn joined(
    call: &mut Call<'_, '_>,
    parts: &[Operand],
    axis: usize,
) -> Result<Operand, Reason> {
    if let [one] = parts {
        return Ok(one.clone());
    }
    let rank = call.walk.fact(&parts[0]).rank();
    let before: Option<Vec<Operand>> =
        parts.iter().map(|part| call.walk.turned.before(part)).collect();
    if let Some(before) = before.filter(|_| rank > 2 && axis > 0) {
        let axis = if axis == rank - 1 { 1 } else { axis + 1 };
        let made = call.build().emit(Op::Concat { axis }, &before.iter().collect::<Vec<_>>())?;
        return call.walk.turned.channels_last(&mut call.walk.build, made);
    }
    call.build().emit(Op::Concat { axis }, &parts.iter().collect::<Vec<_>>())
}

fn concat(call: &mut Call<'_, '_>, is_axis_last: bool) -> Made {
    let mut inputs = call.all()?;
    let at = if is_axis_last { inputs.len() - 1 } else { 0 };
    let first = usize::from(!is_axis_last);
    if inputs.len() < 2 {
        return Err(call.refuse("N", "at least one value and the axis", "none"));
    }
    let axis = call.axis_at(at, call.fact(first)?.rank())?;
    inputs.remove(at);
    Ok(vec![joined(call, &inputs, axis)?])
}

fn pack(call: &mut Call<'_, '_>) -> Made {
    let (inputs, mut shape) = (call.all()?, call.fact(0)?.shape);
    let at = axis(call.int("axis").unwrap_or(0), shape.len() + 1);
    let at = at.ok_or_else(|| call.refuse("axis", "an axis of the result", "another"))?;
    shape.insert(at, Dim::from(1));
    let mut parts = Vec::with_capacity(inputs.len());
    for x in &inputs {
        let mut own = call.walk.fact(x).shape;
        own.insert(at.min(own.len()), Dim::from(1));
        parts.push(call.build().reshape(x, own)?);
    }
    Ok(vec![joined(call, &parts, at)?])
}

/// Most parts that a value is cut into.
const PARTS_MAX: usize = 1 << 14;

fn unpack(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let at = axis(call.int("axis").unwrap_or(0), shape.len());
    let at = at.ok_or_else(|| call.refuse("axis", "an axis of the value", "another"))?;
    let count = call.count("num")?.min(PARTS_MAX);
    let mut rest = shape.clone();
    rest.remove(at);
    let mut made = Vec::with_capacity(count);
    for index in 0..count {
        let part = slice(call.build(), &x, at, Dim::from(index), Dim::from(1))?;
        made.push(call.build().reshape(&part, rest.clone())?);
    }
    Ok(made)
}

/// A value cut along an axis into parts of these sizes.
fn parts(call: &mut Call<'_, '_>, x: &Operand, at: usize, sizes: &[Dim]) -> Made {
    let rank = call.walk.fact(x).rank();
    let before = call.walk.turned.before(x).filter(|_| rank > 2 && at > 0);
    let is_turned = before.is_some();
    let inner = match is_turned {
        false => at,
        true if at == rank - 1 => 1,
        true => at + 1,
    };
    let x = before.unwrap_or_else(|| x.clone());
    let (mut start, mut made) = (Dim::default(), Vec::with_capacity(sizes.len()));
    for size in sizes {
        let part = slice(call.build(), &x, inner, start.clone(), size.clone())?;
        made.push(match is_turned {
            true => call.walk.turned.channels_last(&mut call.walk.build, part)?,
            false => part,
        });
        start = start + size.clone();
    }
    Ok(made)
}

fn split(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(1)?, call.fact(1)?.shape);
    let at = call.axis_at(0, shape.len())?;
    let count = call.count("num_split")?;
    let size = quotient(&shape[at..=at], &[Dim::from(count)]).filter(|_| count <= PARTS_MAX);
    let size = size.ok_or_else(|| {
        let expected = format!("a number of equal parts of {}", shape[at]);
        call.refuse("num_split", &expected, &count.to_string())
    })?;
    parts(call, &x, at, &vec![size; count])
}

fn split_by_sizes(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let mut sizes = call.dims(1, "the sizes of the parts")?;
    let at = call.axis_at(2, shape.len())?;
    let rest = sizes.iter().position(|size| size.known() == Some(-1));
    if let Some(rest) = rest {
        sizes[rest] = Dim::default();
        let others = sizes.iter().cloned().fold(Dim::default(), |a, b| a + b);
        sizes[rest] = shape[at].clone() - others;
    }
    let sum = sizes.iter().cloned().fold(Dim::default(), |a, b| a + b);
    let is_negative = sizes.iter().any(|size| size.known().is_some_and(|size| size < 0));
    if is_negative || (sum - shape[at].clone()).known().is_some_and(|rest| rest != 0) {
        let expected = format!("sizes that add up to {}", shape[at]);
        return Err(Reason::Input { input: 1, expected, found: format!("{sizes:?}") });
    }
    parts(call, &x, at, &sizes)
}

fn tile(call: &mut Call<'_, '_>) -> Made {
    let (x, repeats) = (call.input(0)?, call.dims(1, "repeats")?);
    Ok(vec![decompose::tiled(call.build(), &x, &repeats)?])
}

fn broadcast_to(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let shape = call.dims(1, "the shape")?;
    Ok(vec![call.build().expand(&x, shape)?])
}

/// The numbers of elements before and behind each axis.
fn paddings(call: &Call<'_, '_>, index: usize, rows: usize) -> Result<Vec<[i64; 2]>, Reason> {
    let known = call.input(index)?.known().cloned();
    let known = known
        .ok_or_else(|| Reason::DataDependent { input: index, what: "the padding".to_string() })?;
    let values: Option<Vec<i64>> = match known.dtype() {
        DType::I32 => known.as_slice::<i32>().ok().map(|v| v.iter().map(|&v| v.into()).collect()),
        _ => known.as_slice::<i64>().ok().map(<[i64]>::to_vec),
    };
    let is_bounded = |values: &Vec<i64>| values.iter().all(|v| v.unsigned_abs() < 1 << 31);
    let values = values.filter(|values| values.len() == 2 * rows).filter(is_bounded);
    let values = values.ok_or_else(|| Reason::Input {
        input: index,
        expected: format!("two numbers for each of {rows} axes"),
        found: format!("{known:?}"),
    })?;
    Ok(values.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}

/// Images are padded with their channels second, so that a convolution behind takes the padding.
fn pad(call: &mut Call<'_, '_>) -> Made {
    let (mut x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let mut pads = paddings(call, 1, rank)?;
    let is_symmetric = call.text("mode") == Some("SYMMETRIC");
    if is_symmetric {
        return symmetric(call, &x, &pads);
    }
    let mode = match call.text("mode") {
        Some(_) => PadMode::Reflect,
        None if call.inputs.len() > 2 => PadMode::Constant(call.number(2, "the padding's value")?),
        None => PadMode::Constant(0.0),
    };
    let is_image = matches!(rank, 4 | 5) && pads[0] == [0, 0] && pads[rank - 1] == [0, 0];
    if is_image {
        x = call.walk.turned.channels_second(&mut call.walk.build, &x)?;
        let last = pads.remove(rank - 1);
        pads.insert(1, last);
    }
    let (before, after) = pads.iter().map(|pad| (pad[0], pad[1])).unzip();
    let made = call.build().emit(Op::Pad { before, after, mode }, &[&x])?;
    Ok(vec![match is_image {
        true => call.walk.turned.channels_last(&mut call.walk.build, made)?,
        false => made,
    }])
}

/// Elements mirrored at the edge, the edge itself repeated.
fn symmetric(call: &mut Call<'_, '_>, x: &Operand, pads: &[[i64; 2]]) -> Made {
    let mut made = x.clone();
    for (at, &[before, after]) in pads.iter().enumerate() {
        let size = call.walk.fact(&made).shape[at].clone();
        let mut parts = Vec::with_capacity(3);
        let ends = [(before, Dim::default()), (after, size - Dim::from(after))];
        let mut mirrored = Vec::with_capacity(2);
        for (count, start) in ends {
            let part = slice(call.build(), &made, at, start, Dim::from(count.max(0)))?;
            mirrored.push(reversed(call.build(), &part, at)?);
        }
        if before > 0 {
            parts.push(mirrored[0].clone());
        }
        parts.push(made.clone());
        if after > 0 {
            parts.push(mirrored[1].clone());
        }
        if parts.len() > 1 {
            made = call.build().emit(Op::Concat { axis: at }, &parts.iter().collect::<Vec<_>>())?;
        }
    }
    Ok(vec![made])
}

fn reverse(call: &mut Call<'_, '_>) -> Made {
    let (mut x, rank) = (call.input(0)?, call.fact(0)?.rank());
    for at in call.axes_at(1, rank)? {
        x = reversed(call.build(), &x, at)?;
    }
    Ok(vec![x])
}

fn roll(call: &mut Call<'_, '_>) -> Made {
    let (mut x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let (shifts, axes) = (call.integers(1, "the shifts")?, call.integers(2, "the axes")?);
    for (shift, at) in shifts.into_iter().zip(axes) {
        let at = axis(at, rank).ok_or_else(|| Reason::Input {
            input: 2,
            expected: format!("axes of {rank}"),
            found: at.to_string(),
        })?;
        let size = call.walk.fact(&x).shape[at].clone();
        let known = size.known().filter(|&size| size > 0);
        let shift = match known {
            Some(known) => Dim::from(shift.rem_euclid(known)),
            None if shift >= 0 => Dim::from(shift),
            None => size.clone() + Dim::from(shift),
        };
        let first = size.clone() - shift.clone();
        let behind = slice(call.build(), &x, at, first.clone(), shift)?;
        let before = slice(call.build(), &x, at, Dim::default(), first)?;
        x = call.build().emit(Op::Concat { axis: at }, &[&behind, &before])?;
    }
    Ok(vec![x])
}

/// Refuses a size that is known not to be a multiple of the divisor.
fn divided(size: &Dim, divisor: &Dim) -> Result<Dim, Reason> {
    quotient(std::slice::from_ref(size), std::slice::from_ref(divisor)).ok_or_else(|| {
        let expected = format!("a size that is a multiple of {divisor}");
        Reason::Input { input: 0, expected, found: size.to_string() }
    })
}

/// The image with its channels last, its four sizes and the block's side.
fn blocks(call: &mut Call<'_, '_>) -> Result<(Layout, Operand, [Dim; 4], Dim), Reason> {
    let layout = Layout::of(call, 2)?;
    let mut x = call.of_rank(0, 4)?;
    if !layout.is_last {
        x = call.build().transpose(&x, vec![0, 2, 3, 1])?;
    }
    let side = call.count("block_size")?;
    if !(1..=0xffff).contains(&side) {
        return Err(call.refuse("block_size", "1 to 65535", &side.to_string()));
    }
    let shape: [Dim; 4] = call.walk.fact(&x).shape.try_into().map_err(|_| Reason::UnknownRank)?;
    Ok((layout, x, shape, Dim::from(side)))
}

fn in_layout(call: &mut Call<'_, '_>, layout: &Layout, made: Operand) -> Made {
    Ok(vec![match layout.is_last {
        true => made,
        false => call.build().transpose(&made, vec![0, 3, 1, 2])?,
    }])
}

fn space_to_depth(call: &mut Call<'_, '_>) -> Made {
    let (layout, x, [n, h, w, c], side) = blocks(call)?;
    let (rows, columns) = (divided(&h, &side)?, divided(&w, &side)?);
    let (b, s) = (side.clone(), &side);
    let split = vec![n.clone(), rows.clone(), b.clone(), columns.clone(), b, c.clone()];
    let split = call.build().reshape(&x, split)?;
    let moved = call.build().transpose(&split, vec![0, 1, 3, 2, 4, 5])?;
    let made = vec![n, rows, columns, c * s.clone() * s.clone()];
    let made = call.build().reshape(&moved, made)?;
    in_layout(call, &layout, made)
}

fn depth_to_space(call: &mut Call<'_, '_>) -> Made {
    let (layout, x, [n, h, w, c], side) = blocks(call)?;
    let depth = divided(&c, &(side.clone() * side.clone()))?;
    let (b, s) = (side.clone(), &side);
    let split = vec![n.clone(), h.clone(), w.clone(), b.clone(), b, depth.clone()];
    let split = call.build().reshape(&x, split)?;
    let moved = call.build().transpose(&split, vec![0, 1, 3, 2, 4, 5])?;
    let made = vec![n, h * s.clone(), w * s.clone(), depth];
    let made = call.build().reshape(&moved, made)?;
    in_layout(call, &layout, made)
}

/// The sides of the blocks, each at least 1.
fn sides(call: &Call<'_, '_>, rank: usize) -> Result<Vec<i64>, Reason> {
    let sides = call.integers(1, "the sides of the blocks")?;
    let is_side = |&side: &i64| (1..=0xffff).contains(&side);
    if sides.iter().all(is_side) && sides.len() < rank {
        return Ok(sides);
    }
    let expected = format!("fewer than {rank} sides of at least 1");
    Err(Reason::Input { input: 1, expected, found: format!("{sides:?}") })
}

/// `(x, sides, paddings)`: the places within blocks become images of their own.
fn space_to_batch(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let sides = sides(call, rank)?;
    let pads = paddings(call, 2, sides.len())?;
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (at, pad) in pads.iter().enumerate() {
        (before[at + 1], after[at + 1]) = (pad[0], pad[1]);
    }
    let mode = PadMode::Constant(0.0);
    let x = call.build().emit(Op::Pad { before, after, mode }, &[&x])?;
    let shape = call.walk.fact(&x).shape;
    let (mut split, mut made) = (vec![shape[0].clone()], vec![shape[0].clone()]);
    for (size, &side) in shape[1..].iter().zip(&sides) {
        let rows = divided(size, &Dim::from(side))?;
        split.extend([rows.clone(), Dim::from(side)]);
        made[0] = made[0].clone() * Dim::from(side);
        made.push(rows);
    }
    let rest = &shape[sides.len() + 1..];
    split.extend_from_slice(rest);
    made.extend_from_slice(rest);
    let blocks = (0..sides.len()).map(|at| 2 * at + 2);
    let rows = (0..sides.len()).map(|at| 2 * at + 1);
    let others = 2 * sides.len() + 1..split.len();
    let perm = blocks.chain([0]).chain(rows).chain(others).collect();
    let split = call.build().reshape(&x, split)?;
    let moved = call.build().transpose(&split, perm)?;
    Ok(vec![call.build().reshape(&moved, made)?])
}

/// `(x, sides, crops)`: the reverse.
fn batch_to_space(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let sides = sides(call, shape.len())?;
    let crops = paddings(call, 2, sides.len())?;
    let all = sides.iter().fold(Dim::from(1), |all, &side| all * Dim::from(side));
    let batch = divided(&shape[0], &all)?;
    let mut split: Vec<Dim> = sides.iter().map(|&side| Dim::from(side)).collect();
    split.push(batch.clone());
    split.extend_from_slice(&shape[1..]);
    let count = sides.len();
    let mut perm = vec![count];
    let mut made = vec![batch];
    for (at, &side) in sides.iter().enumerate() {
        perm.extend([count + 1 + at, at]);
        made.push(shape[at + 1].clone() * Dim::from(side));
    }
    perm.extend(2 * count + 1..split.len());
    made.extend_from_slice(&shape[count + 1..]);
    let split = call.build().reshape(&x, split)?;
    let moved = call.build().transpose(&split, perm)?;
    let whole = call.build().reshape(&moved, made.clone())?;
    let cut = |(at, crop): (usize, &[i64; 2])| SliceAxis {
        axis: at + 1,
        start: Dim::from(crop[0]),
        len: made[at + 1].clone() - Dim::from(crop[0]) - Dim::from(crop[1]),
        step: 1,
    };
    if crops.iter().flatten().all(|&count| count == 0) {
        return Ok(vec![whole]);
    }
    let axes = crops.iter().enumerate().map(cut).collect();
    call.emit(Op::Slice { axes }, &[&whole])
}
