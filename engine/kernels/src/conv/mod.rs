//! Convolution of channels-last (NHWC) images as an implicit matrix product.
//!
//! The result is a matrix of output pixels by output channels. Its row for a pixel is a sum over
//! the taps of the kernel of (input pixel under the tap) x (weights of the tap); the input
//! pixels are pointed at, not copied, and padding points at a row of zeros.

pub(crate) mod catalogue;
mod gather;
mod generic;
mod pack;
mod scalar;
mod shape;

pub use pack::{
    pack_weights, pack_weights_bf16, pack_weights_int8, packed_bf16_len, packed_int8_len,
    packed_len,
};
pub use scalar::ScalarConv;
pub use shape::ConvShape;

use crate::matmul::{Clamp, Epilogue, Grid, Left, Packed, THREADS_MAX, narrow};
use crate::task::Task;
use crate::{Floats, FloatsMut};
use gather::Gather;
use simd::{Isa, Token};

/// `out[N][OH][OW][OC] = activation(conv(input[N][H][W][C], weights) + bias + residual)`.
#[derive(Debug)]
pub struct Conv<'a> {
    token: Token,
    shape: ConvShape,
    input: Floats<'a>,
    weights: Packed<'a>,
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: FloatsMut<'a>,
    grid: Grid,
}

impl<'a> Conv<'a> {
    /// `weights`: see [`pack_weights`] and those beside it. The input is bytes beside weights of
    /// bytes, padded by their zero point. It may be bf16 beside weights of bf16; with an odd number
    /// of channels, an infinity in it may then make the pixel on its left NaN.
    ///
    /// # Panics
    /// When a length or a type does not fit, the shape is impossible, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        shape: &ConvShape,
        input: impl Into<Floats<'a>>,
        weights: Packed<'a>,
        epilogue: Epilogue<'a>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Conv<'a> {
        let (input, out) = (input.into(), out.into());
        shape.check(input.len(), out.len());
        weights.check(input, shape.depth(), shape.out_c);
        let expected = match weights {
            Packed::F32(_) => packed_len(shape),
            Packed::Bf16(_) => packed_bf16_len(shape),
            Packed::Int8(_) => packed_int8_len(shape),
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
            clamp: weights.clamp(&epilogue, shape.depth()),
            out,
            grid,
        }
    }

    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Self {
        Conv { grid: grid(&self.shape, threads), ..self }
    }

    /// [`Task::scratch_bytes`] of a convolution of this shape with weights of this form, in pieces
    /// of so many rows; `size` is that of a number of the input, in bytes.
    pub(crate) fn scratch_for(
        shape: &ConvShape,
        (size, weights): (usize, Packed<'_>),
        rows: usize,
    ) -> usize {
        let gather = Gather::of(shape);
        let (runs, k) = gather.runs(shape);
        match (size, weights) {
            (1, _) => gather.scratch_bytes::<u8>(shape, rows),
            (2, _) => gather.scratch_bytes::<u16>(shape, rows),
            (_, Packed::Bf16(_)) => {
                let narrowed = narrow::scratch_bytes(rows, runs * k.div_ceil(2));
                gather.scratch_bytes::<f32>(shape, rows) + narrowed
            }
            _ => gather.scratch_bytes::<f32>(shape, rows),
        }
    }
}

/// How the output is cut into tasks.
pub(crate) fn grid(shape: &ConvShape, threads: usize) -> Grid {
    Grid::new([shape.out_pixels(), shape.depth(), shape.group_out()], Left::Read, threads)
}

impl Task for Conv<'_> {
    fn tasks(&self) -> usize {
        self.shape.groups * self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        Conv::scratch_for(&self.shape, (self.input.size(), self.weights), self.grid.rows())
    }

    unsafe fn run(&self, task: usize, scratch: &mut [u8]) {
        // SAFETY: the caller's.
        unsafe { generic::run(self, task, scratch) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
