//! One line of output pixels over the vectors of any ISA.
//!
//! ```text
//! for pixels, a few at a time, for a vector of channels:
//!     acc[pixel] += input[pixel under tap] * weights[tap]     for each tap that is no padding
//! ```
//! Several pixels share each load of weights and hide the latency of the multiply-adds; with the
//! usual kernels they share the loads of the input as well ([`run_of`]). Each element is
//! one chain over its taps in order, however many pixels go together.

use super::Depthwise;
use crate::elementwise::activate;
use simd::{F32Vector, Vectorize};

/// Line `line` of all output lines of the batch.
pub(super) struct Line<'c> {
    pub(super) call: &'c Depthwise<'c>,
    pub(super) line: usize,
}

impl Vectorize for Line<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let shape = &self.call.shape;
        // SAFETY: the caller's; the parameters are those of the shape.
        unsafe {
            match (shape.kernel[1], shape.strides[1], shape.dilations[1]) {
                (3, 1, 1) => self.columns::<V, 3, 1>(),
                (3, 2, 1) => self.columns::<V, 3, 2>(),
                (5, 1, 1) => self.columns::<V, 5, 1>(),
                (5, 2, 1) => self.columns::<V, 5, 2>(),
                _ => self.columns::<V, 0, 0>(),
            }
        }
        if let Some(unary) = self.call.clamp.rest {
            let len = shape.out_w * shape.in_c;
            let start = self.call.out.as_mut_ptr().wrapping_add(self.line * len);
            // SAFETY: the line that was just written.
            unsafe { activate(self.call.token, unary, start, len) };
        }
    }
}

impl Line<'_> {
    /// All columns of the line. `W` and `S` are the kernel's width and stride of pixels that lie
    /// side by side, or 0 when they are known at run time only.
    ///
    /// # Safety
    /// `W` and `S` are those of the shape. The CPU has the ISA, and the output may be written.
    #[inline(always)]
    unsafe fn columns<V: F32Vector, const W: usize, const S: usize>(&self) {
        let shape = &self.call.shape;
        let last_tap = shape.kernel[1].saturating_sub(1);
        let is_inside = |first: usize, count: usize| {
            let last = first + count - 1;
            last < shape.out_w
                && shape.source(1, first, 0).is_some()
                && shape.source(1, last, last_tap).is_some()
        };
        let mut column = 0;
        while column < shape.out_w {
            // SAFETY: the columns exist; the caller vouches for the ISA and the output.
            unsafe {
                if W > 0 && is_inside(column, 8) {
                    self.pixels::<V, 8, W, S>(column);
                    column += 8;
                } else if is_inside(column, 4) {
                    self.pixels::<V, 4, W, S>(column);
                    column += 4;
                } else {
                    self.pixels::<V, 1, 0, 0>(column);
                    column += 1;
                }
            }
        }
    }

    /// # Safety
    /// `column + P` output columns exist; with `P > 1` no tap of them falls into the padding at
    /// the sides. `W` and `S` are those of the shape or 0. The CPU has the ISA, and the output
    /// may be written.
    #[inline(always)]
    unsafe fn pixels<V: F32Vector, const P: usize, const W: usize, const S: usize>(
        &self,
        column: usize,
    ) {
        let channels = self.call.shape.in_c;
        let mut channel = 0;
        while channel < channels {
            // SAFETY: the caller's, for the channels that exist.
            unsafe {
                if channel + V::LANES <= channels {
                    self.chunk::<V, P, W, S, true>(column, channel, V::LANES);
                } else {
                    self.chunk::<V, P, 0, 0, false>(column, channel, channels - channel);
                }
            }
            channel += V::LANES;
        }
    }

    /// # Safety
    /// As [`Line::pixels`], for `count` channels from `channel`, a whole vector if `FULL`.
    #[inline(always)]
    unsafe fn chunk<
        V: F32Vector,
        const P: usize,
        const W: usize,
        const S: usize,
        const FULL: bool,
    >(
        &self,
        column: usize,
        channel: usize,
        count: usize,
    ) {
        let call = self.call;
        let shape = &call.shape;
        let (image, line) = (self.line / shape.out_h, self.line % shape.out_h);
        let step = shape.strides[1] * shape.in_c;
        // SAFETY: `source` gives pixels of the input only, and the caller vouches that the next
        // `P - 1` pixels are inside when the first and the last one are.
        unsafe {
            let mut acc = [V::splat(0.0); P];
            for i in 0..shape.kernel[0] {
                let Some(y) = shape.source(0, line, i) else { continue };
                let row = (image * shape.in_h + y) * shape.in_w;
                let taps = call.weights.as_ptr().add(i * shape.kernel[1] * shape.in_c + channel);
                if W > 0 {
                    let x = shape.source(1, column, 0).expect("the columns are inside");
                    let input = call.input.as_ptr().add((row + x) * shape.in_c + channel);
                    run_of::<V, P, W, S>(input, taps, shape.in_c, &mut acc);
                    continue;
                }
                for j in 0..shape.kernel[1] {
                    let Some(x) = shape.source(1, column, j) else { continue };
                    let weights = load::<V, FULL>(taps.add(j * shape.in_c), count);
                    let input = call.input.as_ptr().add((row + x) * shape.in_c + channel);
                    for (p, acc) in acc.iter_mut().enumerate() {
                        let x = load::<V, FULL>(input.add(p * step), count);
                        *acc = x.mul_add(weights, *acc);
                    }
                }
            }
            let (low, high) = (V::splat(call.clamp.low), V::splat(call.clamp.high));
            for (p, acc) in acc.into_iter().enumerate() {
                let at = (self.line * shape.out_w + column + p) * shape.in_c + channel;
                let mut y = acc;
                if let Some(bias) = call.epilogue.bias {
                    y = y.add(load::<V, FULL>(bias.as_ptr().add(channel), count));
                }
                if let Some(residual) = call.epilogue.residual {
                    y = y.add(load::<V, FULL>(residual.as_ptr().add(at), count));
                }
                y = high.min(low.max(y));
                let target = call.out.as_mut_ptr().add(at);
                if FULL {
                    y.store(target);
                } else {
                    y.store_partial(target, count);
                }
            }
        }
    }
}

/// One row of `W` taps for `P` pixels: each pixel of the input is loaded once and serves all
/// taps that see it.
///
/// # Safety
/// `W` rows of weights and `(P - 1) * S + W` pixels of the input can be read, `channels` floats
/// apart.
#[inline(always)]
unsafe fn run_of<V: F32Vector, const P: usize, const W: usize, const S: usize>(
    input: *const f32,
    taps: *const f32,
    channels: usize,
    acc: &mut [V; P],
) {
    // SAFETY: the caller's.
    unsafe {
        let mut weights = [V::splat(0.0); W];
        for (j, weights) in weights.iter_mut().enumerate() {
            *weights = V::load(taps.add(j * channels));
        }
        for at in 0..(P - 1) * S + W {
            let x = V::load(input.add(at * channels));
            for (p, acc) in acc.iter_mut().enumerate() {
                if let Some(j) = at.checked_sub(p * S)
                    && j < W
                {
                    *acc = x.mul_add(weights[j], *acc);
                }
            }
        }
    }
}

/// # Safety
/// `count` floats can be read, and `LANES` when `FULL`.
#[inline(always)]
unsafe fn load<V: F32Vector, const FULL: bool>(source: *const f32, count: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if FULL { V::load(source) } else { V::load_partial(source, count) } }
}
