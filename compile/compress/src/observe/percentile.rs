//! The range without the outermost elements of either sign.

use super::{Histogram, Range};

/// Of how many elements one saturates at either end. That share is the usual one for convolutional
/// networks: a tenth of it clips nothing, ten times it clips what decides.
const ONE_OF: u64 = 10_000;

pub(super) fn range(histogram: &Histogram) -> Range {
    let dropped = histogram.total() / ONE_OF;
    let end = |bins: &mut dyn Iterator<Item = super::Bin>, outermost: f32| {
        let mut passed = 0;
        for bin in bins {
            passed += bin.count;
            if passed > dropped {
                return if passed == bin.count { outermost } else { bin.center };
            }
        }
        outermost
    };
    Range {
        low: end(&mut histogram.bins(), histogram.min),
        high: end(&mut histogram.bins().rev(), histogram.max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by sorting.
    fn naive(numbers: &[f32]) -> Range {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f32::total_cmp);
        let dropped = sorted.len() / ONE_OF as usize;
        Range { low: sorted[dropped], high: sorted[sorted.len() - 1 - dropped] }
    }

    #[test]
    fn it_is_that_of_sorting_within_a_bin() {
        let mut random = testkit::Random(3);
        let mut numbers: Vec<f32> =
            (0..50_000).map(|_| (random.bits() >> 40) as f32 / 16_777_216.0).collect();
        numbers[17] = 90.0;
        numbers[18] = -40.0;
        let mut histogram = Histogram::default();
        histogram.count(&numbers);
        let (found, expected) = (range(&histogram), naive(&numbers));
        let bin = 130.0 / 2048.0;
        assert!((found.low - expected.low).abs() <= bin, "{found:?} {expected:?}");
        assert!((found.high - expected.high).abs() <= bin, "{found:?} {expected:?}");
    }

    #[test]
    fn of_few_elements_all_are_kept() {
        let mut histogram = Histogram::default();
        histogram.count(&[-1.0, 0.25, 2.5]);
        assert_eq!(range(&histogram), Range { low: -1.0, high: 2.5 });
    }
}
