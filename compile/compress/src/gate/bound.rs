//! How probable is so small a loss when the true drop is `d`?
//!
//! Counts of lost and gained samples have three outcomes each, so a drop `d` leaves one number
//! open: the rate `q` at which exactly one of the models is right. Given both, the distribution of
//! `lost - gained` is known. `q` is held below an upper bound that the counts themselves give,
//! which is wrong with a tenth of the error, and the worst `q` below it counts: R. L. Berger and
//! D. D. Boos, P values maximized over a confidence set, JASA 89 (1994).
//!
//! ```text
//! p(d) = error / 10 + max over |d| <= q <= upper bound of q of
//!        P(lost' - gained' <= lost - gained | d, q)
//! upper bound of the drop = the smallest d with p(d) <= error
//! ```

use super::Pairs;
use super::binomial;

/// The part of the error that the bound of the rate of differing answers takes. A smaller part
/// makes that bound looser, a larger one the other part: a tenth is near the best from ten to a
/// thousand differing answers.
const RATE_PART: f64 = 0.1;

/// Rates that are tried between the least and the most possible. The probability is smooth in the
/// rate and nearly always greatest at the upper end, which is one of them.
const RATES: usize = 9;

/// The probability, at most, of a loss as small as the counted one when the true drop is `drop`.
pub(super) fn p_value(pairs: &Pairs, drop: f64, error: f64) -> f64 {
    let Pairs { samples, lost, gained } = *pairs;
    p_value_of(samples, lost + gained, lost as i64 - gained as i64, drop, error)
}

/// As [`p_value`], by the number of differing answers and the loss.
pub(super) fn p_value_of(samples: u64, differing: u64, loss: i64, drop: f64, error: f64) -> f64 {
    let most = binomial::upper_bound(differing, samples, error * RATE_PART);
    let least = drop.abs();
    if least >= most {
        return error * RATE_PART;
    }
    let rate = |i: usize| least + (most - least) * (i + 1) as f64 / RATES as f64;
    let worst = std::iter::once(least)
        .chain((0..RATES).map(rate))
        .map(|rate| at_most(loss, samples, drop, rate))
        .fold(0.0, f64::max);
    (worst + error * RATE_PART).min(1.0)
}

/// An upper bound of the true drop that is too low with a probability of at most `error`.
pub(super) fn upper(pairs: &Pairs, error: f64) -> f64 {
    let differing = pairs.lost + pairs.gained;
    let most = binomial::upper_bound(differing, pairs.samples, error * RATE_PART);
    let (mut low, mut high) = (-most, most);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if p_value(pairs, middle, error) > error { low = middle } else { high = middle }
    }
    high
}

/// `P(lost - gained <= loss)` of `n` samples, at most by rounding more than it is.
pub(super) fn at_most(loss: i64, n: u64, drop: f64, rate: f64) -> f64 {
    let lost = 0.5 * (rate + drop);
    let gained = (0.5 * (rate - drop)).max(0.0);
    let lost_of_rest = if gained < 1.0 { (lost / (1.0 - gained)).min(1.0) } else { 0.0 };
    let mean = n as f64 * gained;
    // What lies further than 8 standard deviations away is less than 1e-12; it counts as certain.
    let reach = 8.0 * (mean * (1.0 - gained)).sqrt() + 12.0;
    let first = (mean - reach).max(0.0) as u64;
    let last = ((mean + reach) as u64).min(n);
    let (mut sum, mut seen) = (0.0, 0.0);
    for count in first..=last {
        let probability = binomial::exactly(count, n, gained);
        seen += probability;
        sum += probability * binomial::at_most(loss + count as i64, n - count, lost_of_rest);
    }
    (sum + (1.0 - seen).max(0.0)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By adding up every outcome.
    fn naive_at_most(loss: i64, n: u64, drop: f64, rate: f64) -> f64 {
        let (p, r) = (0.5 * (rate + drop), 0.5 * (rate - drop));
        let mut sum = 0.0;
        for lost in 0..=n {
            for gained in 0..=n - lost {
                if lost as i64 - gained as i64 <= loss {
                    let given = if p < 1.0 { r / (1.0 - p) } else { 0.0 };
                    sum +=
                        binomial::exactly(lost, n, p) * binomial::exactly(gained, n - lost, given);
                }
            }
        }
        sum
    }

    #[test]
    fn the_distribution_of_the_loss_is_that_of_all_outcomes() {
        for n in [1, 5, 24] {
            for (drop, rate) in [(0.0, 0.2), (0.1, 0.1), (0.05, 0.4), (-0.2, 0.3), (0.3, 0.9)] {
                for loss in -(n as i64)..=n as i64 {
                    let found = at_most(loss, n, drop, rate);
                    let expected = naive_at_most(loss, n, drop, rate);
                    assert!((found - expected).abs() < 1e-9, "{loss} of {n}: {drop} at {rate}");
                }
            }
        }
    }

    #[test]
    fn bounds_hold_what_was_seen_and_shrink_with_samples() {
        for (samples, lost, gained) in [(100, 2, 1), (1000, 20, 10), (10_000, 200, 100)] {
            let pairs = Pairs { samples, lost, gained };
            assert!(upper(&pairs, 0.01) > pairs.drop());
        }
        let bounds = [(1000, 20, 10), (10_000, 200, 100), (100_000, 2000, 1000)]
            .map(|(samples, lost, gained)| upper(&Pairs { samples, lost, gained }, 0.01));
        assert!(bounds[0] > bounds[1] && bounds[1] > bounds[2], "{bounds:?}");
        let better = Pairs { samples: 1000, lost: 0, gained: 60 };
        assert!(upper(&better, 0.01) < 0.0);
    }

    /// The error, computed rather than drawn: the probability of all counts that would pass.
    #[test]
    fn no_rate_of_differing_answers_passes_too_often() {
        let (error, budget) = (0.01, 0.02);
        for n in [300u64, 900] {
            for rate in [0.02, 0.03, 0.06, 0.12] {
                let (p, r) = (0.5 * (rate + budget), 0.5 * (rate - budget));
                let mut passing = 0.0;
                let likely = |p: f64| binomial::upper_quantile(n, p, 1e-9);
                for lost in 0..=likely(p) {
                    for gained in 0..=likely(r) {
                        let pairs = Pairs { samples: n, lost, gained };
                        if pairs.drop() < budget && p_value(&pairs, budget, error) <= error {
                            passing += binomial::exactly(lost, n, p)
                                * binomial::exactly(gained, n - lost, r / (1.0 - p));
                        }
                    }
                }
                assert!(passing <= error, "{passing} of {n} at {rate}");
            }
        }
    }
}
