//! The range that rounds what was counted with the least sum of squared errors: the trade between
//! elements that saturate and wide steps for all others.

use super::{Histogram, Range};
use crate::quantize::Affine;

/// Widths that are tried for each end: from all of it down to a tenth.
const TRIED: u32 = 90;

/// Sum of the squared errors of rounding to 256 steps of a range.
fn error(histogram: &Histogram, range: Range) -> f64 {
    let affine = Affine::of(range);
    let bins = histogram.bins().map(|bin| {
        let error = f64::from(affine.rounded(bin.center)) - f64::from(bin.center);
        error * error * bin.count as f64
    });
    bins.sum()
}

/// One end after the other is drawn in as far as the error falls.
pub(super) fn range(histogram: &Histogram) -> Range {
    let whole = Range { low: histogram.min.min(0.0), high: histogram.max.max(0.0) };
    let mut best = (error(histogram, whole), whole);
    for moves_high in [true, false, true] {
        let (_, start) = best;
        for share in (1..=TRIED).map(|i| 1.0 - i as f32 / (TRIED + 10) as f32) {
            let tried = match moves_high {
                true => Range { high: whole.high * share, ..start },
                false => Range { low: whole.low * share, ..start },
            };
            let error = error(histogram, tried);
            if error < best.0 {
                best = (error, tried);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_range_of_a_grid_is_better() {
        let mut random = testkit::Random(11);
        let numbers: Vec<f32> = (0..20_000)
            .map(|_| (0..8).map(|_| (random.bits() >> 40) as f32 / 8_388_608.0 - 1.0).sum())
            .chain([12.0])
            .collect();
        let mut histogram = Histogram::default();
        histogram.count(&numbers);
        let found = range(&histogram);
        // Naive: the elements themselves, both ends at once.
        let naive = |range: Range| -> f64 {
            let affine = Affine::of(range);
            numbers.iter().map(|&x| f64::from(affine.rounded(x) - x).powi(2)).sum()
        };
        let ends = (1..=10).map(|i| i as f32 / 10.0);
        let best = ends
            .flat_map(|a| (1..=10).map(move |i| (a, i as f32 / 10.0)))
            .map(|(a, b)| naive(Range { low: histogram.min * a, high: histogram.max * b }))
            .fold(f64::INFINITY, f64::min);
        assert!(naive(found) <= best * 1.02, "{} {best}", naive(found));
    }
}
