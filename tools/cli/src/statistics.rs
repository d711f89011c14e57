//! Summaries of measurements.

use serde::Serialize;
use std::time::Duration;

/// Latencies of many runs, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    /// The fastest.
    pub(crate) min_ms: f64,
    /// 10 of 100 are faster.
    pub(crate) p10_ms: f64,
    /// Half are faster.
    pub(crate) median_ms: f64,
    /// 90 of 100 are faster.
    pub(crate) p90_ms: f64,
    /// 95 of 100 are faster.
    pub(crate) p95_ms: f64,
    /// 99 of 100 are faster.
    pub(crate) p99_ms: f64,
}

impl Latency {
    /// Of at least one time.
    pub(crate) fn of(times: &[Duration]) -> Latency {
        let mut ms: Vec<f64> = times.iter().map(|t| t.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        Latency {
            min_ms: ms.first().copied().unwrap_or(0.0),
            p10_ms: quantile(&ms, 0.1),
            median_ms: quantile(&ms, 0.5),
            p90_ms: quantile(&ms, 0.9),
            p95_ms: quantile(&ms, 0.95),
            p99_ms: quantile(&ms, 0.99),
        }
    }
}

/// The middle one of at least one value; sorts them.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The smallest of the sorted values that is at least as large as this share of them.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

/// A share with its bounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Share {
    /// How many.
    pub(crate) right: usize,
    /// Of how many.
    pub(crate) of: usize,
    /// The share.
    pub(crate) share: f64,
    /// Lower 95 % bound of what it would be on more data of the same kind.
    pub(crate) low: f64,
    /// Upper 95 % bound.
    pub(crate) high: f64,
}

/// 97.5 % quantile of the normal distribution: 95 % lie within its bounds on both sides.
const Z: f64 = 1.959_964;

impl Share {
    /// With Wilson's score interval, which stays within 0 and 1 and is fit for small counts.
    /// Source: E. B. Wilson, Probable Inference, JASA 22 (1927).
    pub(crate) fn of(right: usize, of: usize) -> Share {
        if of == 0 {
            return Share { right, of, share: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, p) = (of as f64, right as f64 / of as f64);
        let center = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        let low = ((center - spread) / scale).max(0.0);
        Share { right, of, share: p, low, high: ((center + spread) / scale).min(1.0) }
    }
}

/// `82.35 % (126 of 153, 95 % bounds 75.5 to 87.6 %)`
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Share { right, of, share, low, high } = self;
        let (share, low, high) = (share * 100.0, low * 100.0, high * 100.0);
        write!(f, "{share:.2} % ({right} of {of}, 95 % bounds {low:.1} to {high:.1} %)")
    }
}

/// The most memory that this process has held, in bytes; only Linux tells.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(&times);
        let Latency { min_ms, p10_ms, median_ms, p90_ms, p95_ms, p99_ms } = latency;
        assert_eq!([min_ms, p10_ms, median_ms], [1.0, 10.0, 50.0]);
        assert_eq!([p90_ms, p95_ms, p99_ms], [90.0, 95.0, 99.0]);
        let one = Latency::of(&[Duration::from_millis(7)]);
        assert_eq!([one.min_ms, one.p99_ms], [7.0, 7.0]);
    }

    #[test]
    fn bounds_are_those_of_wilson() {
        // From the worked example in A. Agresti, Categorical Data Analysis: 0 of 25.
        let share = Share::of(0, 25);
        assert!(share.low.abs() < 1e-12 && (share.high - 0.1332).abs() < 1e-4, "{share}");
        let text = "82.35 % (126 of 153, 95 % bounds 75.5 to 87.6 %)";
        assert_eq!(Share::of(126, 153).to_string(), text);
    }
}
