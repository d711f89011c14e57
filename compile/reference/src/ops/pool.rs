//! Pooling.

use crate::ReferenceError;
use crate::numbers::{read_floats, store_floats};
use crate::ops::elementwise::maximum;
use crate::walk::for_each_index;
use ir::{Pool, PoolKind};
use tensor::{Tensor, row_major_strides};

/// One element of each window. A mean that counts the padding counts the taps that lie inside
/// the padded axis; a tap behind it, where `ceil_mode` made the last window too long, is never
/// counted. The mean of no element is NaN, the largest of none is minus infinity.
pub(crate) fn pool(pool: &Pool, x: &Tensor, shape: &[usize]) -> Result<Tensor, ReferenceError> {
    let elements = read_floats(x)?;
    let spatial = &x.shape()[2..];
    let strides = row_major_strides(spatial);
    let plane: usize = spatial.iter().product();
    let mut y = Vec::with_capacity(shape.iter().product());
    for channel in 0..shape[0] * shape[1] {
        let plane = &elements[channel * plane..][..plane];
        for_each_index(&shape[2..], |window| {
            let mut taken = Window { largest: f64::NEG_INFINITY, sum: 0.0, inside: 0, padded: 0 };
            for_each_index(&pool.kernel, |tap| {
                let Some(place) = place(pool, spatial, window, tap) else { return };
                taken.padded += 1;
                if let Some(index) = place {
                    let offset: usize = index.zip(&strides).map(|(at, stride)| at * stride).sum();
                    taken.take(plane[offset]);
                }
            });
            y.push(match pool.kind {
                PoolKind::Max => taken.largest,
                PoolKind::Average { count_include_pad: true } => taken.sum / taken.padded as f64,
                PoolKind::Average { count_include_pad: false } => taken.sum / taken.inside as f64,
            });
        });
    }
    store_floats(x.dtype(), shape, &y)
}

/// What one window has met so far.
struct Window {
    largest: f64,
    sum: f64,
    /// Taps inside the input.
    inside: usize,
    /// Taps inside the padded input.
    padded: usize,
}

impl Window {
    fn take(&mut self, element: f64) {
        self.inside += 1;
        self.sum += element;
        self.largest = maximum(self.largest, element);
    }
}

/// Where a tap of a window lies: `None` behind the padded input, `Some(None)` in the padding,
/// else the index of an element.
fn place<'a>(
    pool: &'a Pool,
    spatial: &'a [usize],
    window: &'a [usize],
    tap: &'a [usize],
) -> Option<Option<impl Iterator<Item = usize> + 'a>> {
    let at = |axis: usize| window[axis] * pool.strides[axis] + tap[axis] * pool.dilations[axis];
    let before = |axis: usize| pool.pads[axis].0;
    let mut is_inside = true;
    for (axis, size) in spatial.iter().enumerate() {
        if at(axis) >= before(axis) + size + pool.pads[axis].1 {
            return None;
        }
        is_inside &= (before(axis)..before(axis) + size).contains(&at(axis));
    }
    Some(is_inside.then(|| (0..spatial.len()).map(move |axis| at(axis) - before(axis))))
}
