//! Reductions along one axis (adjacent axes are one to us).

mod arg;
pub(crate) mod catalogue;
pub(crate) mod generic;
mod scalar;

pub use arg::{ArgKind, ArgReduce};

use crate::elementwise::checked_len;
use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};
use tensor::{DType, scalar::Reduction};

/// `out[outer][inner]` of `input[outer][axis][inner]`.
#[derive(Debug)]
pub struct Reduce<'a> {
    token: Token,
    reduction: Reduction,
    dtype: DType,
    axis: usize,
    inner: usize,
    input: &'a [u8],
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

/// Elements that a piece reads, about.
const PIECE_WORK: usize = 1 << 16;
/// Columns that are reduced together where the axis is not the innermost.
const COLUMNS: usize = 256;

impl<'a> Reduce<'a> {
    /// Are elements of this type reduced? f32, f64 and the integers are.
    pub fn supports(dtype: DType) -> bool {
        dtype.is_number() && !dtype.is_half()
    }

    /// `input`: `outer * axis * inner` elements of type `dtype`. `out`: `outer * inner` of the
    /// same. An empty axis gives the neutral element: 0, 1, or the infinity (for integers the
    /// extreme) that loses against everything. Sums and products of integers wrap; their means,
    /// roots and logarithms are rounded towards zero, and the mean of none is 0.
    ///
    /// # Panics
    /// When a length does not fit, memory is not aligned, the type is not reduced
    /// ([`Reduce::supports`]), or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        reduction: Reduction,
        dtype: DType,
        [outer, axis, inner]: [usize; 3],
        input: &'a [u8],
        out: SharedMut<'a, u8>,
    ) -> Reduce<'a> {
        assert!(Reduce::supports(dtype), "there is no {reduction:?} of {dtype}");
        let found = checked_len(input.as_ptr(), input.len(), dtype);
        assert_eq!(Some(found), tensor::element_count(&[outer, axis, inner]), "input length");
        let found = checked_len(out.as_mut_ptr(), out.len(), dtype);
        assert_eq!(Some(found), tensor::element_count(&[outer, inner]), "result length");
        let pieces = pieces(outer, axis, inner);
        Reduce { token: isa.require(), reduction, dtype, axis, inner, input, out, pieces }
    }
}

/// Pieces of blocks: an outer index with up to [`COLUMNS`] inner ones.
pub(crate) fn pieces(outer: usize, axis: usize, inner: usize) -> Pieces {
    let block = axis.max(1).saturating_mul(inner.clamp(1, COLUMNS));
    Pieces::of_size(outer * inner.div_ceil(COLUMNS), (PIECE_WORK / block).max(1))
}

/// The outer index, first inner index and number of inner indices of a block.
pub(crate) fn block(index: usize, inner: usize) -> (usize, usize, usize) {
    let blocks = inner.div_ceil(COLUMNS);
    let first = index % blocks * COLUMNS;
    (index / blocks, first, (inner - first).min(COLUMNS))
}

impl Task for Reduce<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        for index in self.pieces.range(task) {
            let (outer, first, count) = block(index, self.inner);
            let source = outer * self.axis * self.inner + first;
            let target = outer * self.inner + first;
            let size = self.dtype.size();
            let run = generic::Columns {
                reduction: self.reduction,
                axis: self.axis,
                inner: self.inner,
                count,
                source: self.input.as_ptr().wrapping_add(source * size),
                target: self.out.as_mut_ptr().wrapping_add(target * size),
            };
            if self.dtype == DType::F32 {
                self.token.run(run);
            } else {
                // SAFETY: the block lies within input and output, whose lengths and alignment
                // the constructor checked; the caller vouches for the output.
                unsafe { scalar::reduce(self.dtype, &run) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
