//! Depthwise convolution of channels-last (NHWC) images: each channel has its own kernel.

pub(crate) mod catalogue;
mod generic;

use crate::conv::ConvShape;
use crate::matmul::{Clamp, Epilogue};
use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};

/// `out[N][OH][OW][C] = activation(sum over taps of input * weights[tap][C] + bias + residual)`.
#[derive(Debug)]
pub struct Depthwise<'a> {
    token: Token,
    shape: ConvShape,
    input: &'a [f32],
    weights: &'a [f32],
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: SharedMut<'a, f32>,
    pieces: Pieces,
}

/// Multiply-adds of a piece, which is some rows of the output.
const PIECE_WORK: usize = 1 << 16;

impl<'a> Depthwise<'a> {
    /// `shape`: with `groups == in_c == out_c`. `weights`: `[kernel row][kernel column][channel]`,
    /// see [`pack_weights`].
    ///
    /// # Panics
    /// When a length does not fit the shape, the shape is no depthwise convolution, or this CPU
    /// has no `isa`.
    pub fn new(
        isa: Isa,
        shape: &ConvShape,
        input: &'a [f32],
        weights: &'a [f32],
        epilogue: Epilogue<'a>,
        out: SharedMut<'a, f32>,
    ) -> Depthwise<'a> {
        check_depthwise(shape);
        shape.check(input.len(), out.len());
        assert_eq!(weights.len(), shape.taps() * shape.in_c, "weights: wrong length");
        epilogue.check(shape.out_c, out.len());
        let row = shape.out_w * shape.in_c * shape.taps();
        let pieces = Pieces::of_size(shape.batch * shape.out_h, PIECE_WORK.div_ceil(row.max(1)));
        let clamp = Clamp::of(epilogue.activation);
        let token = isa.require();
        Depthwise { token, shape: *shape, input, weights, epilogue, clamp, out, pieces }
    }
}

fn check_depthwise(shape: &ConvShape) {
    shape.check_sizes();
    assert!(
        shape.groups == shape.in_c && shape.groups == shape.out_c,
        "{shape:?} is no depthwise convolution of multiplier 1"
    );
}

/// Packs weights `[channel][1][kernel rows][kernel columns]` into `[tap][channel]`.
///
/// # Panics
/// When a length does not fit the shape, or the shape is no depthwise convolution.
pub fn pack_weights(oihw: &[f32], shape: &ConvShape, out: &mut [f32]) {
    check_depthwise(shape);
    let taps = shape.taps();
    assert_eq!(oihw.len(), taps * shape.in_c, "weights: wrong length");
    assert_eq!(out.len(), oihw.len(), "packed weights: wrong length");
    for (tap, row) in out.chunks_exact_mut(shape.in_c.max(1)).enumerate() {
        for (channel, x) in row.iter_mut().enumerate() {
            *x = oihw[channel * taps + tap];
        }
    }
}

impl Task for Depthwise<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        for line in self.pieces.range(task) {
            self.token.run(generic::Line { call: self, line });
        }
    }
}

#[cfg(test)]
mod tests;
