//! Convolution of channels-last (NHWC) images as an implicit matrix product.
//!
//! The result is a matrix of output pixels by output channels. Its row for a pixel is a sum over
//! the taps of the kernel of (input pixel under the tap) x (weights of the tap); the input
//! pixels are pointed at, not copied, and padding points at a row of zeros.

pub(crate) mod catalogue;
mod generic;
mod pack;
mod scalar;
mod shape;

pub use pack::{pack_weights, pack_weights_bf16, packed_bf16_len, packed_len};
pub use scalar::ScalarConv;
pub use shape::ConvShape;

use crate::matmul::{Clamp, Epilogue, Grid, Packed, THREADS_MAX, narrow};
use crate::task::{SharedMut, Task};
use generic::Gather;
use simd::{Isa, Token};

/// `out[N][OH][OW][OC] = activation(conv(input[N][H][W][C], weights) + bias + residual)`.
#[derive(Debug)]
pub struct Conv<'a> {
    token: Token,
    shape: ConvShape,
    input: &'a [f32],
    weights: Packed<'a>,
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: SharedMut<'a, f32>,
    gather: Gather,
    grid: Grid,
}

impl<'a> Conv<'a> {
    /// `weights`: see [`pack_weights`] and [`pack_weights_bf16`].
    ///
    /// # Panics
    /// When a length does not fit the shape, the shape is impossible, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        shape: &ConvShape,
        input: &'a [f32],
        weights: Packed<'a>,
        epilogue: Epilogue<'a>,
        out: SharedMut<'a, f32>,
    ) -> Conv<'a> {
        shape.check(input.len(), out.len());
        let expected = match weights {
            Packed::F32(_) => packed_len(shape),
            Packed::Bf16(_) => packed_bf16_len(shape),
        };
        assert_eq!(weights.len(), expected, "packed weights: wrong length");
        epilogue.check(shape.out_c, out.len());
        let grid = grid(shape, THREADS_MAX);
        Conv {
            token: isa.require(),
            shape: *shape,
            input,
            weights,
            epilogue,
            clamp: Clamp::of(epilogue.activation),
            out,
            gather: Gather::of(shape),
            grid,
        }
    }

    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Self {
        Conv { grid: grid(&self.shape, threads), ..self }
    }

    /// [`Task::scratch_bytes`] of a convolution of this shape with weights of this form, in pieces
    /// of so many rows.
    pub(crate) fn scratch_for(shape: &ConvShape, weights: Packed<'_>, rows: usize) -> usize {
        let narrow = match weights {
            Packed::F32(_) => 0,
            Packed::Bf16(_) => narrow::scratch_bytes(rows, shape.depth()),
        };
        Gather::of(shape).scratch_bytes(shape, rows) + narrow
    }
}

/// How the output is cut into tasks.
pub(crate) fn grid(shape: &ConvShape, threads: usize) -> Grid {
    Grid::new(shape.out_pixels(), shape.group_out(), shape.depth(), threads)
}

impl Task for Conv<'_> {
    fn tasks(&self) -> usize {
        self.shape.groups * self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        Conv::scratch_for(&self.shape, self.weights, self.grid.rows())
    }

    unsafe fn run(&self, task: usize, scratch: &mut [u8]) {
        // SAFETY: the caller's.
        unsafe { generic::run(self, task, scratch) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
