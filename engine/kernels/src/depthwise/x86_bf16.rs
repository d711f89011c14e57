//! Depthwise convolution by the products of AVX-512 BF16: a lane holds two taps, one below the
//! other, of one channel, and 32 channels go together as two registers.
//!
//! ```text
//! for 32 channels, for each line of the output, for pixels, a few at a time:
//!     for each column of the input under them, for rows of taps, two at a time:
//!         lanes = the two pixels, channel by channel   (padding and a row after the last: 0)
//!         acc[pixel] += lanes . weights[two taps]      for each pixel that sees the column
//! ```
//! Weights are rounded to bf16; each element is one chain over columns, then rows of taps.

use super::{Depthwise, rows, spans};
use crate::SharedMut;
use crate::conv::ConvShape;
use simd::Isa;
use std::arch::x86_64::{
    __m512, __m512bh, __m512i, __mmask32, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps,
    _mm512_mask_storeu_epi16, _mm512_maskz_loadu_epi16, _mm512_maskz_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_permutex2var_ps, _mm512_permutexvar_epi64, _mm512_set1_ps,
    _mm512_setr_epi32, _mm512_setr_epi64, _mm512_setzero_si512, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi16,
};
use std::mem::transmute;
use std::ops::Range;

/// Channels that go together.
const CHANNELS: usize = 32;
/// Output pixels that go together: their sums and the weights of 3x3 taps stay in registers.
const PIXELS: usize = 4;
/// The largest kernel.
const TAPS_MAX: usize = 5;

/// Does the kernel compute such a convolution on this CPU?
pub(super) fn is_possible(isa: Isa, shape: &ConvShape, has_residual: bool) -> bool {
    let is_known = matches!(
        (shape.kernel, shape.strides[1]),
        ([3, 3], 1) | ([3, 3], 2) | ([5, 5], 1) | ([5, 5], 2)
    );
    isa == Isa::Avx512 && is_known && shape.dilations == [1, 1] && !has_residual && simd::has_bf16()
}

/// Computes some of the lines of all output images.
///
/// # Safety
/// [`is_possible`] holds; nobody else touches these lines of `out`.
pub(super) unsafe fn run(
    call: &Depthwise<'_>,
    input: &[u16],
    out: SharedMut<'_, u16>,
    lines: Range<usize>,
) {
    // SAFETY: the caller's.
    unsafe {
        match (call.shape.kernel[0], call.shape.strides[1]) {
            (3, 1) => blocks::<3, 1>(call, input, out, lines),
            (3, _) => blocks::<3, 2>(call, input, out, lines),
            (_, 1) => blocks::<5, 1>(call, input, out, lines),
            _ => blocks::<5, 2>(call, input, out, lines),
        }
    }
}

/// The lines by kernels of K x K taps, S columns apart.
///
/// # Safety
/// As [`run`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn blocks<const K: usize, const S: usize>(
    call: &Depthwise<'_>,
    input: &[u16],
    out: SharedMut<'_, u16>,
    lines: Range<usize>,
) {
    let shape = &call.shape;
    for channel in (0..shape.in_c).step_by(CHANNELS) {
        let count = (shape.in_c - channel).min(CHANNELS);
        // SAFETY: so many channels are left.
        let weights = unsafe { weights::<K>(call, channel, count) };
        let bias = call.epilogue.bias.map_or(std::ptr::null(), |bias| bias[channel..].as_ptr());
        // SAFETY: as above.
        let bias = interleave(unsafe { floats(bias, if bias.is_null() { 0 } else { count }) });
        for line in lines.clone() {
            let part = Line::<K> {
                shape,
                rows: rows(shape, input, line, channel, first(count)),
                mask: first(count),
                weights: &weights,
                bias,
                clamp: [call.clamp.low, call.clamp.high],
            };
            let target = out.as_mut_ptr().wrapping_add(line * shape.out_w * shape.in_c + channel);
            // SAFETY: the line exists, and is the caller's alone.
            unsafe { part.columns::<S>(target) };
        }
    }
}

/// The first `count` channels of 32.
fn first(count: usize) -> __mmask32 {
    ((1u64 << count.min(CHANNELS)) - 1) as __mmask32
}

/// The first `count` of 32 floats, the others 0.
///
/// # Safety
/// So many can be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn floats(start: *const f32, count: usize) -> [__m512; 2] {
    let mask = first(count);
    // SAFETY: masked lanes are not read.
    unsafe {
        [
            _mm512_maskz_loadu_ps(mask as u16, start),
            _mm512_maskz_loadu_ps((mask >> 16) as u16, start.wrapping_add(16)),
        ]
    }
}

/// Channels in the order of the lanes that [`pair`] makes.
#[inline]
#[target_feature(enable = "avx512f")]
fn interleave([low, high]: [__m512; 2]) -> [__m512; 2] {
    let even = _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
    let odd = _mm512_setr_epi32(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    [_mm512_permutex2var_ps(low, even, high), _mm512_permutex2var_ps(low, odd, high)]
}

/// Lanes of two numbers of one channel each: of every 8 channels the first 4, and the last 4.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn pair(upper: __m512i, lower: __m512i) -> [__m512bh; 2] {
    let halves = [_mm512_unpacklo_epi16(upper, lower), _mm512_unpackhi_epi16(upper, lower)];
    // SAFETY: registers of the same bits.
    halves.map(|lanes| unsafe { transmute::<__m512i, __m512bh>(lanes) })
}

/// Weights as lanes: `[two rows of taps][column]`.
type Weights = [[[__m512bh; 2]; TAPS_MAX]; TAPS_MAX.div_ceil(2)];

/// The weights of some channels.
///
/// # Safety
/// `count` channels exist from `channel` on.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn weights<const K: usize>(call: &Depthwise<'_>, channel: usize, count: usize) -> Weights {
    let zero = _mm512_setzero_si512();
    let tap = |i: usize, j: usize| {
        if i >= K {
            return zero;
        }
        let start = call.taps.weights()[(i * K + j) * call.shape.in_c + channel..].as_ptr();
        // SAFETY: the taps of so many channels; registers of the same bits.
        unsafe {
            let [low, high] = floats(start, count);
            transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low))
        }
    };
    let mut weights = [[pair(zero, zero); TAPS_MAX]; TAPS_MAX.div_ceil(2)];
    for (two, row) in weights.iter_mut().enumerate().take(K.div_ceil(2)) {
        for (j, lanes) in row.iter_mut().enumerate().take(K) {
            *lanes = pair(tap(2 * two, j), tap(2 * two + 1, j));
        }
    }
    weights
}

/// Some channels of one line of the output.
struct Line<'c, const K: usize> {
    shape: &'c ConvShape,
    rows: [(*const u16, __mmask32); K],
    mask: __mmask32,
    weights: &'c Weights,
    bias: [__m512; 2],
    clamp: [f32; 2],
}

impl<const K: usize> Line<'_, K> {
    /// # Safety
    /// The CPU has AVX-512 BF16; the channels of every pixel may be written from `target` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn columns<const S: usize>(&self, target: *mut u16) {
        for (column, count, is_inside) in spans(self.shape, PIXELS) {
            // SAFETY: the caller's.
            unsafe {
                if is_inside {
                    self.pixels::<S, false>(column, count, target);
                } else {
                    self.pixels::<S, true>(column, count, target);
                }
            }
        }
    }

    /// Makes `count` pixels from a column on. Without `EDGE` there are [`PIXELS`] of them, and none
    /// sees padding at the sides.
    ///
    /// # Safety
    /// As [`Line::columns`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn pixels<const S: usize, const EDGE: bool>(
        &self,
        column: usize,
        count: usize,
        target: *mut u16,
    ) {
        let (channels, zero) = (self.shape.in_c, _mm512_setzero_si512());
        let start = (column * S) as isize - self.shape.pads[1] as isize;
        let mut acc = [self.bias; PIXELS];
        for at in 0..(PIXELS - 1) * S + K {
            let x = start + at as isize;
            if EDGE && !(0..self.shape.in_w as isize).contains(&x) {
                continue;
            }
            let row = |i: usize| {
                let Some(&(row, mask)) = self.rows.get(i) else { return zero };
                let pixel = row.wrapping_offset(x * channels as isize);
                // SAFETY: the pixel is inside; masked channels are not read.
                unsafe { _mm512_maskz_loadu_epi16(mask, pixel.cast()) }
            };
            for (two, weights) in self.weights.iter().enumerate().take(K.div_ceil(2)) {
                let lanes = pair(row(2 * two), row(2 * two + 1));
                for (p, acc) in acc.iter_mut().enumerate() {
                    if let Some(j) = at.checked_sub(p * S)
                        && j < K
                    {
                        acc[0] = _mm512_dpbf16_ps(acc[0], lanes[0], weights[j][0]);
                        acc[1] = _mm512_dpbf16_ps(acc[1], lanes[1], weights[j][1]);
                    }
                }
            }
        }
        for (p, &sums) in acc.iter().enumerate().take(count) {
            let target = target.wrapping_add((column + p) * channels);
            // SAFETY: the caller's.
            unsafe { self.store(sums, target) };
        }
    }

    /// Writes the channels of a pixel.
    ///
    /// # Safety
    /// As [`Line::columns`], for one pixel.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn store(&self, sums: [__m512; 2], target: *mut u16) {
        let [low, high] = self.clamp.map(|bound| _mm512_set1_ps(bound));
        // A NaN stays one: both give their second operand then.
        let [even, odd] = sums.map(|sum| _mm512_min_ps(high, _mm512_max_ps(low, sum)));
        let ordered = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
        // SAFETY: registers of the same bits; masked channels are not written.
        unsafe {
            let halves = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(odd, even));
            let halves = _mm512_permutexvar_epi64(ordered, halves);
            _mm512_mask_storeu_epi16(target.cast(), self.mask, halves);
        }
    }
}
