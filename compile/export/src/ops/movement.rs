//! Operators that move elements and change none.

use crate::ExportError;
use crate::call::{Call, Written};
use crate::messages::{int, size, sizes, text};
use ir::{PadMode, SliceAxis};
use tensor::Dim;

/// To the first element, downwards: no axis is as long.
const BEFORE_ALL: i64 = -i64::MAX;

/// A shape without symbols where one will do: a single size that is not known follows from the
/// others, one that stays can be copied.
pub(super) fn reshape(call: &mut Call<'_, '_>, shape: &[Dim]) -> Written {
    let (x, old) = (call.input(0), call.fact(0).shape);
    let is_kept = |axis: usize| old.get(axis) == Some(&shape[axis]);
    let has_zero = shape.iter().any(|dim| *dim == Dim::default());
    let open: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis].known().is_none()).collect();
    let known = |open: i64| shape.iter().map(move |dim| dim.known().unwrap_or(open));
    let target: Option<Vec<i64>> = match open.as_slice() {
        _ if has_zero => None,
        [_] => Some(known(-1).collect()),
        open if open.iter().all(|&axis| is_kept(axis)) => Some(known(0).collect()),
        _ => None,
    };
    let (target, attributes) = match target {
        Some(target) => (call.integers(&target), vec![]),
        None => (call.sizes(shape)?, vec![int("allowzero", 1)]),
    };
    call.last("Reshape", &[&x, &target], attributes)
}

pub(super) fn transpose(call: &mut Call<'_, '_>, perm: &[usize]) -> Written {
    call.same("Transpose", vec![sizes("perm", perm)])
}

/// An operator whose one attribute is its axis.
pub(super) fn along(call: &mut Call<'_, '_>, op: &str, axis: usize) -> Written {
    call.same(op, vec![size("axis", axis)])
}

pub(super) fn slice(call: &mut Call<'_, '_>, axes: &[SliceAxis]) -> Written {
    let (x, shape) = (call.input(0), call.fact(0).shape);
    let ranges: Vec<(Dim, Dim)> = axes.iter().map(|cut| range(cut, &shape[cut.axis])).collect();
    let (starts, ends): (Vec<Dim>, Vec<Dim>) = ranges.into_iter().unzip();
    let (starts, ends) = (call.sizes(&starts)?, call.sizes(&ends)?);
    let named: Vec<i64> = axes.iter().map(|cut| cut.axis as i64).collect();
    let steps: Vec<i64> = axes.iter().map(|cut| cut.step).collect();
    let (named, steps) = (call.integers(&named), call.integers(&steps));
    call.last("Slice", &[&x, &starts, &ends, &named, &steps], vec![])
}

/// The first element and the place where the range ends. Below zero, a place counts from the end
/// of the axis.
fn range(cut: &SliceAxis, size: &Dim) -> (Dim, Dim) {
    let (zero, one) = (Dim::default(), Dim::from(1));
    if cut.len == zero {
        return (zero.clone(), zero);
    }
    if cut.step > 0 {
        let end = cut.start.clone() + cut.len.clone() * Dim::from(cut.step);
        return (cut.start.clone(), if end == *size { Dim::from(i64::MAX) } else { end });
    }
    let is_last = cut.start.clone() + one.clone() == *size;
    let start = if is_last { Dim::from(-1) } else { cut.start.clone() };
    let last = cut.start.clone() + (cut.len.clone() - one.clone()) * Dim::from(cut.step);
    let end = match last.known() {
        Some(0) => Dim::from(BEFORE_ALL),
        Some(1..) => last - one,
        _ => last - one - size.clone(),
    };
    (start, end)
}

/// Where the size stays and is not known, it is 1: whatever is there.
pub(super) fn expand(call: &mut Call<'_, '_>, shape: &[Dim]) -> Written {
    let (x, old) = (call.input(0), call.fact(0).shape);
    let added = shape.len() - old.len();
    let target = shape.iter().enumerate().map(|(axis, dim)| {
        let stays = axis.checked_sub(added).is_some_and(|axis| old[axis] == *dim);
        if stays && dim.known().is_none() { Dim::from(1) } else { dim.clone() }
    });
    let target = call.sizes(&target.collect::<Vec<_>>())?;
    call.last("Expand", &[&x, &target], vec![])
}

pub(super) fn pad(
    call: &mut Call<'_, '_>,
    before: &[i64],
    after: &[i64],
    mode: PadMode,
) -> Written {
    let (x, dtype) = (call.input(0), call.fact(0).dtype);
    let pads = call.integers(&[before, after].concat());
    let (mode, value) = match mode {
        PadMode::Constant(value) => ("constant", call.number(dtype, value)),
        PadMode::Edge => ("edge", String::new()),
        PadMode::Reflect => ("reflect", String::new()),
    };
    let inputs: Vec<&str> =
        [x.as_str(), &pads, &value].into_iter().filter(|n| !n.is_empty()).collect();
    call.last("Pad", &inputs, vec![text("mode", mode)])
}

pub(super) fn dimensions(call: &mut Call<'_, '_>, dims: &[Dim]) -> Result<(), ExportError> {
    let sizes = call.sizes(dims)?;
    call.is(&sizes)
}
