//! The range of everything that was seen: nothing saturates, and one outlier widens every step.

use super::{Histogram, Range};

pub(super) fn range(histogram: &Histogram) -> Range {
    Range { low: histogram.min, high: histogram.max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_exact_though_the_bins_are_not() {
        let mut histogram = Histogram::default();
        histogram.count(&[-0.7, 1000.3, 3.0]);
        assert_eq!(range(&histogram), Range { low: -0.7, high: 1000.3 });
    }
}
