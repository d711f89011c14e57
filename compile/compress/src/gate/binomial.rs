//! The binomial distribution: how many of `n` independent samples have a property of probability
//! `p`.

use statrs::function::beta::checked_beta_reg;
use statrs::function::gamma::ln_gamma;

/// The probability of at most `k`, which may be negative or more than `n`.
pub(super) fn at_most(k: i64, n: u64, p: f64) -> f64 {
    if k < 0 {
        return 0.0;
    }
    if k as u64 >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // Identity of binomial sums and the incomplete beta function: DLMF 8.17.5.
    checked_beta_reg((n - k as u64) as f64, k as f64 + 1.0, 1.0 - p).unwrap_or(1.0)
}

/// The probability of exactly `k`.
pub(super) fn exactly(k: u64, n: u64, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        let certain = if p <= 0.0 { 0 } else { n };
        return f64::from(u8::from(k == certain));
    }
    let ln_choose =
        ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
    (ln_choose + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp()
}

/// The largest `p` under which at most `k` of `n` still has the probability `error`: the upper
/// bound of Clopper and Pearson, Biometrika 26 (1934).
pub(super) fn upper_bound(k: u64, n: u64, error: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    let (mut low, mut high) = (k as f64 / n as f64, 1.0);
    // Halving 60 times leaves less than what f64 tells apart; the upper end is the safe one.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if at_most(k as i64, n, middle) > error { low = middle } else { high = middle }
    }
    high
}

/// The smallest `k` that is exceeded with a probability of at most `error`.
pub(super) fn upper_quantile(n: u64, p: f64, error: f64) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if at_most(middle as i64, n, p) >= 1.0 - error { high = middle } else { low = middle + 1 }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums as the definition says, in doubles.
    fn naive_at_most(k: u64, n: u64, p: f64) -> f64 {
        let mut choose = 1.0;
        let mut sum = 0.0;
        for i in 0..=k {
            sum += choose * p.powi(i as i32) * (1.0 - p).powi((n - i) as i32);
            choose *= (n - i) as f64 / (i + 1) as f64;
        }
        sum
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        for n in [1, 2, 7, 30, 60] {
            for p in [0.001, 0.05, 0.5, 0.93] {
                for k in 0..n {
                    let (found, expected) = (at_most(k as i64, n, p), naive_at_most(k, n, p));
                    assert!((found - expected).abs() < 1e-10, "{k} of {n} at {p}");
                    let before = if k == 0 { 0.0 } else { naive_at_most(k - 1, n, p) };
                    assert!((exactly(k, n, p) - (expected - before)).abs() < 1e-10);
                }
            }
        }
        assert_eq!([at_most(-1, 9, 0.5), at_most(9, 9, 0.5), at_most(3, 9, 0.0)], [0.0, 1.0, 1.0]);
    }

    #[test]
    fn bounds_are_those_of_clopper_and_pearson() {
        // With none of n it is 1 - error^(1/n); the other one is in every table: 2 of 20 at 97.5 %.
        assert!((upper_bound(0, 100, 0.05) - (1.0 - 0.05f64.powf(0.01))).abs() < 1e-12);
        assert!((upper_bound(2, 20, 0.025) - 0.31698).abs() < 1e-5);
        assert_eq!(upper_bound(5, 5, 0.01), 1.0);
    }

    #[test]
    fn quantiles_are_exceeded_as_seldom_as_said() {
        for (n, p) in [(50, 0.1), (1000, 0.02), (10_000, 0.3)] {
            let k = upper_quantile(n, p, 0.025);
            assert!(1.0 - at_most(k as i64, n, p) <= 0.025);
            assert!(1.0 - at_most(k as i64 - 1, n, p) > 0.025);
        }
    }
}
