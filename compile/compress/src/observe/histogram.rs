//! How often each magnitude occurs: counts in bins that grow with the range.

/// Bins at most. Between a half and all of them are in use, so that each of the 256 steps of eight
/// bits covers at least eight bins; the counts of one value take 32 KiB.
const BINS: usize = 4096;

/// The smallest width of a bin, as a power of two: below that of the smallest normal float.
const EXPONENT_MIN: i32 = -140;

/// Counts of numbers in bins of equal width. Widths are powers of two and edges multiples of them,
/// so bins are joined in pairs when the range grows, and what is counted does not depend on the
/// order in which numbers come.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// The least number seen.
    pub min: f32,
    /// The greatest number seen.
    pub max: f32,
    /// Width of a bin: two to this power.
    exponent: i32,
    /// The lower edge of the first bin, in widths.
    first: i64,
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        let (min, max) = (f32::INFINITY, f32::NEG_INFINITY);
        Histogram { min, max, exponent: EXPONENT_MIN, first: 0, counts: vec![] }
    }
}

/// A bin that holds something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The number in its middle, held to the range that was seen.
    pub center: f32,
    /// Numbers in it.
    pub count: u64,
}

impl Histogram {
    /// Counts these numbers. Those that are not finite are left out; `false` when there were some.
    pub fn count(&mut self, numbers: &[f32]) -> bool {
        let (mut low, mut high, mut is_finite) = (f32::INFINITY, f32::NEG_INFINITY, true);
        for &x in numbers {
            is_finite &= x.is_finite();
            if x.is_finite() {
                low = low.min(x);
                high = high.max(x);
            }
        }
        if low > high {
            return is_finite;
        }
        self.cover(low.min(self.min), high.max(self.max));
        let per_width = f64::from(-self.exponent).exp2();
        for &x in numbers.iter().filter(|x| x.is_finite()) {
            let bin = (f64::from(x) * per_width).floor() as i64 - self.first;
            self.counts[bin as usize] += 1;
        }
        is_finite
    }

    /// Makes room for this range.
    fn cover(&mut self, min: f32, max: f32) {
        if (min, max) == (self.min, self.max) {
            return;
        }
        (self.min, self.max) = (min, max);
        let edges = |exponent: i32| {
            let per_width = f64::from(-exponent).exp2();
            let edge = |x: f32| (f64::from(x) * per_width).floor() as i64;
            (edge(min), edge(max))
        };
        let widest = f64::from(max).abs().max(f64::from(min).abs()).max(f64::MIN_POSITIVE);
        // No need to look at widths of which not even the greatest number is within 2^62.
        let mut exponent = self.exponent.max(widest.log2() as i32 - 61);
        let (first, last) = loop {
            let (first, last) = edges(exponent);
            if last - first < BINS as i64 {
                break (first, last);
            }
            exponent += 1;
        };
        let mut counts = vec![0; (last - first + 1) as usize];
        let halvings = exponent - self.exponent;
        for (bin, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            counts[(((self.first + bin as i64) >> halvings.min(63)) - first) as usize] += count;
        }
        (self.exponent, self.first, self.counts) = (exponent, first, counts);
    }

    /// Numbers counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bins that hold something, in ascending order.
    pub fn bins(&self) -> impl DoubleEndedIterator<Item = Bin> + '_ {
        let width = f64::from(self.exponent).exp2();
        let held = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        held.map(move |(bin, &count)| {
            let middle = ((self.first + bin as i64) as f64 + 0.5) * width;
            Bin { center: (middle as f32).clamp(self.min, self.max), count }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of many magnitudes and both signs.
    fn numbers(count: usize) -> Vec<f32> {
        let mut random = testkit::Random(7);
        let number = |_| {
            let bits = random.bits();
            let magnitude = ((bits >> 40) % 24) as i32 - 12;
            ((bits & 0xffff) as f32 / 32768.0 - 1.0) * (magnitude as f32).exp2()
        };
        (0..count).map(number).collect()
    }

    #[test]
    fn bins_hold_what_a_list_of_all_numbers_does() {
        let numbers = numbers(5000);
        let mut histogram = Histogram::default();
        for part in numbers.chunks(61) {
            assert!(histogram.count(part));
        }
        assert_eq!(histogram.total(), 5000);
        let width = f64::from(histogram.exponent).exp2();
        for bin in histogram.bins() {
            let low = (f64::from(bin.center) / width).floor() * width;
            let inside = |x: &&f32| (f64::from(**x) / width).floor() * width == low;
            assert_eq!(numbers.iter().filter(inside).count() as u64, bin.count, "at {low}");
        }
        let most = numbers.iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(histogram.max, most);
        assert!(histogram.counts.len() > BINS / 2, "the bins are as fine as there is room for");
    }

    #[test]
    fn the_order_of_numbers_changes_nothing() {
        let mut numbers = numbers(999);
        let mut there = Histogram::default();
        there.count(&numbers);
        numbers.reverse();
        let mut back = Histogram::default();
        numbers.chunks(10).for_each(|part| assert!(back.count(part)));
        assert!(there.bins().eq(back.bins()));
    }

    #[test]
    fn zeros_infinities_and_extremes_are_counted() {
        let mut histogram = Histogram::default();
        assert!(histogram.count(&[0.0, 0.0]));
        assert_eq!(histogram.bins().map(|bin| bin.center).collect::<Vec<_>>(), [0.0]);
        assert!(!histogram.count(&[f32::NAN, f32::INFINITY]));
        assert!(histogram.count(&[f32::MAX, f32::MIN, 1e-40]));
        assert_eq!(histogram.total(), 5);
        assert!(histogram.count(&[]));
    }
}
