//! Depthwise convolution of bytes by the products of AVX-512 VNNI: a lane holds four taps, one
//! below the other, of one channel, and 64 channels go together as four registers.
//!
//! ```text
//! for 64 channels, for each line of the output, for pixels, a few at a time:
//!     for each column of the input under them, for rows of taps, four at a time:
//!         lanes = the four pixels, channel by channel   (padding: the zero point)
//!         sum[pixel] += lanes . weights[four taps]      for each pixel that sees the column
//! ```
//! Sums are of integers, and so those of the other kernels.

use super::{Depthwise, Taps, rows, spans};
use crate::conv::ConvShape;
use crate::matmul::{Clamp, Epilogue};
use crate::{FloatsMut, SharedMut};
use simd::Isa;
use std::arch::x86_64::{
    __m512, __m512i, __mmask64, _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_dpbusd_epi32,
    _mm512_fmadd_ps, _mm512_mask_loadu_epi8, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_ps,
    _mm512_max_epu8, _mm512_min_epu8, _mm512_packs_epi16, _mm512_packs_epi32, _mm512_packus_epi16,
    _mm512_set1_epi8, _mm512_set1_ps, _mm512_setzero_si512, _mm512_shuffle_f32x4, _mm512_sub_epi32,
    _mm512_unpackhi_epi8, _mm512_unpackhi_epi16, _mm512_unpacklo_epi8, _mm512_unpacklo_epi16,
};
use std::ops::Range;

/// Channels that go together.
const CHANNELS: usize = 64;
/// Output pixels that go together.
const PIXELS: usize = 4;
/// The largest kernel.
const TAPS_MAX: usize = 5;
/// Taps of a lane.
const DEPTH: usize = 4;

/// Does the kernel compute such a convolution on this CPU?
pub(super) fn is_possible(
    isa: Isa,
    shape: &ConvShape,
    epilogue: &Epilogue<'_>,
    clamp: &Clamp,
    out: FloatsMut<'_>,
) -> bool {
    // Five rows of taps leave so much of eight lanes empty that 5x5 only pays where lanes of f32
    // share little.
    let is_known = matches!((shape.kernel, shape.strides[1]), ([3, 3], 1) | ([3 | 5, 3 | 5], 2))
        && shape.kernel[0] == shape.kernel[1];
    let is_of_bytes = matches!(out, FloatsMut::U8(_)) && epilogue.residual.is_none();
    let is_known = is_known && is_of_bytes && clamp.bytes.is_some();
    isa == Isa::Avx512 && is_known && shape.dilations == [1, 1] && simd::has_vnni()
}

/// Computes some of the lines of all output images.
///
/// # Safety
/// [`is_possible`] holds; nobody else touches these lines of `out`.
pub(super) unsafe fn run(
    call: &Depthwise<'_>,
    input: &[u8],
    out: SharedMut<'_, u8>,
    lines: Range<usize>,
) {
    // SAFETY: the caller's.
    unsafe {
        match (call.shape.kernel[0], call.shape.strides[1]) {
            (3, 1) => blocks::<3, 1>(call, input, out, lines),
            (3, _) => blocks::<3, 2>(call, input, out, lines),
            _ => blocks::<5, 2>(call, input, out, lines),
        }
    }
}

/// The lines by kernels of K x K taps, S columns apart.
///
/// # Safety
/// As [`run`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn blocks<const K: usize, const S: usize>(
    call: &Depthwise<'_>,
    input: &[u8],
    out: SharedMut<'_, u8>,
    lines: Range<usize>,
) {
    let shape = &call.shape;
    for channel in (0..shape.in_c).step_by(CHANNELS) {
        let count = (shape.in_c - channel).min(CHANNELS);
        let mask = u64::MAX >> (CHANNELS - count);
        let block = Block::<K>::new(call, channel, count);
        for line in lines.clone() {
            let rows = rows(shape, input, line, channel, mask);
            let target = out.as_mut_ptr().wrapping_add(line * shape.out_w * shape.in_c + channel);
            // SAFETY: the line exists, and is the caller's alone.
            unsafe { Line { block: &block, shape, rows, mask }.columns::<S>(target) };
        }
    }
}

/// Lanes of four bytes of one channel each: of every 16 channels the first 4, the next 4, and so
/// on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave([a, b, c, d]: [__m512i; DEPTH]) -> [__m512i; 4] {
    let upper = [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)];
    let lower = [_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d)];
    [
        _mm512_unpacklo_epi16(upper[0], lower[0]),
        _mm512_unpackhi_epi16(upper[0], lower[0]),
        _mm512_unpacklo_epi16(upper[1], lower[1]),
        _mm512_unpackhi_epi16(upper[1], lower[1]),
    ]
}

/// A number of each channel, in the order of the lanes that [`interleave`] makes; 0 beyond.
#[inline]
#[target_feature(enable = "avx512f")]
fn by_lane(floats: &[f32]) -> [__m512; 4] {
    let mask = u64::MAX >> (CHANNELS - floats.len());
    // SAFETY: masked lanes are not read.
    let [a, b, c, d] = [0, 1, 2, 3].map(|quarter| unsafe {
        let start = floats.as_ptr().wrapping_add(quarter * 16);
        _mm512_maskz_loadu_ps((mask >> (quarter * 16)) as u16, start)
    });
    let first = [_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0x44>(c, d)];
    let last = [_mm512_shuffle_f32x4::<0xee>(a, b), _mm512_shuffle_f32x4::<0xee>(c, d)];
    [
        _mm512_shuffle_f32x4::<0x88>(first[0], first[1]),
        _mm512_shuffle_f32x4::<0xdd>(first[0], first[1]),
        _mm512_shuffle_f32x4::<0x88>(last[0], last[1]),
        _mm512_shuffle_f32x4::<0xdd>(last[0], last[1]),
    ]
}

/// What is the same for all pixels of some channels.
struct Block<const K: usize> {
    /// `[column][four rows of taps]`
    weights: [[[__m512i; 4]; TAPS_MAX.div_ceil(DEPTH)]; K],
    /// In each byte.
    zero: __m512i,
    /// Sums before the first tap: those of the zero point, taken away.
    start: [__m512i; 4],
    scales: [__m512; 4],
    bias: [__m512; 4],
    /// In each byte.
    bounds: [__m512i; 2],
}

impl<const K: usize> Block<K> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn new(call: &Depthwise<'_>, channel: usize, count: usize) -> Block<K> {
        let Taps::Int8 { weights: taps, scales, zero } = call.taps else {
            unreachable!("bytes have integers for weights")
        };
        let (zero, nothing) = (_mm512_set1_epi8(zero as i8), _mm512_setzero_si512());
        let tap = |i: usize, j: usize| {
            if i >= K {
                return nothing;
            }
            let own = by_lane(&taps[(i * K + j) * call.shape.in_c + channel..][..count]);
            let [a, b, c, d] = own.map(|weights| _mm512_cvtps_epi32(weights));
            _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d))
        };
        let mut weights = [[[nothing; 4]; TAPS_MAX.div_ceil(DEPTH)]; K];
        let mut start = [nothing; 4];
        for (j, column) in weights.iter_mut().enumerate() {
            for (four, lanes) in column.iter_mut().enumerate() {
                *lanes = interleave([0, 1, 2, 3].map(|i| tap(four * DEPTH + i, j)));
                for (sum, &weights) in start.iter_mut().zip(lanes.iter()) {
                    *sum = _mm512_dpbusd_epi32(*sum, zero, weights);
                }
            }
        }
        let start = start.map(|sum| _mm512_sub_epi32(nothing, sum));
        let bias = call.epilogue.bias.map_or(&[][..], |bias| &bias[channel..][..count]);
        let bias = if bias.is_empty() { [_mm512_set1_ps(0.0); 4] } else { by_lane(bias) };
        let scales = by_lane(&scales[channel..][..count]);
        let bounds = call.clamp.bytes.unwrap_or([u8::MIN, u8::MAX]);
        let bounds = bounds.map(|bound| _mm512_set1_epi8(bound as i8));
        Block { weights, zero, start, scales, bias, bounds }
    }
}

/// Some channels of one line of the output.
struct Line<'c, const K: usize> {
    block: &'c Block<K>,
    shape: &'c ConvShape,
    /// Where the rows of the input under it begin, and which channels are read of them.
    rows: [(*const u8, __mmask64); K],
    mask: __mmask64,
}

impl<const K: usize> Line<'_, K> {
    /// # Safety
    /// The CPU has AVX-512 VNNI; the channels of every pixel may be written from `target` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn columns<const S: usize>(&self, target: *mut u8) {
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn pixels<const S: usize, const EDGE: bool>(
        &self,
        column: usize,
        count: usize,
        target: *mut u8,
    ) {
        let (block, channels) = (self.block, self.shape.in_c as isize);
        let mut sums = [block.start; PIXELS];
        let first = (column * S) as isize - self.shape.pads[1] as isize;
        // The columns of the input, written out: sums would leave the registers in a loop over
        // them, and where a function is called.
        macro_rules! add {
            ($($at:literal)*) => {$(
                if $at < (PIXELS - 1) * S + K {
                    let x = first + $at as isize;
                    let is_there = !EDGE || (0..self.shape.in_w as isize).contains(&x);
                    let row = |i: usize| {
                        let Some(&(row, mask)) = self.rows.get(i) else { return block.zero };
                        let pixel = row.wrapping_offset(x * channels);
                        let mask = if is_there { mask } else { 0 };
                        // SAFETY: what is masked is not read, and the pixel is inside otherwise.
                        unsafe { _mm512_mask_loadu_epi8(block.zero, mask, pixel.cast()) }
                    };
                    for four in 0..K.div_ceil(DEPTH) {
                        let lanes = interleave([0, 1, 2, 3].map(|i| row(four * DEPTH + i)));
                        for (p, sums) in sums.iter_mut().enumerate() {
                            if let Some(j) = usize::checked_sub($at, p * S) && j < K {
                                let weights = &block.weights[j][four];
                                for (i, sum) in sums.iter_mut().enumerate() {
                                    *sum = _mm512_dpbusd_epi32(*sum, lanes[i], weights[i]);
                                }
                            }
                        }
                    }
                }
            )*};
        }
        add!(0 1 2 3 4 5 6 7 8 9 10);
        for (p, &sums) in sums.iter().enumerate().take(count) {
            let target = target.wrapping_add((column + p) * self.shape.in_c);
            // SAFETY: masked channels are not written.
            unsafe {
                _mm512_mask_storeu_epi8(target.cast(), self.mask, block.finish(sums));
            }
        }
    }
}

impl<const K: usize> Block<K> {
    /// The bytes that the sums of a pixel become, in the order of the channels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn finish(&self, sums: [__m512i; 4]) -> __m512i {
        let [low, high] = self.bounds;
        let mut whole = sums;
        for (i, sum) in whole.iter_mut().enumerate() {
            let y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(*sum), self.scales[i], self.bias[i]);
            *sum = _mm512_cvtps_epi32(y);
        }
        let [a, b, c, d] = whole;
        let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        _mm512_min_epu8(_mm512_max_epu8(bytes, low), high)
    }
}
