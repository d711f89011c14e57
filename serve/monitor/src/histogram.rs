//! Histograms that count whole numbers: two additions without a lock for each observation, since a
//! request makes nine.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most buckets of one histogram, with the one without a bound.
const BUCKETS_MAX: usize = 20;

/// What is counted, in which buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds, exported as seconds: 19 buckets from 0.1 ms (a small tabular model) to 26 s
    /// (past every sensible deadline), each twice the one before, so that a quantile is never wrong
    /// by more than a factor of two.
    Seconds,
    /// 11 buckets from 64 B (one small JSON row) to 64 MiB (twice the largest default body).
    Bytes,
}

/// Counts of observations. Cheap to clone: all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    unit: Unit,
    sum: AtomicU64,
    buckets: [AtomicU64; BUCKETS_MAX],
}

impl Unit {
    /// The bound of the first bucket, the binary logarithm of what each is greater than the one
    /// before, how many have a bound, and what is exported as 1.
    const fn scale(self) -> (u64, u32, usize, f64) {
        match self {
            Unit::Seconds => (100_000, 1, 19, 1e9),
            Unit::Bytes => (64, 2, 11, 1.0),
        }
    }

    /// The first bucket whose bound is not below the value.
    #[inline]
    fn bucket(self, value: u64) -> usize {
        // One match for each unit, so that the division is by a constant.
        let (times, shift, bounds) = match self {
            Unit::Seconds => {
                const SCALE: (u64, u32, usize, f64) = Unit::Seconds.scale();
                (value.saturating_sub(1) / SCALE.0, SCALE.1, SCALE.2)
            }
            Unit::Bytes => {
                const SCALE: (u64, u32, usize, f64) = Unit::Bytes.scale();
                (value.saturating_sub(1) / SCALE.0, SCALE.1, SCALE.2)
            }
        };
        let above = times.checked_ilog2().map_or(0, |bits| bits / shift + 1);
        (above as usize).min(bounds)
    }
}

impl Histogram {
    pub(crate) fn new(unit: Unit) -> Histogram {
        let (sum, buckets) = (AtomicU64::new(0), [const { AtomicU64::new(0) }; BUCKETS_MAX]);
        Histogram(Arc::new(Inner { unit, sum, buckets }))
    }

    /// Counts a value in the unit that is counted.
    #[inline]
    pub(crate) fn observe(&self, value: u64) {
        let Inner { unit, sum, buckets } = &*self.0;
        buckets[unit.bucket(value)].fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(value, Ordering::Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Inner { unit, sum, buckets } = &*self.0;
        let (first, shift, bounds, one) = unit.scale();
        let bound = |index: usize| match index < bounds {
            true => (first << (shift as usize * index)) as f64 / one,
            false => f64::INFINITY,
        };
        let counts: Vec<(f64, u64)> = (0..=bounds)
            .map(|index| (bound(index), buckets[index].load(Ordering::Relaxed)))
            .collect();
        let count = counts.iter().map(|(_, count)| count).sum();
        let sum = sum.load(Ordering::Relaxed) as f64 / one;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &counts, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_bounds_it() {
        let mut random = 1u64;
        for unit in [Unit::Seconds, Unit::Bytes] {
            let (first, shift, bounds, _) = unit.scale();
            let limits: Vec<u64> = (0..bounds).map(|i| first << (shift as usize * i)).collect();
            let expected =
                |value| limits.iter().position(|&limit| value <= limit).unwrap_or(bounds);
            let near = limits.iter().flat_map(|&limit| [limit - 1, limit, limit + 1]);
            for value in near.chain([0, 1, u64::MAX]) {
                assert_eq!(unit.bucket(value), expected(value), "{unit:?} {value}");
            }
            for _ in 0..1000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let value = random >> (random % 64);
                assert_eq!(unit.bucket(value), expected(value), "{unit:?} {value}");
            }
        }
    }
}
