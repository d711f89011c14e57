//! Functions along axes of f64, which has no vectors.

use crate::task::{Pieces, SharedMut, Task};

/// A function of the elements along an axis.
#[derive(Debug, Clone, Copy)]
pub enum RowFunction<'a> {
    /// As [`super::Softmax`].
    Softmax {
        /// Is the logarithm wanted?
        is_log: bool,
    },
    /// As [`super::LayerNorm`], with scale and bias of one element for each along the axis.
    LayerNorm {
        /// Factors.
        scale: &'a [f64],
        /// Added last.
        bias: Option<&'a [f64]>,
        /// Added to the variance.
        epsilon: f64,
    },
    /// As [`super::LocalResponseNorm`].
    LocalResponse {
        /// Elements in one sum.
        size: usize,
        /// Scale of the sum, exponent and offset.
        parameters: [f64; 3],
    },
}

/// The function along the axis of `input[outer][axis][inner]`.
#[derive(Debug)]
pub struct ScalarRows<'a> {
    function: RowFunction<'a>,
    axis: usize,
    inner: usize,
    input: &'a [f64],
    out: SharedMut<'a, f64>,
    /// Outer indices.
    pieces: Pieces,
}

impl<'a> ScalarRows<'a> {
    /// `input` and `out`: `outer * axis * inner` elements.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn new(
        function: RowFunction<'a>,
        [outer, axis, inner]: [usize; 3],
        input: &'a [f64],
        out: SharedMut<'a, f64>,
    ) -> ScalarRows<'a> {
        let len = tensor::element_count(&[outer, axis, inner]);
        assert_eq!(Some(input.len()), len, "input: outer * axis * inner elements expected");
        assert_eq!(out.len(), input.len(), "input and output differ in length");
        if let RowFunction::LayerNorm { scale, bias, .. } = function {
            assert_eq!(scale.len(), axis, "scale: one element for each along the axis expected");
            assert!(bias.is_none_or(|bias| bias.len() == axis), "bias: as the scale");
        }
        let block = axis * inner;
        let outer = if block == 0 { 0 } else { outer };
        let pieces = Pieces::of_size(outer, super::PIECE_WORK / block.max(1));
        ScalarRows { function, axis, inner, input, out, pieces }
    }
}

impl Task for ScalarRows<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let block = self.axis * self.inner;
        for outer in self.pieces.range(task) {
            let range = outer * block..(outer + 1) * block;
            let input = &self.input[range.clone()];
            // SAFETY: blocks do not overlap; the caller vouches for the output.
            let out = unsafe { self.out.part(range) };
            for column in 0..self.inner {
                let row = Row { input, count: self.axis, column, stride: self.inner };
                row.apply(self.function, |i, y| out[column + i * self.inner] = y);
            }
        }
    }
}

/// The elements along the axis of one column.
#[derive(Clone, Copy)]
struct Row<'a> {
    input: &'a [f64],
    count: usize,
    column: usize,
    stride: usize,
}

impl Row<'_> {
    fn at(&self, i: usize) -> f64 {
        self.input[self.column + i * self.stride]
    }

    fn sum(&self, term: impl Fn(f64) -> f64) -> f64 {
        (0..self.count).map(|i| term(self.at(i))).sum()
    }

    fn apply(&self, function: RowFunction<'_>, mut store: impl FnMut(usize, f64)) {
        match function {
            RowFunction::Softmax { is_log } => {
                let larger = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
                let largest = (0..self.count).map(|i| self.at(i)).fold(f64::NEG_INFINITY, larger);
                let sum = self.sum(|x| (x - largest).exp());
                for i in 0..self.count {
                    let x = self.at(i) - largest;
                    store(i, if is_log { x - sum.ln() } else { x.exp() / sum });
                }
            }
            RowFunction::LayerNorm { scale, bias, epsilon } => {
                let mean = self.sum(|x| x) / self.count as f64;
                let variance = self.sum(|x| (x - mean) * (x - mean)) / self.count as f64;
                let deviation = (variance + epsilon).sqrt();
                for (i, scale) in scale.iter().enumerate() {
                    let y = (self.at(i) - mean) / deviation * scale;
                    store(i, y + bias.map_or(0.0, |bias| bias[i]));
                }
            }
            RowFunction::LocalResponse { size, parameters: [alpha, beta, bias] } => {
                for i in 0..self.count {
                    let last = i.saturating_add(size / 2).min(self.count - 1);
                    let window = i.saturating_sub((size - 1) / 2)..=last;
                    let sum: f64 = window.map(|j| self.at(j) * self.at(j)).sum();
                    store(i, self.at(i) / (bias + alpha / size as f64 * sum).powf(beta));
                }
            }
        }
    }
}
