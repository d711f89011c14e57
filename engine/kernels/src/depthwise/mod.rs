//! Depthwise convolution of channels-last (NHWC) images: each channel has its own kernel.

pub(crate) mod catalogue;
mod generic;
#[cfg(target_arch = "x86_64")]
mod x86_bf16;
#[cfg(target_arch = "x86_64")]
mod x86_vnni;

use crate::conv::ConvShape;
use crate::elementwise::activate;
use crate::floats::check_types;
use crate::matmul::{Clamp, Epilogue};
use crate::task::{Pieces, Task};
use crate::{Floats, FloatsMut};
use simd::{Isa, Token};

/// The weights of a depthwise convolution, `[kernel row][kernel column][channel]`.
#[derive(Debug, Clone, Copy)]
pub enum Taps<'a> {
    /// See [`pack_weights`].
    F32(&'a [f32]),
    /// Integers of 8 bits beside an input of bytes.
    Int8 {
        /// The integers: their products and sums are exact in f32, and so the same on every ISA.
        weights: &'a [f32],
        /// A factor of the sums of each channel, before the bias.
        scales: &'a [f32],
        /// What stands for zero in the input, padding too. It is no part of the bias.
        zero: u8,
    },
}

/// Taps whose products of bytes have an exact sum in f32.
pub const INT8_TAPS_MAX: usize = (1 << 24) / (255 * 128);

impl<'a> Taps<'a> {
    fn weights(self) -> &'a [f32] {
        match self {
            Taps::F32(weights) | Taps::Int8 { weights, .. } => weights,
        }
    }

    /// The bounds of results that each sum so many products.
    fn clamp(self, epilogue: &Epilogue<'_>, depth: usize) -> Clamp {
        match self {
            Taps::F32(_) => Clamp::of(epilogue.activation),
            Taps::Int8 { scales, .. } => Clamp::of_bytes(epilogue, depth, scales),
        }
    }

    /// What stands for zero in the input.
    fn zero(self) -> f32 {
        match self {
            Taps::F32(_) => 0.0,
            Taps::Int8 { zero, .. } => f32::from(zero),
        }
    }
}

/// `out[N][OH][OW][C] = activation(sum over taps of input * weights[tap][C] + bias + residual)`.
#[derive(Debug)]
pub struct Depthwise<'a> {
    token: Token,
    shape: ConvShape,
    input: Floats<'a>,
    taps: Taps<'a>,
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: FloatsMut<'a>,
    pieces: Pieces,
    /// Are several taps multiplied in one lane?
    is_packed: bool,
}

/// Multiply-adds of a piece, which is some rows of the output.
const PIECE_WORK: usize = 1 << 16;
/// As [`PIECE_WORK`], where weights are put into lanes once for each piece.
const PIECE_WORK_PACKED: usize = 1 << 18;

impl<'a> Depthwise<'a> {
    /// `shape`: with `groups == in_c == out_c`. Input, residual and output are all f32, all bf16,
    /// or all bytes, beside which an output may be f32.
    ///
    /// # Panics
    /// When a length or a type does not fit, the shape is no depthwise convolution, or this CPU
    /// has no `isa`.
    pub fn new(
        isa: Isa,
        shape: &ConvShape,
        input: impl Into<Floats<'a>>,
        taps: Taps<'a>,
        epilogue: Epilogue<'a>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Depthwise<'a> {
        let (input, out) = (input.into(), out.into());
        check(shape, input, taps, &epilogue, out);
        check_depthwise(shape);
        shape.check(input.len(), out.len());
        epilogue.check(shape.out_c, out.len());
        let row = shape.out_w * shape.in_c * shape.taps();
        let clamp = taps.clamp(&epilogue, shape.taps());
        let is_packed = is_packed(isa, shape, input, (&epilogue, &clamp), out);
        let work = if is_packed { PIECE_WORK_PACKED } else { PIECE_WORK };
        let pieces = Pieces::of_size(shape.batch * shape.out_h, work.div_ceil(row.max(1)));
        let token = isa.require();
        let shape = *shape;
        Depthwise { token, shape, input, taps, epilogue, clamp, out, pieces, is_packed }
    }
}

/// Does this CPU have products of several taps for such a convolution?
#[cfg(target_arch = "x86_64")]
fn is_packed(
    isa: Isa,
    shape: &ConvShape,
    input: Floats<'_>,
    (epilogue, clamp): (&Epilogue<'_>, &Clamp),
    out: FloatsMut<'_>,
) -> bool {
    match input {
        Floats::F32(_) => false,
        Floats::Bf16(_) => x86_bf16::is_possible(isa, shape, epilogue.residual.is_some()),
        Floats::U8(_) => x86_vnni::is_possible(isa, shape, epilogue, clamp, out),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn is_packed(
    _: Isa,
    _: &ConvShape,
    _: Floats<'_>,
    _: (&Epilogue<'_>, &Clamp),
    _: FloatsMut<'_>,
) -> bool {
    false
}

/// Columns of a line of the output, at most so many at a time: the first, their number, and whether
/// they are as many and none of them sees padding at the sides.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn spans(shape: &ConvShape, most: usize) -> impl Iterator<Item = (usize, usize, bool)> {
    (0..shape.out_w).step_by(most).map(move |column| {
        let count = (shape.out_w - column).min(most);
        let is_inside = count == most
            && shape.source(1, column, 0).is_some()
            && shape.source(1, column + most - 1, shape.kernel[1] - 1).is_some();
        (column, count, is_inside)
    })
}

/// The rows of the input under a line of all output lines: where they begin at a channel, and which
/// channels are read of them, `mask` or none.
#[cfg(target_arch = "x86_64")]
fn rows<T, M: Copy + Default, const K: usize>(
    shape: &ConvShape,
    input: &[T],
    line: usize,
    channel: usize,
    mask: M,
) -> [(*const T, M); K] {
    let (image, line) = (line / shape.out_h, line % shape.out_h);
    std::array::from_fn(|i| match shape.source(0, line, i) {
        Some(y) => {
            let start = (image * shape.in_h + y) * shape.in_w * shape.in_c + channel;
            (input.as_ptr().wrapping_add(start), mask)
        }
        None => (input.as_ptr(), M::default()),
    })
}

/// # Panics
/// When types do not go together, or weights have another length.
fn check(
    shape: &ConvShape,
    input: Floats<'_>,
    taps: Taps<'_>,
    epilogue: &Epilogue<'_>,
    out: FloatsMut<'_>,
) {
    assert_eq!(taps.weights().len(), shape.taps() * shape.in_c, "weights: wrong length");
    let Taps::Int8 { scales, .. } = taps else {
        assert!(input.size() > 1, "bytes have integers for weights");
        return check_types(input, epilogue.residual, out);
    };
    let is_of_bytes = input.size() == 1 && out.size() != 2;
    assert!(is_of_bytes, "integers are weights of bytes, and give bytes or f32");
    let is_bounded = out.size() > 1 || Clamp::of(epilogue.activation).rest.is_none();
    assert!(is_bounded, "an activation that is more than bounds gives f32");
    assert!(epilogue.residual.is_none_or(|of| of.size() != 2), "no residual of bf16 here");
    assert_eq!(scales.len(), shape.in_c, "scales: one for each channel expected");
    assert!(shape.taps() <= INT8_TAPS_MAX, "sums of so many products are not exact");
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
            (Floats::Bf16(input), FloatsMut::Bf16(out)) if self.is_packed => {
                // SAFETY: as the constructor found out; the caller vouches for the output.
                unsafe { x86_bf16::run(self, input, out, lines.clone()) };
            }
            (Floats::Bf16(input), FloatsMut::Bf16(out)) => {
                for line in lines.clone() {
                    self.token.run_in_bf16(generic::Line { call: self, line, input, out });
                }
            }
            #[cfg(target_arch = "x86_64")]
            (Floats::U8(input), FloatsMut::U8(out)) if self.is_packed => {
                // SAFETY: as the constructor found out; the caller vouches for the output.
                unsafe { x86_vnni::run(self, input, out, lines.clone()) };
            }
            (Floats::U8(input), FloatsMut::U8(out)) => {
                for line in lines.clone() {
                    self.token.run(generic::Line { call: self, line, input, out });
                }
            }
            (Floats::U8(input), FloatsMut::F32(out)) => {
                for line in lines.clone() {
                    self.token.run(generic::Line { call: self, line, input, out });
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
