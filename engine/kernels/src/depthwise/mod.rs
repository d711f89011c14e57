//! Depthwise convolution of channels-last (NHWC) images: each channel has its own kernel.

pub(crate) mod catalogue;
mod generic;
#[cfg(target_arch = "x86_64")]
mod x86_bf16;

use crate::conv::ConvShape;
use crate::elementwise::activate;
use crate::floats::check_types;
use crate::matmul::{Clamp, Epilogue};
use crate::task::{Pieces, Task};
use crate::{Floats, FloatsMut};
use simd::{Isa, Token};

/// `out[N][OH][OW][C] = activation(sum over taps of input * weights[tap][C] + bias + residual)`.
#[derive(Debug)]
pub struct Depthwise<'a> {
    token: Token,
    shape: ConvShape,
    input: Floats<'a>,
    weights: &'a [f32],
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: FloatsMut<'a>,
    pieces: Pieces,
    /// Are two taps multiplied in one lane?
    #[cfg(target_arch = "x86_64")]
    is_paired: bool,
}

/// Multiply-adds of a piece, which is some rows of the output.
const PIECE_WORK: usize = 1 << 16;
/// As [`PIECE_WORK`], of bf16: weights are put into pairs once for each piece.
const PIECE_WORK_BF16: usize = 1 << 18;

impl<'a> Depthwise<'a> {
    /// `shape`: with `groups == in_c == out_c`. `weights`: `[kernel row][kernel column][channel]`,
    /// see [`pack_weights`]. Input, residual and output are all f32, or all bf16.
    ///
    /// # Panics
    /// When a length or a type does not fit, the shape is no depthwise convolution, or this CPU
    /// has no `isa`.
    pub fn new(
        isa: Isa,
        shape: &ConvShape,
        input: impl Into<Floats<'a>>,
        weights: &'a [f32],
        epilogue: Epilogue<'a>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Depthwise<'a> {
        let (input, out) = (input.into(), out.into());
        check_types(input, epilogue.residual, out);
        check_depthwise(shape);
        shape.check(input.len(), out.len());
        assert_eq!(weights.len(), shape.taps() * shape.in_c, "weights: wrong length");
        epilogue.check(shape.out_c, out.len());
        let row = shape.out_w * shape.in_c * shape.taps();
        let is_bf16 = matches!(input, Floats::Bf16(_));
        #[cfg(target_arch = "x86_64")]
        let is_paired = is_bf16 && x86_bf16::is_possible(isa, shape, epilogue.residual.is_some());
        let work = if is_bf16 { PIECE_WORK_BF16 } else { PIECE_WORK };
        let pieces = Pieces::of_size(shape.batch * shape.out_h, work.div_ceil(row.max(1)));
        let clamp = Clamp::of(epilogue.activation);
        let token = isa.require();
        let shape = *shape;
        Depthwise {
            token,
            shape,
            input,
            weights,
            epilogue,
            clamp,
            out,
            pieces,
            #[cfg(target_arch = "x86_64")]
            is_paired,
        }
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
        let lines = self.pieces.range(task);
        match (self.input, self.out) {
            (Floats::F32(input), FloatsMut::F32(out)) => {
                for line in lines.clone() {
                    self.token.run(generic::Line { call: self, line, input, out });
                }
            }
            #[cfg(target_arch = "x86_64")]
            (Floats::Bf16(input), FloatsMut::Bf16(out)) if self.is_paired => {
                // SAFETY: as the constructor found out; the caller vouches for the output.
                unsafe { x86_bf16::run(self, input, out, lines.clone()) };
            }
            (Floats::Bf16(input), FloatsMut::Bf16(out)) => {
                for line in lines.clone() {
                    self.token.run_in_bf16(generic::Line { call: self, line, input, out });
                }
            }
            _ => unreachable!("the constructor refuses mixed types"),
        }
        if let Some(unary) = self.clamp.rest {
            let len = self.shape.out_w * self.shape.in_c;
            // SAFETY: the lines that were just written.
            unsafe {
                activate(self.token, unary, self.out.at(lines.start * len), lines.len() * len)
            };
        }
    }
}

#[cfg(test)]
mod tests;
