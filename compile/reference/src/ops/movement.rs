//! Operators that move elements and change none.

use crate::ReferenceError;
use crate::numbers::{read_integers, store_floats};
use crate::walk::{Layout, for_each_index, walk};
use ir::{PadMode, SliceAxis};
use tensor::{Dim, Tensor, row_major_strides};

/// The same elements under another shape.
pub(crate) fn reshape(x: &Tensor, shape: &[usize]) -> Result<Tensor, ReferenceError> {
    Ok(x.clone().reshaped(shape)?)
}

/// Axis `i` of the result is axis `perm[i]` of the input.
pub(crate) fn transpose(
    perm: &[usize],
    x: &Tensor,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let dense = Layout::dense(x.shape());
    let strides = perm.iter().map(|&axis| dense.strides[axis]).collect();
    copy(x, shape, &Layout { start: 0, strides })
}

/// Every `step`th element of a range of each listed axis.
pub(crate) fn slice(
    axes: &[SliceAxis],
    x: &Tensor,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    if shape.contains(&0) {
        return Ok(Tensor::zeros(x.dtype(), shape)?);
    }
    let mut layout = Layout::dense(x.shape());
    for cut in axes {
        // The parameters are bound and the rule has found the range inside the axis.
        let start = cut.start.known_size().unwrap_or(0);
        layout.start += start * row_major_strides(x.shape())[cut.axis];
        // An axis cut to one element has no second one, however far the step reaches.
        let step = if shape[cut.axis] == 1 { 0 } else { cut.step as isize };
        layout.strides[cut.axis] *= step;
    }
    copy(x, shape, &layout)
}

/// The inputs one after another along `axis`.
pub(crate) fn concat(
    axis: usize,
    inputs: &[&Tensor],
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let outer: usize = shape[..axis].iter().product();
    let mut bytes = Vec::new();
    for row in 0..outer {
        for x in inputs {
            let size = x.bytes().len() / outer;
            bytes.extend_from_slice(&x.bytes()[row * size..][..size]);
        }
    }
    Ok(Tensor::from_bytes(inputs[0].dtype(), shape, &bytes)?)
}

/// Broadcast to `shape`.
pub(crate) fn expand(x: &Tensor, shape: &[usize]) -> Result<Tensor, ReferenceError> {
    copy(x, shape, &Layout::broadcast(x.shape(), shape))
}

/// Slices of `x` along `axis`, picked by `indices`.
pub(crate) fn gather(
    axis: usize,
    x: &Tensor,
    indices: &Tensor,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let size = x.shape()[axis];
    let inside = |index: i128| {
        let from_start = if index < 0 { index + size as i128 } else { index };
        let outside = ReferenceError::Index { index, size };
        usize::try_from(from_start).ok().filter(|&i| i < size).ok_or(outside)
    };
    let indices = read_integers(indices)?.into_iter().map(inside);
    let indices = indices.collect::<Result<Vec<usize>, _>>()?;
    let outer: usize = x.shape()[..axis].iter().product();
    let row = x.shape()[axis + 1..].iter().product::<usize>() * x.dtype().size();
    let mut bytes = Vec::new();
    for before in 0..outer {
        for index in &indices {
            bytes.extend_from_slice(&x.bytes()[(before * size + index) * row..][..row]);
        }
    }
    Ok(Tensor::from_bytes(x.dtype(), shape, &bytes)?)
}

/// Elements added or removed at both ends of each axis.
pub(crate) fn pad(
    before: &[i64],
    mode: PadMode,
    x: &Tensor,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    // What lies outside: the constant, else elements of the input; an empty axis has none.
    let fill = match mode {
        PadMode::Constant(number) => store_floats(x.dtype(), &[], &[number])?,
        PadMode::Edge | PadMode::Reflect => {
            let is_missing = |&axis: &usize| x.shape()[axis] == 0 && shape[axis] > 0;
            if let Some(axis) = (0..shape.len()).find(is_missing) {
                return Err(ReferenceError::NothingToRepeat { axis });
            }
            Tensor::zeros(x.dtype(), &[])?
        }
    };
    let strides = row_major_strides(x.shape());
    let size = x.dtype().size();
    let mut bytes = Vec::new();
    for_each_index(shape, |index| {
        let source = (0..shape.len()).try_fold(0, |offset, axis| {
            let at = index[axis] as i128 - i128::from(before[axis]);
            Some(offset + source(mode, at, x.shape()[axis])? * strides[axis])
        });
        bytes.extend_from_slice(match source {
            Some(offset) => &x.bytes()[offset * size..][..size],
            None => fill.bytes(),
        });
    });
    Ok(Tensor::from_bytes(x.dtype(), shape, &bytes)?)
}

/// Which element of an axis of `size` stands at `at`, counted from its first element; `None`
/// for the constant.
fn source(mode: PadMode, at: i128, size: usize) -> Option<usize> {
    let last = size as i128 - 1;
    let inside = match mode {
        PadMode::Constant(_) => at,
        PadMode::Edge => at.clamp(0, last),
        PadMode::Reflect if last == 0 => 0,
        PadMode::Reflect => {
            // The axis there and back again, without its two ends repeated.
            let around = at.rem_euclid(2 * last);
            around.min(2 * last - around)
        }
    };
    usize::try_from(inside).ok().filter(|&at| at < size)
}

/// The sizes themselves.
pub(crate) fn dimensions(dims: &[Dim]) -> Result<Tensor, ReferenceError> {
    let sizes: Vec<i64> = dims.iter().filter_map(Dim::known).collect();
    Ok(Tensor::from_slice(&[dims.len()], &sizes)?)
}

/// The elements of `x` that `layout` visits.
fn copy(x: &Tensor, shape: &[usize], layout: &Layout) -> Result<Tensor, ReferenceError> {
    let size = x.dtype().size();
    let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * size);
    walk(shape, [layout], |[at]| bytes.extend_from_slice(&x.bytes()[at * size..][..size]));
    Ok(Tensor::from_bytes(x.dtype(), shape, &bytes)?)
}
