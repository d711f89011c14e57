//! Operations that move elements.

use super::super::super::call::{Call, Made};
use super::parameters::{all, integers, operand, parameter, refused};
use crate::build::Operand;
use crate::decompose::arithmetic::{axis, reversed, slice, with_axis};
use crate::decompose::product;
use crate::error::Reason;
use ir::{Op, PadMode, SliceAxis};
use serde_json::Value;
use tensor::{Dim, Tensor};

pub(super) fn reshape(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let target = integers(call, "newshape", 1).or_else(|| integers(call, "shape", 1));
    let target = target.ok_or_else(|| refused(call, "newshape", "sizes"))?;
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    let given = target.iter().filter(|&&size| size >= 0);
    let given = given.fold(Dim::from(1), |all, &size| all * Dim::from(size));
    let all = product(&shape);
    let sizes = target.iter().map(|&size| match size {
        0.. => Dim::from(size),
        _ if given.known() == Some(0) => Dim::from(0),
        _ => all.floor_div(&given),
    });
    let sizes = sizes.collect();
    Ok(vec![build.reshape(&x, sizes)?])
}

pub(super) fn transpose(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let named = integers(call, "axes", 1).or_else(|| integers(call, "perm", 1));
    let perm: Option<Vec<usize>> = match named {
        Some(axes) => axes.iter().map(|&value| axis(value, rank)).collect(),
        None => Some((0..rank).rev().collect()),
    };
    let perm = perm.ok_or_else(|| refused(call, "axes", "an order of axes"))?;
    Ok(vec![call.walk.build.transpose(&x, perm)?])
}

pub(super) fn expand_dims(call: &mut Call<'_, '_>) -> Made {
    let mut x = operand(call, 0)?;
    let axes = integers(call, "axis", 1).ok_or_else(|| refused(call, "axis", "an axis"))?;
    for named in axes {
        let rank = call.walk.build.fact(&x).rank();
        let at = axis(named, rank + 1).ok_or_else(|| refused(call, "axis", "an axis"))?;
        x = with_axis(&mut call.walk.build, &x, at)?;
    }
    Ok(vec![x])
}

pub(super) fn squeeze(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let shape = call.walk.build.fact(&x).shape;
    let named = integers(call, "axis", 1)
        .map(|axes| axes.iter().map(|&value| axis(value, shape.len())).collect::<Option<Vec<_>>>());
    let dropped: Vec<usize> = match named {
        Some(axes) => axes.ok_or_else(|| refused(call, "axis", "axes"))?,
        None => (0..shape.len()).filter(|&at| shape[at].known() == Some(1)).collect(),
    };
    let kept = shape.iter().enumerate().filter(|(at, _)| !dropped.contains(at));
    let kept = kept.map(|(_, size)| size.clone()).collect();
    Ok(vec![call.walk.build.reshape(&x, kept)?])
}

pub(super) fn concatenate(call: &mut Call<'_, '_>) -> Made {
    let inputs = all(call);
    let rank = call.fact()?.rank();
    let named = integers(call, "axis", 1).and_then(|axes| axes.first().copied());
    let axis = axis(named.unwrap_or(-1), rank);
    let axis = axis.ok_or_else(|| refused(call, "axis", "an axis"))?;
    let inputs: Vec<&Operand> = inputs.iter().collect();
    Ok(vec![call.walk.build.emit(Op::Concat { axis }, &inputs)?])
}

pub(super) fn stack(call: &mut Call<'_, '_>) -> Made {
    let rank = call.fact()?.rank();
    let named = integers(call, "axis", 1).and_then(|axes| axes.first().copied());
    let axis = axis(named.unwrap_or(0), rank + 1);
    let axis = axis.ok_or_else(|| refused(call, "axis", "an axis"))?;
    let mut wide = Vec::new();
    for x in all(call) {
        wide.push(with_axis(&mut call.walk.build, &x, axis)?);
    }
    Ok(vec![call.walk.build.emit(Op::Concat { axis }, &wide.iter().collect::<Vec<_>>())?])
}

/// Ranges and places of the first axes, as Python writes them between brackets.
pub(super) fn get_item(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let key = parameter(call, "key", 1).or_else(|| parameter(call, "slice_spec", 1));
    let refusal = || refused(call, "key", "ranges and places of axes");
    let key = key.ok_or_else(refusal)?;
    let items: Vec<&Value> = match key {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    let shape = call.walk.build.fact(&x).shape;
    let is = |item: &Value, class: &str| {
        item.get("class_name").is_some_and(|own| own == class)
            || class == "__ellipsis__" && item.as_str() == Some("...")
    };
    let is_new = |item: &&&Value| item.is_null();
    let taken = items.len() - items.iter().filter(is_new).count();
    let ellipses = items.iter().filter(|item| is(item, "__ellipsis__")).count();
    if ellipses > 1 {
        return Err(refused(call, "key", "at most one ellipsis"));
    }
    let taken = taken - ellipses;
    let skipped = shape.len().checked_sub(taken).ok_or_else(refusal)?;
    let (mut cuts, mut kept, mut at) = (Vec::new(), Vec::new(), 0);
    for item in items {
        if is(item, "__ellipsis__") {
            kept.extend_from_slice(&shape[at..at + skipped]);
            at += skipped;
        } else if item.is_null() {
            kept.push(Dim::from(1));
        } else {
            let cut = cut(item, at, &shape[at]).ok_or_else(refusal)?;
            if !item.is_number() {
                kept.push(cut.len.clone());
            }
            cuts.push(cut);
            at += 1;
        }
    }
    kept.extend_from_slice(&shape[at.min(shape.len())..]);
    cuts.retain(|cut| cut.step != 1 || cut.len != shape[cut.axis]);
    let build = &mut call.walk.build;
    let made = if cuts.is_empty() { x } else { build.emit(Op::Slice { axes: cuts }, &[&x])? };
    Ok(vec![build.reshape(&made, kept)?])
}

/// The elements of an axis that a range or a place names.
fn cut(item: &Value, axis: usize, size: &Dim) -> Option<SliceAxis> {
    let from_start = |value: i64| match value {
        0.. => Dim::from(value),
        _ => size.clone() + Dim::from(value),
    };
    if let Some(place) = item.as_i64() {
        return Some(SliceAxis { axis, start: from_start(place), len: Dim::from(1), step: 1 });
    }
    // `{start, stop, step}` of both versions.
    let range = item.get("config").unwrap_or(item);
    let end = |name: &str| match range.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_i64().map(Some),
    };
    let (start, stop, step) = (end("start")?, end("stop")?, end("step")?.unwrap_or(1));
    if step == 0 {
        return None;
    }
    let known = size.known();
    let clamped = |value: i64, low: i64| match known {
        Some(size) => {
            let value = if value < 0 { value + size } else { value };
            Dim::from(value.clamp(low, size + low.min(0)))
        }
        None => from_start(value),
    };
    let zero = Dim::from(0);
    let (start, span) = match step > 0 {
        true => {
            let start = start.map_or(zero, |value| clamped(value, 0));
            let stop = stop.map_or(size.clone(), |value| clamped(value, 0));
            (start.clone(), stop - start)
        }
        false => {
            let last = size.clone() - Dim::from(1);
            let start = start.map_or(last, |value| clamped(value, -1));
            let stop = stop.map_or(Dim::from(-1), |value| clamped(value, -1));
            (start.clone(), start - stop)
        }
    };
    let len = span.ceil_div(&Dim::from(step.checked_abs()?));
    let len = if len.known().is_some_and(|len| len < 0) { Dim::from(0) } else { len };
    Some(SliceAxis { axis, start, len, step })
}

/// Parts of an axis: so many equal ones, or those between places.
pub(super) fn split(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let shape = call.walk.build.fact(&x).shape;
    let named = integers(call, "axis", 2).and_then(|axes| axes.first().copied());
    let refusal = || refused(call, "indices_or_sections", "equal parts, or places of an axis");
    let at = axis(named.unwrap_or(0), shape.len()).ok_or_else(refusal)?;
    let size = shape[at].known().ok_or_else(refusal)?;
    let given = parameter(call, "indices_or_sections", 1);
    let given = given.or_else(|| parameter(call, "num_or_size_splits", 1));
    let ends: Vec<i64> = match given {
        Some(Value::Array(places)) => {
            let places: Option<Vec<i64>> = places.iter().map(Value::as_i64).collect();
            let mut places = places.ok_or_else(refusal)?;
            if call.config().get("num_or_size_splits").is_some() {
                places = sums(&places).ok_or_else(refusal)?;
                places.pop();
            }
            places.push(size);
            places
        }
        Some(count) => {
            let count = count.as_i64().filter(|&n| (1..=1 << 16).contains(&n) && size % n == 0);
            let count = count.ok_or_else(refusal)?;
            (1..=count).map(|part| part * (size / count)).collect()
        }
        None => return Err(refusal()),
    };
    let (mut start, mut made) = (0, Vec::with_capacity(ends.len()));
    for end in ends {
        if !(start..=size).contains(&end) {
            return Err(refused(call, "indices_or_sections", "places that rise"));
        }
        let (from, len) = (Dim::from(start), Dim::from(end - start));
        made.push(slice(&mut call.walk.build, &x, at, from, len)?);
        start = end;
    }
    Ok(made)
}

/// The sum of each number and those before it; `None` when one is too large.
fn sums(sizes: &[i64]) -> Option<Vec<i64>> {
    let mut sum = 0i64;
    let mut next = |size: &i64| {
        sum = sum.checked_add(*size)?;
        Some(sum)
    };
    sizes.iter().map(&mut next).collect()
}

/// Each element of an axis so many times, side by side.
pub(super) fn repeat(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let shape = call.walk.build.fact(&x).shape;
    let refusal = || refused(call, "repeats", "one number and an axis");
    let times = integers(call, "repeats", 1).filter(|times| times.len() == 1);
    let times = times.ok_or_else(refusal)?[0];
    let named = integers(call, "axis", 2).and_then(|axes| axes.first().copied());
    let at = named.and_then(|named| axis(named, shape.len())).ok_or_else(refusal)?;
    let build = &mut call.walk.build;
    let wide = with_axis(build, &x, at + 1)?;
    let mut expanded = build.fact(&wide).shape;
    expanded[at + 1] = Dim::from(times);
    let wide = build.expand(&wide, expanded)?;
    let mut joined = shape;
    joined[at] = joined[at].clone() * Dim::from(times);
    Ok(vec![build.reshape(&wide, joined)?])
}

/// The whole so many times along each axis.
pub(super) fn tile(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let shape = call.walk.build.fact(&x).shape;
    let times = integers(call, "repeats", 1).or_else(|| integers(call, "multiples", 1));
    let times = times.filter(|times| times.len() <= shape.len());
    let times = times.ok_or_else(|| refused(call, "repeats", "a number for each axis"))?;
    let first = shape.len() - times.len();
    let build = &mut call.walk.build;
    let mut made = x;
    for (at, times) in times.into_iter().enumerate().filter(|(_, times)| *times != 1) {
        let at = first + at;
        let sizes = build.fact(&made).shape;
        let wide = with_axis(build, &made, at)?;
        let mut expanded = build.fact(&wide).shape;
        expanded[at] = Dim::from(times);
        let wide = build.expand(&wide, expanded)?;
        let mut joined = sizes;
        joined[at] = joined[at].clone() * Dim::from(times);
        made = build.reshape(&wide, joined)?;
    }
    Ok(vec![made])
}

pub(super) fn pad(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let widths = parameter(call, "pad_width", 1).or_else(|| parameter(call, "paddings", 1));
    let pair = |value: &Value| {
        let ends = value.as_array()?;
        Some((ends.first()?.as_i64()?, ends.get(1)?.as_i64()?))
    };
    let ends: Option<Vec<(i64, i64)>> =
        widths.and_then(Value::as_array).and_then(|pairs| pairs.iter().map(pair).collect());
    let is_fitting = |ends: &Vec<(i64, i64)>| {
        ends.len() == rank
            && ends.iter().all(|&(a, b)| (0..1 << 31).contains(&a) && (0..1 << 31).contains(&b))
    };
    let ends = ends.filter(is_fitting);
    let ends = ends.ok_or_else(|| refused(call, "pad_width", "two numbers for each axis"))?;
    let mode = parameter(call, "mode", 2).and_then(Value::as_str).unwrap_or("constant");
    let number = parameter(call, "constant_values", 3).and_then(Value::as_f64).unwrap_or(0.0);
    let mode = match mode.to_ascii_lowercase().as_str() {
        "constant" => PadMode::Constant(number),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        _ => return Err(refused(call, "mode", "constant, reflect or edge")),
    };
    let (before, after) = ends.into_iter().unzip();
    Ok(vec![call.walk.build.emit(Op::Pad { before, after, mode }, &[&x])?])
}

pub(super) fn flip(call: &mut Call<'_, '_>) -> Made {
    let mut x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let axes = integers(call, "axis", 1).unwrap_or_else(|| (0..rank as i64).collect());
    for named in axes {
        let at = axis(named, rank).ok_or_else(|| refused(call, "axis", "axes"))?;
        x = reversed(&mut call.walk.build, &x, at)?;
    }
    Ok(vec![x])
}

pub(super) fn swap_axes(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let named = |name, position| -> Result<usize, Reason> {
        let found = integers(call, name, position).and_then(|axes| axes.first().copied());
        found.and_then(|found| axis(found, rank)).ok_or_else(|| refused(call, name, "an axis"))
    };
    let (a, b) = (named("axis1", 1)?, named("axis2", 2)?);
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(a, b);
    Ok(vec![call.walk.build.transpose(&x, perm)?])
}

/// The elements of an axis that indices name.
pub(super) fn take(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let indices = match integers(call, "indices", 1) {
        Some(indices) => {
            let tensor = Tensor::from_slice(&[indices.len()], &indices);
            let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
            Operand::constant("indices", tensor)
        }
        None => operand(call, 1)?,
    };
    let named = integers(call, "axis", 2).and_then(|axes| axes.first().copied());
    let at = named.and_then(|named| axis(named, rank));
    let at = at.ok_or_else(|| refused(call, "axis", "an axis"))?;
    Ok(vec![call.walk.build.emit(Op::Gather { axis: at }, &[&x, &indices])?])
}
