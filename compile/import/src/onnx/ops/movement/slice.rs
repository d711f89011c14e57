//! Operators that cut and pad.

use super::super::{Row, row};
use crate::decompose::Range;
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use ir::{Fact, Op, PadMode, SliceAxis};
use operators::dynamic;
use tensor::{DType, Dim};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    row("Slice", &["axes", "ends", "starts"], slice),
    row("Split", &["axis", "num_outputs", "split"], split),
    row("Pad", &["mode", "pads", "value"], pad),
];

/// ONNX Slice-1,10,11,13. Refused: a negative step over an axis of symbolic size that does not
/// start at its end, before opset 10.
///
/// A start or end in terms of the inputs' sizes is taken to lie within the axis; the engine checks
/// that when sizes are bound. A known one is clamped as the standard says. Where ends, axes or
/// steps are computed from data, the engine cuts when it has them.
fn slice(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let is_old = call.opset < 10;
    if !is_old && is_computed(call) {
        return slice_by(call);
    }
    let starts = if is_old { from_attribute(call, "starts")? } else { call.dims(1, "starts")? };
    let ends = if is_old { from_attribute(call, "ends")? } else { call.dims(2, "ends")? };
    let axes = match (is_old, call.optional(3)) {
        (true, _) => call.ints("axes")?.map(<[i64]>::to_vec),
        (false, Some(_)) => Some(call.integers(3, "axes")?),
        (false, None) => None,
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = match call.optional(4) {
        Some(_) if !is_old => call.integers(4, "steps")?,
        Some(_) | None => vec![1; starts.len()],
    };
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        let found = format!("{} ends, {} axes, {} steps", ends.len(), axes.len(), steps.len());
        return Err(Reason::Input { input: 1, expected: format!("{} each", starts.len()), found });
    }
    let refused = |found: String| Reason::Input {
        input: 1,
        expected: format!("a range of axes of {:?}", fact.shape),
        found,
    };
    if call::axes(&axes, fact.rank()).is_none() {
        return Err(refused(format!("axes {axes:?}")));
    }
    let mut cuts = Vec::with_capacity(starts.len());
    for (i, &named) in axes.iter().enumerate() {
        let axis = call::axis(named, fact.rank()).ok_or_else(|| refused(named.to_string()))?;
        let found = || format!("{}..{} step {}", starts[i], ends[i], steps[i]);
        let range = Range { start: &starts[i], end: &ends[i], step: steps[i] };
        let Some((start, len)) = range.on(&fact.shape[axis]) else {
            return if is_old { Err(refused(found())) } else { slice_by(call) };
        };
        if len != fact.shape[axis] || steps[i] != 1 {
            cuts.push(SliceAxis { axis, start, len, step: steps[i] });
        }
    }
    if cuts.is_empty() {
        return Ok(vec![x]);
    }
    cuts.sort_by_key(|cut| cut.axis);
    call.emit(Op::Slice { axes: cuts }, &[&x])
}

/// Ends as files before opset 10 hold them.
fn from_attribute(call: &Call<'_>, name: &str) -> Result<Vec<Dim>, Reason> {
    let values = call.ints(name)?;
    let values = values.ok_or_else(|| call.refuse(name, "integers", "nothing"))?;
    Ok(values.iter().map(|&v| Dim::from(v)).collect())
}

/// Are starts, ends, axes or steps known only when the model runs?
fn is_computed(call: &Call<'_>) -> bool {
    let is_known = |d: &Dim| !d.is_measured();
    let is_size = |i: usize| call.known_dims(i).is_some_and(|dims| dims.iter().all(is_known));
    let is_integer = |i: usize| call.optional(i).is_none() || call.known_integers(i).is_some();
    ![1, 2].into_iter().all(is_size) || ![3, 4].into_iter().all(is_integer)
}

/// A slice whose range is known only when the model runs.
fn slice_by(call: &mut Call<'_>) -> Made {
    let (x, fact, count) = (call.input(0)?, call.fact(0)?, call.count(1)?);
    let given = |call: &mut Call<'_>, index: usize, default: Vec<i64>| match call.optional(index) {
        Some(_) => call.as_vector(index),
        None => call.vector(&default),
    };
    let (starts, ends) = (call.as_vector(1)?, call.as_vector(2)?);
    let axes = given(call, 3, (0..count as i64).collect())?;
    let steps = given(call, 4, vec![1; count])?;
    let mut shape = fact.shape.clone();
    let named = match call.optional(3) {
        Some(_) => call.known_integers(3),
        None => Some((0..count as i64).collect()),
    };
    let cut = named.and_then(|named| call::axes(&named, fact.rank()));
    for axis in cut.unwrap_or_else(|| (0..fact.rank()).collect()) {
        shape[axis] = call.build.fresh();
    }
    let made = vec![Fact { dtype: fact.dtype, shape }];
    call.build.dynamic(operators::dynamic::Slice, &[&x, &starts, &ends, &axes, &steps], made)
}

/// ONNX Split-1,2,11,13,18, as one slice for each output. Refused: an uneven split of an axis of
/// symbolic size.
fn split(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let axis = call.axis("axis", 0, fact.rank())?;
    let size = fact.shape[axis].clone();
    let parts = match (call.optional(1), call.ints("split")?) {
        (Some(_), _) => call.dims(1, "the sizes of the parts")?,
        (None, Some(parts)) => parts.iter().map(|&p| Dim::from(p)).collect(),
        (None, None) => even_parts(call, &size)?,
    };
    let sum = parts.iter().cloned().fold(Dim::default(), |a, b| a + b);
    let is_negative = parts.iter().any(|p| p.known().is_some_and(|p| p < 0));
    let is_other = (sum - size.clone()).known().is_some_and(|d| d != 0);
    if is_negative || is_other || parts.len() < call.node.output.len() {
        let outputs = call.node.output.len();
        let expected = format!("{outputs} sizes that add up to {size}");
        return Err(Reason::Input { input: 1, expected, found: format!("{parts:?}") });
    }
    let mut start = Dim::default();
    let mut made = Vec::with_capacity(parts.len());
    for len in parts {
        let next = start.clone() + len.clone();
        let cut = SliceAxis { axis, start, len, step: 1 };
        made.push(call.build.emit(Op::Slice { axes: vec![cut] }, &[&x])?);
        start = next;
    }
    Ok(made)
}

/// Equal parts, the last one smaller when the size is no multiple of their number.
fn even_parts(call: &Call<'_>, size: &Dim) -> Result<Vec<Dim>, Reason> {
    let outputs = call.node.output.len();
    let count = match call.int("num_outputs")? {
        None => outputs,
        Some(count) if usize::try_from(count) == Ok(outputs) => outputs,
        Some(count) => {
            let expected = format!("{outputs}, the number of outputs");
            return Err(call.refuse("num_outputs", &expected, &count.to_string()));
        }
    };
    let parts = Dim::from(count.max(1));
    let exact = size.floor_div(&parts);
    if exact.clone() * parts.clone() == *size {
        return Ok(vec![exact; count]);
    }
    let chunk = size.known_size().map(|size| (size, size.div_ceil(count.max(1))));
    let Some((size, chunk)) = chunk.filter(|_| call.opset >= 18) else {
        return Err(call.refuse("split", &format!("{count} even parts"), &size.to_string()));
    };
    let part = |i: usize| Dim::from(size.saturating_sub(i * chunk).min(chunk));
    Ok((0..count).map(part).collect())
}

/// ONNX Pad-1,2,11,13,18,19,21,23,24,25.
fn pad(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let is_old = call.opset < 11;
    let is_known = |i: usize| call.optional(i).is_none() || call.known_integers(i).is_some();
    let has_known_value = call.optional(2).is_none_or(|value| value.known().is_some());
    let mode = call.text("mode")?.unwrap_or("constant");
    let is_static = is_known(1) && is_known(3) && has_known_value && mode != "wrap";
    if !(is_old || is_static) {
        return pad_by(call);
    }
    let pads = if is_old {
        let name = if call.opset < 2 { "paddings" } else { "pads" };
        let pads = call.ints(name)?.ok_or_else(|| call.refuse(name, "integers", "nothing"))?;
        pads.to_vec()
    } else {
        call.integers(1, "pads")?
    };
    let axes = match call.optional(3) {
        Some(_) if !is_old => call.integers(3, "axes")?,
        Some(_) | None => (0..fact.rank() as i64).collect(),
    };
    let refused = || Reason::Input {
        input: 1,
        expected: format!("{} pads for distinct axes of {:?}", 2 * axes.len(), fact.shape),
        found: format!("{pads:?} for axes {axes:?}"),
    };
    let is_one_each = call::axes(&axes, fact.rank()).is_some() && pads.len() == 2 * axes.len();
    if !is_one_each {
        return Err(refused());
    }
    let (mut before, mut after) = (vec![0; fact.rank()], vec![0; fact.rank()]);
    for (i, &named) in axes.iter().enumerate() {
        let axis = call::axis(named, fact.rank()).ok_or_else(refused)?;
        (before[axis], after[axis]) = (pads[i], pads[i + axes.len()]);
    }
    let mode = match call.text("mode")?.unwrap_or("constant") {
        "constant" => PadMode::Constant(pad_value(call)?),
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        other => return Err(call.refuse("mode", "constant, edge, reflect or wrap", other)),
    };
    if before.iter().chain(&after).all(|&count| count == 0) {
        return Ok(vec![x]);
    }
    call.emit(Op::Pad { before, after, mode }, &[&x])
}

/// A padding that is known only when the model runs, or one by elements from the other end.
fn pad_by(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let mode = match call.text("mode")?.unwrap_or("constant") {
        "constant" => dynamic::PadMode::Constant,
        "edge" => dynamic::PadMode::Edge,
        "reflect" => dynamic::PadMode::Reflect,
        "wrap" => dynamic::PadMode::Wrap,
        other => return Err(call.refuse("mode", "constant, edge, reflect or wrap", other)),
    };
    let pads = call.as_vector(1)?;
    let value = match call.optional(2) {
        Some(value) => call.build.cast(&value, fact.dtype)?,
        None => call.build.number(fact.dtype, 0.0)?,
    };
    let named = match call.optional(3) {
        Some(_) => call.known_integers(3).and_then(|named| call::axes(&named, fact.rank())),
        None => Some((0..fact.rank()).collect()),
    };
    let axes = match call.optional(3) {
        Some(_) => call.as_vector(3)?,
        None => call.vector(&(0..fact.rank() as i64).collect::<Vec<_>>())?,
    };
    let mut shape = fact.shape.clone();
    let added = call.known_integers(1).zip(named.clone());
    for (i, axis) in named.unwrap_or_else(|| (0..fact.rank()).collect()).into_iter().enumerate() {
        let size = added
            .as_ref()
            .and_then(|(pads, axes)| pads.get(i)?.checked_add(*pads.get(axes.len() + i)?));
        shape[axis] = match size {
            Some(size) => fact.shape[axis].clone() + Dim::from(size),
            None => call.build.fresh(),
        };
    }
    let made = vec![Fact { dtype: fact.dtype, shape }];
    call.build.dynamic(dynamic::Pad { mode }, &[&x, &pads, &value, &axes], made)
}

/// The number that constant padding adds: an attribute before opset 11, an input since.
fn pad_value(call: &mut Call<'_>) -> Result<f64, Reason> {
    if call.opset < 11 {
        return Ok(f64::from(call.float("value")?.unwrap_or(0.0)));
    }
    let Some(value) = call.optional(2) else { return Ok(0.0) };
    let wide = if value.known().is_some() { call.build.cast(&value, DType::F64)? } else { value };
    match wide.known().map(|value| value.as_slice::<f64>().map(<[f64]>::to_vec)) {
        Some(Ok(value)) if value.len() == 1 => Ok(value[0]),
        _ => Err(call.data_dependent(2, "the padding's value")),
    }
}
