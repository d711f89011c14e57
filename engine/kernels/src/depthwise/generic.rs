//! One line of output pixels over the vectors of any ISA.
//!
//! ```text
//! for pixels, a few at a time, for a vector of channels:
//!     acc[pixel] += input[pixel under tap] * weights[tap]     for each tap that is no padding
//! ```
//! Several pixels share each load of weights and hide the latency of the multiply-adds; with the
//! usual kernels they share the loads of the input as well. Each element is
//! one chain over its taps in order, however many pixels go together.

use super::{Depthwise, Taps};
use crate::SharedMut;
use crate::floats::{Stored, load, store};
use simd::{F32Vector, Vectorize};
use std::ops::Range;

/// Line `line` of all output lines of the batch.
pub(super) struct Line<'c, T, U> {
    pub(super) call: &'c Depthwise<'c>,
    pub(super) line: usize,
    pub(super) input: &'c [T],
    pub(super) out: SharedMut<'c, U>,
}

impl<T: Stored, U: Stored> Vectorize for Line<'_, T, U> {
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
    }
}

impl<T: Stored, U: Stored> Line<'_, T, U> {
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
            let left = shape.out_w - column;
            // SAFETY: the columns exist; the caller vouches for the ISA and the output.
            let count = unsafe {
                if W > 0 && is_inside(column, 8) {
                    self.pixels::<V, 8, W, S, false>(column, 8)
                } else if W > 0 && left > 4 {
                    self.pixels::<V, 8, W, S, true>(column, left.min(8))
                } else if W > 0 {
                    self.pixels::<V, 4, W, S, true>(column, left)
                } else if is_inside(column, 4) {
                    self.pixels::<V, 4, 0, 0, false>(column, 4)
                } else {
                    self.pixels::<V, 1, 0, 0, false>(column, 1)
                }
            };
            column += count;
        }
    }

    /// Makes the first `count` of `P` pixels, and gives their number.
    ///
    /// # Safety
    /// `column + count` output columns exist. `W` and `S` are those of the shape or 0. With
    /// `P > 1` and without `EDGE`, `count` is `P` and no tap falls into the padding at the sides.
    /// With `EDGE`, `W` is not 0. The CPU has the ISA, and the output may be written.
    #[inline(always)]
    unsafe fn pixels<
        V: F32Vector,
        const P: usize,
        const W: usize,
        const S: usize,
        const EDGE: bool,
    >(
        &self,
        column: usize,
        count: usize,
    ) -> usize {
        let channels = self.call.shape.in_c;
        let mut channel = 0;
        while channel < channels {
            let lanes = (channels - channel).min(V::LANES);
            // SAFETY: the caller's, for the channels that exist.
            unsafe {
                let acc = if W > 0 {
                    self.shared::<V, P, W, S, EDGE>(column, channel, lanes)
                } else {
                    self.tapwise::<V, P>(column, channel, lanes)
                };
                if lanes == V::LANES {
                    self.store::<V, true>(&acc[..count], column, channel, lanes);
                } else {
                    self.store::<V, false>(&acc[..count], column, channel, lanes);
                }
            }
            channel += V::LANES;
        }
        count
    }

    /// The sums of `P` pixels for `lanes` channels from `channel`, tap by tap.
    ///
    /// # Safety
    /// As [`Line::pixels`].
    #[inline(always)]
    unsafe fn tapwise<V: F32Vector, const P: usize>(
        &self,
        column: usize,
        channel: usize,
        lanes: usize,
    ) -> [V; P] {
        let call = self.call;
        let shape = &call.shape;
        let (image, line) = (self.line / shape.out_h, self.line % shape.out_h);
        let step = shape.strides[1] * shape.in_c;
        // SAFETY: `source` gives pixels of the input only, and the caller vouches that the next
        // `P - 1` pixels are inside when the first and the last one are.
        unsafe {
            let mut acc = [V::splat(0.0); P];
            let (weights, zero) = (call.taps.weights(), V::splat(call.taps.zero()));
            for i in 0..shape.kernel[0] {
                let Some(y) = shape.source(0, line, i) else { continue };
                let row = (image * shape.in_h + y) * shape.in_w;
                let taps = weights.as_ptr().add(i * shape.kernel[1] * shape.in_c + channel);
                for j in 0..shape.kernel[1] {
                    let Some(x) = shape.source(1, column, j) else { continue };
                    let weights = V::load_partial(taps.add(j * shape.in_c), lanes);
                    let input = self.input.as_ptr().add((row + x) * shape.in_c + channel);
                    for (p, acc) in acc.iter_mut().enumerate() {
                        let mut x = T::load_partial::<V>(input.add(p * step), lanes);
                        if size_of::<T>() == 1 {
                            x = x.sub(zero);
                        }
                        *acc = x.mul_add(weights, *acc);
                    }
                }
            }
            acc
        }
    }

    /// As [`Line::tapwise`]: each pixel of the input is loaded once for all taps that see it.
    ///
    /// # Safety
    /// As [`Line::pixels`].
    #[inline(always)]
    unsafe fn shared<
        V: F32Vector,
        const P: usize,
        const W: usize,
        const S: usize,
        const EDGE: bool,
    >(
        &self,
        column: usize,
        channel: usize,
        lanes: usize,
    ) -> [V; P] {
        let call = self.call;
        let shape = &call.shape;
        let (image, line) = (self.line / shape.out_h, self.line % shape.out_h);
        // The input under the first tap of the first pixel, and which pixels from there on are
        // no padding.
        let first = (column * S) as isize - shape.pads[1] as isize;
        let seen = (-first).max(0)..shape.in_w as isize - first;
        // SAFETY: taps lie within the weights; of the input, only what is seen is read.
        unsafe {
            let mut acc = [V::splat(0.0); P];
            let (weights, zero) = (call.taps.weights(), call.taps.zero());
            for i in 0..shape.kernel[0] {
                let Some(y) = shape.source(0, line, i) else { continue };
                let row = ((image * shape.in_h + y) * shape.in_w) as isize;
                let start = (row + first) * shape.in_c as isize + channel as isize;
                let input = self.input.as_ptr().wrapping_offset(start);
                let taps = weights.as_ptr().add(i * W * shape.in_c + channel);
                let (channels, seen) = (shape.in_c, seen.clone());
                let run = Run { input, taps, channels, lanes, zero, seen };
                if lanes == V::LANES {
                    run.add::<V, P, W, S, EDGE, true>(&mut acc);
                } else {
                    run.add::<V, P, W, S, EDGE, false>(&mut acc);
                }
            }
            acc
        }
    }

    /// Writes what the sums of some pixels from `column` on become.
    ///
    /// # Safety
    /// The pixels and `lanes` channels from `channel` exist, or a whole vector of them if `FULL`;
    /// the output may be written.
    #[inline(always)]
    unsafe fn store<V: F32Vector, const FULL: bool>(
        &self,
        acc: &[V],
        column: usize,
        channel: usize,
        lanes: usize,
    ) {
        let call = self.call;
        let shape = &call.shape;
        // SAFETY: the caller's.
        unsafe {
            let (low, high) = (V::splat(call.clamp.low), V::splat(call.clamp.high));
            for (p, &acc) in acc.iter().enumerate() {
                let at = (self.line * shape.out_w + column + p) * shape.in_c + channel;
                let bias = match call.epilogue.bias {
                    Some(bias) => load::<V, f32, FULL>(bias.as_ptr().add(channel), lanes),
                    None => V::splat(0.0),
                };
                let mut y = match call.taps {
                    Taps::Int8 { scales, .. } => {
                        let scales = load::<V, f32, FULL>(scales.as_ptr().add(channel), lanes);
                        acc.fused_mul_add(scales, bias)
                    }
                    _ => acc.add(bias),
                };
                if let Some(residual) = call.epilogue.residual_at(at) {
                    let scale = V::splat(call.epilogue.residual_scale);
                    y = residual.load::<V, FULL>(lanes).fused_mul_add(scale, y);
                }
                y = high.min(low.max(y));
                store::<V, U, FULL>(y, self.out.as_mut_ptr().add(at), lanes);
            }
        }
    }
}

/// A row of taps over a row of the input.
struct Run<T> {
    /// Under the first tap of the first pixel, be it there or not.
    input: *const T,
    taps: *const f32,
    /// Numbers from one pixel, and one tap, to the next.
    channels: usize,
    /// Channels that exist.
    lanes: usize,
    /// What stands for zero in bytes.
    zero: f32,
    /// Which pixels from `input` on are there.
    seen: Range<isize>,
}

impl<T: Stored> Run<T> {
    /// Adds the products of `W` taps to the sums of `P` pixels.
    ///
    /// # Safety
    /// The CPU has the ISA. `W` taps can be read, and those of `(P - 1) * S + W` pixels of the
    /// input that are seen, or all of them without `EDGE`; `lanes` channels of each, or a whole
    /// vector if `FULL`.
    #[inline(always)]
    unsafe fn add<
        V: F32Vector,
        const P: usize,
        const W: usize,
        const S: usize,
        const EDGE: bool,
        const FULL: bool,
    >(
        &self,
        acc: &mut [V; P],
    ) {
        // SAFETY: the caller's.
        unsafe {
            let zero = V::splat(self.zero);
            let mut weights = [V::splat(0.0); W];
            for (j, weights) in weights.iter_mut().enumerate() {
                *weights = load::<V, f32, FULL>(self.taps.add(j * self.channels), self.lanes);
            }
            for at in 0..(P - 1) * S + W {
                if EDGE && !self.seen.contains(&(at as isize)) {
                    continue;
                }
                let input = self.input.wrapping_add(at * self.channels);
                let mut x = load::<V, T, FULL>(input, self.lanes);
                if size_of::<T>() == 1 {
                    x = x.sub(zero);
                }
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
}
