//! Integers of one scale for each output channel, as many steps on either side of zero.

use super::Rows;
use super::rows::as_taken;
use crate::layers::Site;
use crate::{Clip, CompressError};
use ir::{Graph, Op, ValueId};
use tensor::{DType, Tensor};

/// How far a scale is drawn in, at most, in hundredths of the largest weight.
const DRAWN_IN: u32 = 60;

/// The scale of each row, and the outermost integer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Symmetric {
    pub(crate) scales: Vec<f32>,
    pub(crate) last: f32,
}

impl Symmetric {
    /// The scales of integers of so many bits.
    pub(crate) fn of(rows: &Rows, bits: u32, clip: Clip) -> Symmetric {
        let last = ((1u32 << (bits - 1)) - 1) as f32;
        Symmetric { scales: rows.iter().map(|row| scale(row, last, clip)).collect(), last }
    }

    /// The nearest integers, row after row.
    pub(crate) fn nearest(&self, rows: &Rows) -> Vec<i8> {
        let rows = rows.iter().zip(&self.scales);
        rows.flat_map(|(row, &scale)| row.iter().map(move |&w| self.integer(w, scale))).collect()
    }

    fn integer(&self, w: f32, scale: f32) -> i8 {
        (w / scale).round_ties_even().clamp(-self.last, self.last) as i8
    }

    /// The type of the integers.
    pub(crate) fn dtype(&self) -> DType {
        if self.last < 8.0 { DType::I4 } else { DType::I8 }
    }
}

/// The scale of one row.
fn scale(row: &[f32], last: f32, clip: Clip) -> f32 {
    let largest = row.iter().fold(0.0f32, |most, w| most.max(w.abs()));
    let whole = largest / last;
    if !whole.is_normal() {
        return 1.0;
    }
    match clip {
        Clip::MinMax => whole,
        Clip::SquaredError => {
            let tried = (0..=DRAWN_IN).map(|i| whole * (1.0 - i as f32 / 100.0));
            let best = tried
                .map(|scale| (squared_error(row, scale, last), scale))
                .fold((f64::INFINITY, whole), |a, b| if b.0 < a.0 { b } else { a });
            best.1
        }
    }
}

/// Sums that are added up side by side, so that vectors of any width do it to the same bits.
const LANES: usize = 16;

/// What is lost of a row that is rounded to integers of a scale.
fn squared_error(row: &[f32], scale: f32, last: f32) -> f64 {
    // Of numbers below 2^22, adding and taking away this leaves the nearest integers, ties to even:
    // without a call for each as of CPUs that have no instruction for it.
    const ROUNDED: f32 = (3u32 << 22) as f32;
    let reciprocal = 1.0 / scale;
    let square = |w: f32| {
        let step = (w * reciprocal).clamp(-last, last) + ROUNDED - ROUNDED;
        let error = step * scale - w;
        error * error
    };
    // Short sums in f32, and few of them in f64.
    let of_part = |part: &[f32]| {
        let mut sums = [0.0f32; LANES];
        let chunks = part.chunks_exact(LANES);
        for (sum, &w) in sums.iter_mut().zip(chunks.remainder()) {
            *sum = square(w);
        }
        for chunk in chunks {
            for (sum, &w) in sums.iter_mut().zip(chunk) {
                *sum += square(w);
            }
        }
        f64::from(sums.iter().sum::<f32>())
    };
    row.chunks(256).map(of_part).sum()
}

/// Adds integers, row after row, of one scale a row, and the floats that are made of them.
pub(crate) fn per_channel(
    graph: &mut Graph,
    site: &Site,
    symmetric: &Symmetric,
    integers: &[i8],
) -> Result<ValueId, CompressError> {
    let taken = as_taken(site, integers);
    let dtype = symmetric.dtype();
    let stored = Tensor::from_bytes(dtype, &site.shape, bytemuck::cast_slice(&taken))?;
    dequantized(graph, &site.name, stored, &symmetric.scales, site.channel_axis())
}

/// Adds integers with scales along an axis, and the floats that are made of them.
pub(super) fn dequantized(
    graph: &mut Graph,
    name: &str,
    integers: Tensor,
    scales: &[f32],
    axis: usize,
) -> Result<ValueId, CompressError> {
    let zeros = Tensor::zeros(integers.dtype(), &[scales.len()])?;
    let integers = graph.constant(&format!("{name}.weights.quantized"), integers);
    let scales = Tensor::from_slice(&[scales.len()], scales)?;
    let scales = graph.constant(&format!("{name}.weights.scale"), scales);
    let zeros = graph.constant(&format!("{name}.weights.zero"), zeros);
    let op = Op::Dequantize { axis };
    Ok(graph.add(&format!("{name}.weights"), op, &[integers, scales, zeros])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seed: u64, depth: usize, channels: usize) -> Rows {
        let mut random = testkit::Random(seed);
        let number = |_| {
            let sum: f32 = (0..6).map(|_| (random.bits() >> 40) as f32 / 8_388_608.0 - 1.0).sum();
            sum * sum * sum
        };
        Rows { depth, numbers: (0..depth * channels).map(number).collect() }
    }

    #[test]
    fn the_squared_error_is_that_of_an_exhaustive_search() {
        let rows = rows(9, 300, 5);
        for bits in [4, 8] {
            let found = Symmetric::of(&rows, bits, Clip::SquaredError);
            for (row, &scale) in rows.iter().zip(&found.scales) {
                let error = |scale: f32| -> f64 {
                    let integers = row.iter().map(|&w| found.integer(w, scale));
                    let errors = row.iter().zip(integers).map(|(&w, q)| f32::from(q) * scale - w);
                    errors.map(|e| f64::from(e) * f64::from(e)).sum()
                };
                let largest = row.iter().fold(0.0f32, |most, w| most.max(w.abs()));
                let naive = (1..=2000).map(|i| error(largest / found.last * i as f32 / 2000.0));
                let naive = naive.fold(f64::INFINITY, f64::min);
                assert!(error(scale) <= naive * 1.05, "{bits} bits: {} {naive}", error(scale));
            }
        }
    }

    #[test]
    fn the_largest_weight_is_the_last_integer_and_zeros_have_a_scale() {
        let rows = Rows { depth: 3, numbers: vec![0.1, -12.7, 3.0, 0.0, 0.0, 0.0] };
        let symmetric = Symmetric::of(&rows, 8, Clip::MinMax);
        assert_eq!(symmetric.nearest(&rows), [1, -127, 30, 0, 0, 0]);
    }
}
