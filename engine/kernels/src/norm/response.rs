//! Local response normalization across channels.

use super::PIECE_WORK;
use crate::task::{Pieces, SharedMut, Task, scratch_for, take};
use simd::{F32Vector, Isa, LANES_MAX, Token, Vectorize, math};

/// `out[c] = x[c] / (bias + alpha / size * sum of squares of the window around c) ^ beta`, for
/// each row of channels. The window of c is `c - floor((size - 1) / 2) ..= c + ceil((size - 1) /
/// 2)`, cut at the ends.
#[derive(Debug)]
pub struct LocalResponseNorm<'a> {
    token: Token,
    channels: usize,
    size: usize,
    alpha: f32,
    beta: f32,
    bias: f32,
    input: &'a [f32],
    out: SharedMut<'a, f32>,
    pieces: Pieces,
}

impl<'a> LocalResponseNorm<'a> {
    /// `input` and `out`: `rows * channels` floats (channels last). `size`: at least 1.
    ///
    /// # Panics
    /// When a length does not fit, the size is 0 or absurd, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [rows, channels]: [usize; 2],
        size: usize,
        [alpha, beta, bias]: [f32; 3],
        input: &'a [f32],
        out: SharedMut<'a, f32>,
    ) -> LocalResponseNorm<'a> {
        let len = tensor::element_count(&[rows, channels]);
        assert_eq!(Some(input.len()), len, "input: rows * channels elements expected");
        assert_eq!(out.len(), input.len(), "input and output differ in length");
        assert!((1..1 << 20).contains(&size), "a window of {size} channels");
        let pieces = Pieces::of_size(rows, PIECE_WORK / channels.max(1));
        let token = isa.require();
        LocalResponseNorm { token, channels, size, alpha, beta, bias, input, out, pieces }
    }

    /// Squares with zeros on both sides, so that every window is whole, vectors overhanging.
    fn padded(&self) -> usize {
        self.channels + self.size + LANES_MAX
    }
}

impl Task for LocalResponseNorm<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    fn scratch_bytes(&self) -> usize {
        scratch_for::<f32>(self.padded())
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let squares = take::<f32>(&mut scratch, self.padded());
        squares.fill(0.0);
        for row in self.pieces.range(task) {
            self.token.run(Row { call: self, start: row * self.channels, squares });
        }
    }
}

struct Row<'c> {
    call: &'c LocalResponseNorm<'c>,
    start: usize,
    squares: &'c mut [f32],
}

impl Vectorize for Row<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let call = self.call;
        let before = (call.size - 1) / 2;
        let source = call.input[self.start..self.start + call.channels].as_ptr();
        let target = call.out.as_mut_ptr().wrapping_add(self.start);
        let squares = self.squares.as_mut_ptr();
        // SAFETY: the row has `channels` elements; the squares have room for the window and a
        // vector more; the caller vouches for the ISA and the output.
        unsafe {
            let mut i = 0;
            while i < call.channels {
                let count = (call.channels - i).min(V::LANES);
                let x = V::load_partial(source.add(i), count);
                x.mul(x).store_partial(squares.add(before + i), count);
                i += V::LANES;
            }
            let mut i = 0;
            while i < call.channels {
                let count = (call.channels - i).min(V::LANES);
                let mut sum = V::splat(0.0);
                for j in 0..call.size {
                    sum = sum.add(V::load(squares.add(i + j)));
                }
                let factor = V::splat(call.alpha / call.size as f32);
                let base = sum.mul_add(factor, V::splat(call.bias));
                let x = V::load_partial(source.add(i), count);
                power_quotient(x, base, call.beta).store_partial(target.add(i), count);
                i += V::LANES;
            }
        }
    }
}

/// `x / base^beta` for positive bases.
#[inline(always)]
fn power_quotient<V: F32Vector>(x: V, base: V, beta: f32) -> V {
    // The exponent of AlexNet and GoogLeNet deserves two exact roots.
    if beta == 0.75 {
        let root = base.sqrt();
        x.div(root.mul(root.sqrt()))
    } else {
        x.mul(math::exp(math::ln(base).mul(x.fill(-beta))))
    }
}
