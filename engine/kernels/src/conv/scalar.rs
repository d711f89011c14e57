//! Convolution of the types that have no vectors.

use super::ConvShape;
use crate::Number;
use crate::task::{Pieces, SharedMut, Task};

/// `out[N][OH][OW][OC] = conv(input[N][H][W][C], weights[OC][KH][KW][C / groups]) + bias[OC]`.
#[derive(Debug)]
pub struct ScalarConv<'a, T> {
    shape: ConvShape,
    input: &'a [T],
    weights: &'a [T],
    bias: Option<&'a [T]>,
    out: SharedMut<'a, T>,
    /// Output pixels.
    pieces: Pieces,
}

/// Multiply-adds of a piece, about.
const PIECE_WORK: usize = 1 << 16;

impl<'a, T: Number> ScalarConv<'a, T> {
    /// # Panics
    /// When a length does not fit the shape, or the shape is impossible.
    pub fn new(
        shape: &ConvShape,
        input: &'a [T],
        weights: &'a [T],
        bias: Option<&'a [T]>,
        out: SharedMut<'a, T>,
    ) -> ScalarConv<'a, T> {
        shape.check(input.len(), out.len());
        let counted = tensor::element_count(&[shape.out_c, shape.taps(), shape.group_in()]);
        assert_eq!(Some(weights.len()), counted, "weights: OC * taps * C / groups expected");
        assert!(bias.is_none_or(|bias| bias.len() == shape.out_c), "bias: OC elements expected");
        let work = shape.depth().saturating_mul(shape.out_c).max(1);
        let pieces = Pieces::of_size(shape.out_pixels(), PIECE_WORK / work);
        ScalarConv { shape: *shape, input, weights, bias, out, pieces }
    }

    fn pixel(&self, pixel: usize, sums: &mut [T]) {
        let shape = &self.shape;
        let (line, column) = (pixel / shape.out_w, pixel % shape.out_w);
        let (image, line) = (line / shape.out_h, line % shape.out_h);
        for (channel, sum) in sums.iter_mut().enumerate() {
            *sum = self.bias.map_or(T::ZERO, |bias| bias[channel]);
        }
        let (depth, width) = (shape.depth(), shape.group_in());
        for i in 0..shape.kernel[0] {
            let Some(y) = shape.source(0, line, i) else { continue };
            for j in 0..shape.kernel[1] {
                let Some(x) = shape.source(1, column, j) else { continue };
                let start = ((image * shape.in_h + y) * shape.in_w + x) * shape.in_c;
                let tap = (i * shape.kernel[1] + j) * width;
                for (channel, sum) in sums.iter_mut().enumerate() {
                    let group = channel / shape.group_out();
                    let inputs = &self.input[start + group * width..][..width];
                    let weights = &self.weights[channel * depth + tap..][..width];
                    for (&x, &w) in inputs.iter().zip(weights) {
                        *sum = sum.plus(x.times(w));
                    }
                }
            }
        }
    }
}

impl<T: Number> Task for ScalarConv<'_, T> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let channels = self.shape.out_c;
        for pixel in self.pieces.range(task) {
            // SAFETY: pixels do not overlap; the caller vouches for the output.
            let sums = unsafe { self.out.part(pixel * channels..(pixel + 1) * channels) };
            self.pixel(pixel, sums);
        }
    }
}
