//! Softmax and its logarithm.

use crate::reduce::generic::{Max, fold_column, fold_row};
use crate::reduce::{block, pieces};
use crate::task::{Pieces, SharedMut, Task};
use simd::{F32Vector, Isa, Token, Vectorize, math};

/// Along the axis of `input[outer][axis][inner]`: `e^(x - max) / sum of e^(x - max)`, or its
/// logarithm `x - max - ln(sum)`.
#[derive(Debug)]
pub struct Softmax<'a> {
    token: Token,
    is_log: bool,
    axis: usize,
    inner: usize,
    input: &'a [f32],
    out: SharedMut<'a, f32>,
    pieces: Pieces,
}

impl<'a> Softmax<'a> {
    /// `input` and `out`: `outer * axis * inner` floats.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        sizes: [usize; 3],
        input: &'a [f32],
        out: SharedMut<'a, f32>,
    ) -> Softmax<'a> {
        Softmax::bind(isa, false, sizes, input, out)
    }

    /// The logarithm of the softmax; otherwise as [`Softmax::new`].
    ///
    /// # Panics
    /// As [`Softmax::new`].
    pub fn log(
        isa: Isa,
        sizes: [usize; 3],
        input: &'a [f32],
        out: SharedMut<'a, f32>,
    ) -> Softmax<'a> {
        Softmax::bind(isa, true, sizes, input, out)
    }

    fn bind(
        isa: Isa,
        is_log: bool,
        [outer, axis, inner]: [usize; 3],
        input: &'a [f32],
        out: SharedMut<'a, f32>,
    ) -> Softmax<'a> {
        let len = tensor::element_count(&[outer, axis, inner]);
        assert_eq!(Some(input.len()), len, "input: outer * axis * inner elements expected");
        assert_eq!(out.len(), input.len(), "input and output differ in length");
        let pieces = pieces(outer, axis, inner);
        Softmax { token: isa.require(), is_log, axis, inner, input, out, pieces }
    }
}

impl Task for Softmax<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        for index in self.pieces.range(task) {
            let (outer, first, count) = block(index, self.inner);
            let start = outer * self.axis * self.inner + first;
            self.token.run(Columns {
                is_log: self.is_log,
                axis: self.axis,
                inner: self.inner,
                count,
                source: self.input.as_ptr().wrapping_add(start),
                target: self.out.as_mut_ptr().wrapping_add(start),
            });
        }
    }
}

/// `count` columns of an outer index, as in [`crate::reduce::generic::Columns`].
struct Columns {
    is_log: bool,
    axis: usize,
    inner: usize,
    count: usize,
    source: *const f32,
    target: *mut f32,
}

impl Vectorize for Columns {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller vouches for the ISA and all columns.
        unsafe {
            if self.inner == 1 {
                self.row::<V>();
                return;
            }
            let mut column = 0;
            while column < self.count {
                self.column::<V>(column, (self.count - column).min(V::LANES));
                column += V::LANES;
            }
        }
    }
}

impl Columns {
    #[inline(always)]
    unsafe fn row<V: F32Vector>(&self) {
        let len = self.axis;
        // SAFETY: the row has `len` elements.
        unsafe {
            let m = V::splat(fold_row::<V, Max>(self.source, len));
            let mut sum = V::splat(0.0);
            let mut i = 0;
            while i + V::LANES <= len {
                let e = math::exp(V::load(self.source.add(i)).sub(m));
                sum = sum.add(e);
                if !self.is_log {
                    e.store(self.target.add(i));
                }
                i += V::LANES;
            }
            if i < len {
                let e = math::exp(V::load_partial(self.source.add(i), len - i).sub(m));
                // The lanes beyond the row must not count.
                let mut lanes = [0.0; simd::LANES_MAX];
                e.store_partial(lanes.as_mut_ptr(), len - i);
                sum = sum.add(V::load(lanes.as_ptr()));
                if !self.is_log {
                    e.store_partial(self.target.add(i), len - i);
                }
            }
            let sum = sum.reduce_sum();
            let (factor, shift) = (m.fill(1.0 / sum), m.add(math::ln(m.fill(sum))));
            let mut i = 0;
            while i < len {
                let count = (len - i).min(V::LANES);
                let y = if self.is_log {
                    V::load_partial(self.source.add(i), count).sub(shift)
                } else {
                    V::load_partial(self.target.add(i), count).mul(factor)
                };
                y.store_partial(self.target.add(i), count);
                i += V::LANES;
            }
        }
    }

    #[inline(always)]
    unsafe fn column<V: F32Vector>(&self, column: usize, count: usize) {
        // SAFETY: the caller vouches for `count` columns.
        unsafe {
            let (source, target) = (self.source.add(column), self.target.add(column));
            let m = fold_column::<V, Max>(source, self.axis, self.inner, count);
            let mut sum = V::splat(0.0);
            for a in 0..self.axis {
                let e = math::exp(V::load_partial(source.add(a * self.inner), count).sub(m));
                sum = sum.add(e);
                if !self.is_log {
                    e.store_partial(target.add(a * self.inner), count);
                }
            }
            let (factor, shift) = (m.fill(1.0).div(sum), m.add(math::ln(sum)));
            for a in 0..self.axis {
                let offset = a * self.inner;
                let y = if self.is_log {
                    V::load_partial(source.add(offset), count).sub(shift)
                } else {
                    V::load_partial(target.add(offset), count).mul(factor)
                };
                y.store_partial(target.add(offset), count);
            }
        }
    }
}
