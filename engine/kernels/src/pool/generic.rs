//! One line of output pixels over the vectors of any ISA.

use super::{Pool, PoolKind, window_count};
use crate::SharedMut;
use crate::floats::Stored;
use simd::{F32Vector, Vectorize};

/// Line `line` of all output lines of the batch.
pub(super) struct Line<'c, T> {
    pub(super) call: &'c Pool<'c>,
    pub(super) line: usize,
    pub(super) input: &'c [T],
    pub(super) out: SharedMut<'c, T>,
}

impl<T: Stored> Vectorize for Line<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        for column in 0..self.call.shape.out_w {
            // SAFETY: the column exists; the caller vouches for the ISA and the output.
            unsafe {
                match self.call.kind {
                    PoolKind::Max => self.pixel::<V, true>(column, 1.0),
                    PoolKind::Average { count_include_pad } => {
                        let shape = &self.call.shape;
                        let line = self.line % shape.out_h;
                        let count = window_count(shape, line, column, count_include_pad);
                        self.pixel::<V, false>(column, 1.0 / count.max(1) as f32);
                    }
                }
            }
        }
    }
}

impl<T: Stored> Line<'_, T> {
    /// # Safety
    /// The output column exists, the CPU has the ISA, and the output may be written.
    #[inline(always)]
    unsafe fn pixel<V: F32Vector, const MAX: bool>(&self, column: usize, factor: f32) {
        let shape = &self.call.shape;
        let channels = shape.in_c;
        let (image, line) = (self.line / shape.out_h, self.line % shape.out_h);
        let target = (self.line * shape.out_w + column) * channels;
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(V::LANES);
            // SAFETY: `source` gives pixels of the input only, and `count` channels are left.
            unsafe {
                let mut acc = V::splat(if MAX { f32::NEG_INFINITY } else { 0.0 });
                for i in 0..shape.kernel[0] {
                    let Some(y) = shape.source(0, line, i) else { continue };
                    let row = (image * shape.in_h + y) * shape.in_w;
                    for j in 0..shape.kernel[1] {
                        let Some(x) = shape.source(1, column, j) else { continue };
                        let start = (row + x) * channels + channel;
                        let source = self.input.as_ptr().add(start);
                        let x = if count == V::LANES {
                            T::load::<V>(source)
                        } else {
                            T::load_partial(source, count)
                        };
                        acc =
                            if MAX { V::select(acc.is_nan(), acc, acc.max(x)) } else { acc.add(x) };
                    }
                }
                let y = if MAX { acc } else { acc.mul(acc.fill(factor)) };
                let target = self.out.as_mut_ptr().add(target + channel);
                if count == V::LANES {
                    T::store(y, target)
                } else {
                    T::store_partial(y, target, count)
                }
            }
            channel += V::LANES;
        }
    }
}
