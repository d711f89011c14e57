//! Parts of axes.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::Range;
use crate::error::Reason;
use ir::{Fact, Op, SliceAxis};
use operators::dynamic;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[row("StridedSlice", strided), row("Slice", slice)];

/// What becomes of one axis of the value, or of the result.
enum Part {
    /// A range; does the axis go, because it is a single place?
    Range { begin: Dim, end: Dim, step: i64, is_place: bool },
    /// All of it.
    Whole,
    /// A new axis of one element.
    New,
}

/// The far end in either direction.
const FAR: i64 = i64::MAX;

/// What the masks make of begins, ends and steps: a part for each axis of the value and each new
/// one.
fn parts(call: &mut Call<'_, '_>, rank: usize) -> Result<Option<Vec<Part>>, Reason> {
    let steps = call.integers(3, "the steps")?;
    let (Some(begins), Some(ends)) = (call.known_dims(1), call.known_dims(2)) else {
        return Ok(None);
    };
    let count = steps.len();
    if [begins.len(), ends.len()] != [count; 2] || count > 64 {
        let found = format!("{} begins, {} ends, {count} steps", begins.len(), ends.len());
        let expected = "as many begins and ends as steps".to_string();
        return Err(Reason::Input { input: 1, expected, found });
    }
    let mask = |name: &str| call.int(name).unwrap_or(0);
    let [begin_mask, end_mask, ellipsis, new, shrink] =
        ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].map(mask);
    let is_set = |mask: i64, at: usize| mask >> at & 1 == 1;
    let is_axis = |at: &usize| !is_set(ellipsis, *at) && !is_set(new, *at);
    let named = (0..count).filter(is_axis).count();
    let hidden = rank.checked_sub(named).ok_or_else(|| Reason::Input {
        input: 1,
        expected: format!("at most {rank} ranges"),
        found: named.to_string(),
    })?;
    let has_ellipsis = (0..count).any(|at| is_set(ellipsis, at));
    let mut made = Vec::with_capacity(rank + count);
    for at in 0..count {
        if is_set(ellipsis, at) {
            made.extend((0..hidden).map(|_| Part::Whole));
            continue;
        }
        if is_set(new, at) {
            made.push(Part::New);
            continue;
        }
        let (step, is_place) = (steps[at], is_set(shrink, at));
        let far = |is_end: bool| Dim::from(if (step > 0) == is_end { FAR } else { -FAR });
        let begin = match is_set(begin_mask, at) && !is_place {
            true if step < 0 => Dim::from(-1),
            true => Dim::default(),
            false => begins[at].clone(),
        };
        let end = if is_set(end_mask, at) { far(true) } else { ends[at].clone() };
        made.push(Part::Range { begin, end, step, is_place });
    }
    if !has_ellipsis {
        made.extend((0..hidden).map(|_| Part::Whole));
    }
    Ok(Some(made))
}

fn strided(call: &mut Call<'_, '_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let Some(parts) = parts(call, fact.rank())? else { return by_data(call, &x, &fact) };
    let (mut cuts, mut shape, mut axis) = (Vec::new(), Vec::new(), 0);
    for part in &parts {
        match part {
            Part::New => shape.push(Dim::from(1)),
            Part::Whole => {
                shape.push(fact.shape[axis].clone());
                axis += 1;
            }
            Part::Range { begin, end, step, is_place } => {
                let size = &fact.shape[axis];
                let refused = || Reason::Input {
                    input: 1,
                    expected: format!("a range of an axis of {size}"),
                    found: format!("{begin}..{end} step {step}"),
                };
                let (start, len) = match is_place {
                    true => (place(begin, size).ok_or_else(refused)?, Dim::from(1)),
                    false => {
                        Range { start: begin, end, step: *step }.on(size).ok_or_else(refused)?
                    }
                };
                let step = if *is_place { 1 } else { *step };
                if len != *size || step != 1 {
                    cuts.push(SliceAxis { axis, start, len: len.clone(), step });
                }
                if !is_place {
                    shape.push(len);
                }
                axis += 1;
            }
        }
    }
    let x = match cuts.is_empty() {
        true => x,
        false => call.build().emit(Op::Slice { axes: cuts }, &[&x])?,
    };
    Ok(vec![call.build().reshape(&x, shape)?])
}

/// A place on an axis, counted from the end when it is negative.
fn place(begin: &Dim, size: &Dim) -> Option<Dim> {
    match (begin.known(), size.known()) {
        (Some(begin), Some(size)) if begin >= size || begin < -size => None,
        (Some(begin), _) if begin < 0 => Some(size.clone() + Dim::from(begin)),
        _ => Some(begin.clone()),
    }
}

/// A slice whose range is known only when the model runs: of the first axes, without masks but
/// those of begins and ends, and with single places.
fn by_data(call: &mut Call<'_, '_>, x: &Operand, fact: &Fact) -> Made {
    for name in ["ellipsis_mask", "new_axis_mask"] {
        if call.int(name).unwrap_or(0) != 0 {
            return Err(Reason::DataDependent { input: 1, what: "a range".to_string() });
        }
    }
    let steps = call.integers(3, "the steps")?;
    let count = steps.len();
    let shrink = call.int("shrink_axis_mask").unwrap_or(0);
    let masks = [call.int("begin_mask").unwrap_or(0), call.int("end_mask").unwrap_or(0)];
    if count > fact.rank() || (steps.iter().any(|&step| step < 1)) {
        return Err(Reason::DataDependent { input: 1, what: "a range".to_string() });
    }
    let mut ends = Vec::with_capacity(2);
    for (at, mask) in masks.into_iter().enumerate() {
        let end = call.input(at + 1)?;
        let end = call.build().cast(&end, DType::I64)?;
        let is_open = |axis: usize| mask >> axis & 1 == 1 && shrink >> axis & 1 == 0;
        let far: Vec<i64> =
            (0..count).map(|axis| if at == 1 && is_open(axis) { FAR } else { 0 }).collect();
        let kept: Vec<i64> = (0..count).map(|axis| i64::from(!is_open(axis))).collect();
        let (far, kept) = (call.vector(&far)?, call.vector(&kept)?);
        let end = call.build().binary(tensor::scalar::Binary::Mul, &end, &kept)?;
        ends.push(call.build().binary(tensor::scalar::Binary::Add, &end, &far)?);
    }
    // A single place ends one behind it; -1 is the last one, whose end is open.
    let places: Vec<i64> = (0..count).map(|axis| shrink >> axis & 1).collect();
    if places.contains(&1) {
        let one = call.vector(&places)?;
        let kept: Vec<i64> = places.iter().map(|place| 1 - place).collect();
        let kept = call.vector(&kept)?;
        let behind = call.build().binary(tensor::scalar::Binary::Add, &ends[0], &one)?;
        let zero = call.build().number(DType::I64, 0.0)?;
        let is_last = call.build().binary(tensor::scalar::Binary::Equal, &behind, &zero)?;
        let far = call.build().number(DType::I64, (1u64 << 40) as f64)?;
        let behind = call.build().emit(Op::Select, &[&is_last, &far, &behind])?;
        let own = call.build().binary(tensor::scalar::Binary::Mul, &ends[1], &kept)?;
        let behind = call.build().binary(tensor::scalar::Binary::Mul, &behind, &one)?;
        ends[1] = call.build().binary(tensor::scalar::Binary::Add, &own, &behind)?;
    }
    let axes = call.vector(&(0..count as i64).collect::<Vec<_>>())?;
    let steps = call.vector(&steps)?;
    let mut shape = fact.shape.clone();
    for (axis, place) in places.iter().enumerate() {
        shape[axis] = if *place == 1 { Dim::from(1) } else { call.build().fresh() };
    }
    let cut = [x, &ends[0], &ends[1], &axes, &steps];
    let made = sliced(call, &cut, Fact { dtype: fact.dtype, shape: shape.clone() })?;
    let kept = (0..shape.len()).filter(|&axis| places.get(axis) != Some(&1));
    let shape = kept.map(|axis| shape[axis].clone()).collect();
    Ok(vec![call.build().reshape(&made, shape)?])
}

/// `(x, starts, ends, axes, steps)`, of text by the places of its elements.
pub(super) fn sliced(
    call: &mut Call<'_, '_>,
    inputs: &[&Operand; 5],
    made: Fact,
) -> Result<Operand, Reason> {
    if made.dtype == DType::String {
        return super::text::moved(call, inputs[0], made.shape.clone(), |call, places| {
            let fact = Fact { dtype: DType::I64, shape: made.shape.clone() };
            let inputs = [places, inputs[1], inputs[2], inputs[3], inputs[4]];
            Ok(call.build().dynamic(dynamic::Slice, &inputs, vec![fact])?.swap_remove(0))
        });
    }
    Ok(call.build().dynamic(dynamic::Slice, inputs, vec![made])?.swap_remove(0))
}

/// `(x, begins, sizes)`, where a size of -1 is all that is left.
fn slice(call: &mut Call<'_, '_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let begins = call.dims(1, "the begins")?;
    let sizes = call.dims(2, "the sizes")?;
    if [begins.len(), sizes.len()] != [fact.rank(); 2] {
        let (expected, found) = (format!("{} begins", fact.rank()), format!("{begins:?}"));
        return Err(Reason::Input { input: 1, expected, found });
    }
    let mut cuts = Vec::new();
    for (axis, (start, size)) in begins.into_iter().zip(sizes).enumerate() {
        let whole = &fact.shape[axis];
        let len = match size.known() {
            Some(-1) => whole.clone() - start.clone(),
            Some(..-1) => {
                let (expected, found) = ("sizes of at least -1".to_string(), size.to_string());
                return Err(Reason::Input { input: 2, expected, found });
            }
            _ => size,
        };
        if len != *whole || start.known() != Some(0) {
            cuts.push(SliceAxis { axis, start, len, step: 1 });
        }
    }
    if cuts.is_empty() {
        return Ok(vec![x]);
    }
    call.emit(Op::Slice { axes: cuts }, &[&x])
}
