//! One line of output pixels over the vectors of any ISA.
//!
//! ```text
//! for pixels, a few at a time, for a vector of channels:
//!     acc[pixel] += input[pixel under tap] * weights[tap]     for each tap that is no padding
//! ```
//! Several pixels share each load of weights and hide the latency of the multiply-adds. Each
//! element is one chain over its taps in order, however many pixels go together.

use super::Depthwise;
use crate::elementwise::activate;
use simd::{F32Vector, Vectorize};

/// Line `line` of all output lines of the batch.
pub(super) struct Line<'c> {
    pub(super) call: &'c Depthwise<'c>,
    pub(super) line: usize,
}

/// Pixels that go together.
const PIXELS: usize = 4;

impl Vectorize for Line<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let shape = &self.call.shape;
        let last_tap = shape.kernel[1].saturating_sub(1);
        let mut column = 0;
        while column < shape.out_w {
            let last = column + PIXELS - 1;
            let is_inside = last < shape.out_w
                && shape.source(1, column, 0).is_some()
                && shape.source(1, last, last_tap).is_some();
            // SAFETY: the columns exist; the caller vouches for the ISA and the output.
            unsafe {
                if is_inside {
                    self.pixels::<V, PIXELS>(column);
                    column += PIXELS;
                } else {
                    self.pixels::<V, 1>(column);
                    column += 1;
                }
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
    /// # Safety
    /// `column + P` output columns exist; with `P > 1` no tap of them falls into the padding at
    /// the sides. The CPU has the ISA, and the output may be written.
    #[inline(always)]
    unsafe fn pixels<V: F32Vector, const P: usize>(&self, column: usize) {
        let channels = self.call.shape.in_c;
        let mut channel = 0;
        while channel < channels {
            // SAFETY: the caller's, for the channels that exist.
            unsafe {
                if channel + V::LANES <= channels {
                    self.chunk::<V, P, true>(column, channel, V::LANES);
                } else {
                    self.chunk::<V, P, false>(column, channel, channels - channel);
                }
            }
            channel += V::LANES;
        }
    }

    /// # Safety
    /// As [`Line::pixels`], for `count` channels from `channel`, a whole vector if `FULL`.
    #[inline(always)]
    unsafe fn chunk<V: F32Vector, const P: usize, const FULL: bool>(
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
                for j in 0..shape.kernel[1] {
                    let Some(x) = shape.source(1, column, j) else { continue };
                    let tap = (i * shape.kernel[1] + j) * shape.in_c + channel;
                    let weights = load::<V, FULL>(call.weights.as_ptr().add(tap), count);
                    let start = (row + x) * shape.in_c + channel;
                    let input = call.input.as_ptr().add(start);
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

/// # Safety
/// `count` floats can be read, and `LANES` when `FULL`.
#[inline(always)]
unsafe fn load<V: F32Vector, const FULL: bool>(source: *const f32, count: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if FULL { V::load(source) } else { V::load_partial(source, count) } }
}
