//! Numbers to integers of 8 bits that stand for them, and back: affine quantization.
//!
//! Elements are rows that share a scale and a zero point: `[outer][channel][inner]`, with one of
//! each, or one of each channel. Signed integers are unsigned ones less half of what there are, so
//! that a turned sign bit is all that they differ by.

pub(crate) mod catalogue;
mod sum;

pub use sum::{Sum, SumParameters};

use crate::floats::map;
use crate::task::{Pieces, SharedMut, Task};
use simd::{F32Vector, Isa, Token, Vectorize};
use std::ops::Range;
use tensor::DType;

/// Elements of a piece.
const PIECE: usize = 1 << 14;
/// Bytes that are made unsigned at a time.
const BLOCK: usize = 256;

/// Scales and zero points of rows of elements.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// Outer size, channels, inner size.
    pub sizes: [usize; 3],
    /// One, or one for each channel.
    pub scales: &'a [f32],
    /// As many, as the integers.
    pub zeros: &'a [u8],
    /// The integers: `u8`, `i8`, or `u4` or `i4`, each in a byte of its own.
    pub dtype: DType,
}

/// A run of elements with one scale and zero point.
struct Run {
    range: Range<usize>,
    scale: f32,
    /// Of unsigned integers.
    zero: f32,
}

impl Parameters<'_> {
    /// The number of elements.
    ///
    /// # Panics
    /// When it does not fit in a `usize`, or parameters do not fit.
    fn count(&self) -> usize {
        let is_integer = matches!(self.dtype, DType::U8 | DType::I8 | DType::U4 | DType::I4);
        assert!(is_integer, "integers of 8 or 4 bits expected, found {}", self.dtype);
        let [outer, channels, inner] = self.sizes;
        let count = self.scales.len();
        assert!(count == 1 || count == channels, "one scale, or one for each channel expected");
        assert_eq!(self.zeros.len(), count, "as many zero points as scales expected");
        tensor::element_count(&[outer, channels, inner]).expect("the elements fit in memory")
    }

    /// What the elements of a range share scales by.
    fn runs(&self, range: Range<usize>) -> impl Iterator<Item = Run> {
        let [_, channels, inner] = self.sizes;
        let each = if self.scales.len() == 1 { usize::MAX } else { inner };
        let mut start = range.start;
        std::iter::from_fn(move || {
            if start >= range.end {
                return None;
            }
            let row = start / each;
            let end = (row + 1).saturating_mul(each).min(range.end);
            let channel = if self.scales.len() == 1 { 0 } else { row % channels };
            let zero = f32::from(unsigned(self.dtype, self.zeros[channel]));
            let run = Run { range: start..end, scale: self.scales[channel], zero };
            start = end;
            Some(run)
        })
    }
}

/// `out[i] = saturate(round(input[i] / scale) + zero)`, ties to even; what is not a number becomes
/// the least integer.
#[derive(Debug)]
pub struct Quantize<'a> {
    token: Token,
    parameters: Parameters<'a>,
    input: &'a [f32],
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> Quantize<'a> {
    /// `out`: as many bytes as there are elements.
    ///
    /// # Panics
    /// When a length does not fit, the integers have 4 bits, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        parameters: Parameters<'a>,
        input: &'a [f32],
        out: SharedMut<'a, u8>,
    ) -> Quantize<'a> {
        assert!(matches!(parameters.dtype, DType::U8 | DType::I8), "bytes expected");
        let pieces = pieces(&parameters, input.len(), out.len());
        Quantize { token: isa.require(), parameters, input, out, pieces }
    }
}

impl Task for Quantize<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let range = self.pieces.range(task);
        for run in self.parameters.runs(range.clone()) {
            let input = &self.input[run.range.clone()];
            let target = self.out.as_mut_ptr().wrapping_add(run.range.start);
            self.token.run(ToBytes { input, scale: run.scale, zero: run.zero, target });
        }
        if self.parameters.dtype == DType::I8 {
            // SAFETY: the caller vouches for the output; pieces are disjoint.
            unsafe { self.out.part(range) }.iter_mut().for_each(|byte| *byte ^= 0x80);
        }
    }
}

/// `out[i] = (input[i] - zero) * scale`.
#[derive(Debug)]
pub struct Dequantize<'a> {
    token: Token,
    parameters: Parameters<'a>,
    input: &'a [u8],
    out: SharedMut<'a, f32>,
    pieces: Pieces,
}

impl<'a> Dequantize<'a> {
    /// `out`: as many floats as there are integers.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        parameters: Parameters<'a>,
        input: &'a [u8],
        out: SharedMut<'a, f32>,
    ) -> Dequantize<'a> {
        let pieces = pieces(&parameters, input.len(), out.len());
        Dequantize { token: isa.require(), parameters, input, out, pieces }
    }
}

impl Task for Dequantize<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let (mut turned, dtype) = ([0u8; BLOCK], self.parameters.dtype);
        for run in self.parameters.runs(self.pieces.range(task)) {
            for start in run.range.clone().step_by(BLOCK) {
                let mut input = &self.input[start..run.range.end.min(start + BLOCK)];
                if dtype != DType::U8 {
                    let turned = &mut turned[..input.len()];
                    turned.iter_mut().zip(input).for_each(|(to, &x)| *to = unsigned(dtype, x));
                    input = turned;
                }
                let target = self.out.as_mut_ptr().wrapping_add(start);
                self.token.run(ToFloats { input, scale: run.scale, zero: run.zero, target });
            }
        }
    }
}

/// The unsigned integer that stands where this one does among those of its type.
#[inline(always)]
fn unsigned(dtype: DType, byte: u8) -> u8 {
    match dtype {
        DType::I8 => byte ^ 0x80,
        DType::U4 => byte & 0xf,
        DType::I4 => (byte & 0xf) ^ 8,
        _ => byte,
    }
}

/// # Panics
/// When lengths or parameters do not fit.
fn pieces(parameters: &Parameters<'_>, input: usize, out: usize) -> Pieces {
    let count = parameters.count();
    assert_eq!(input, count, "input: one element for each place expected");
    assert_eq!(out, count, "result: one element for each place expected");
    Pieces::of_size(count, PIECE)
}

/// Writes as many bytes as there are floats, which the caller vouches for.
struct ToBytes<'a> {
    input: &'a [f32],
    scale: f32,
    zero: f32,
    target: *mut u8,
}

impl Vectorize for ToBytes<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the CPU has the ISA; as many bytes as floats can be written.
        unsafe {
            let (scale, zero) = (V::splat(self.scale), V::splat(self.zero));
            let quantized = |x: V| x.div(scale).round_even().add(zero);
            map(self.input.as_ptr(), self.target, self.input.len(), quantized);
        }
    }
}

/// Writes as many floats as there are bytes, which the caller vouches for.
struct ToFloats<'a> {
    input: &'a [u8],
    scale: f32,
    zero: f32,
    target: *mut f32,
}

impl Vectorize for ToFloats<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the CPU has the ISA; as many floats as bytes can be written.
        unsafe {
            let (scale, zero) = (V::splat(self.scale), V::splat(self.zero));
            let number = |x: V| x.sub(zero).mul(scale);
            map(self.input.as_ptr(), self.target, self.input.len(), number);
        }
    }
}

#[cfg(test)]
mod tests;
