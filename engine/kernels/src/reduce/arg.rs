//! Where the extreme element is.

use super::{block, pieces};
use crate::elementwise::checked_len;
use crate::task::{Pieces, SharedMut, Task};
use crate::with_number;
use tensor::DType;

/// Which extreme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// `out[outer][inner]`: the index along the axis of the extreme of `input[outer][axis][inner]`.
/// A NaN is never the extreme, save in the first place that counts.
#[derive(Debug)]
pub struct ArgReduce<'a> {
    kind: ArgKind,
    is_last: bool,
    dtype: DType,
    axis: usize,
    inner: usize,
    input: &'a [u8],
    out: SharedMut<'a, i64>,
    pieces: Pieces,
}

impl<'a> ArgReduce<'a> {
    /// Are elements of this type compared? f32, f64 and the integers are.
    pub fn supports(dtype: DType) -> bool {
        dtype.is_number() && !dtype.is_half()
    }

    /// `input`: `outer * axis * inner` elements, `axis` not 0. Of equal extremes the last one
    /// counts if `is_last`, else the first.
    ///
    /// # Panics
    /// When a length does not fit, memory is not aligned, the axis is empty, or the type is not
    /// compared ([`ArgReduce::supports`]).
    pub fn new(
        kind: ArgKind,
        is_last: bool,
        dtype: DType,
        [outer, axis, inner]: [usize; 3],
        input: &'a [u8],
        out: SharedMut<'a, i64>,
    ) -> ArgReduce<'a> {
        assert!(ArgReduce::supports(dtype), "{dtype} is not compared");
        assert!(axis > 0 || outer * inner == 0, "an empty axis has no extreme");
        let found = checked_len(input.as_ptr(), input.len(), dtype);
        assert_eq!(Some(found), tensor::element_count(&[outer, axis, inner]), "input length");
        assert_eq!(Some(out.len()), tensor::element_count(&[outer, inner]), "result length");
        let pieces = pieces(outer, axis, inner);
        ArgReduce { kind, is_last, dtype, axis, inner, input, out, pieces }
    }

    /// # Safety
    /// `T` is the type of the elements; otherwise as [`Task::run`].
    unsafe fn run_as<T: Copy + PartialOrd>(&self, task: usize) {
        let input = self.input.as_ptr().cast::<T>();
        for index in self.pieces.range(task) {
            let (outer, first, count) = block(index, self.inner);
            for column in first..first + count {
                let start = outer * self.axis * self.inner + column;
                // SAFETY: within the input, whose length and alignment the constructor checked.
                let at = |a: usize| unsafe { input.add(start + a * self.inner).read() };
                let mut best = 0;
                for a in 1..self.axis {
                    let wins = match (self.kind, self.is_last) {
                        (ArgKind::Max, false) => at(a) > at(best),
                        (ArgKind::Max, true) => at(a) >= at(best),
                        (ArgKind::Min, false) => at(a) < at(best),
                        (ArgKind::Min, true) => at(a) <= at(best),
                    };
                    best = if wins { a } else { best };
                }
                let target = outer * self.inner + column;
                // SAFETY: within the output; pieces have different columns.
                unsafe { self.out.part(target..target + 1)[0] = best as i64 };
            }
        }
    }
}

impl Task for ArgReduce<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        // SAFETY: the type is that of the elements; the rest is the caller's.
        unsafe {
            match self.dtype {
                DType::F32 => self.run_as::<f32>(task),
                dtype => with_number!(dtype, T => self.run_as::<T>(task)),
            }
        }
    }
}
