//! How many samples tell.

use super::{Gate, binomial, bound};

/// How often, at least, a model passes whose true drop is half of the budget.
pub const POWER: f64 = 0.95;

/// No data set has so many samples: what needs more is refused.
const SAMPLES_MAX: u64 = 1 << 40;

/// Samples with which a model that loses half of the budget passes with a probability of at least
/// [`POWER`], when its answers differ at this rate.
///
/// Two things may go wrong, each with half of what is left to [`POWER`]: more answers differ than
/// should, or more are lost. With as many differing answers as there are at most, the largest loss
/// that passes must be exceeded seldom enough.
pub fn needed(gate: &Gate, rate: f64) -> u64 {
    let drop = 0.5 * gate.budget.share();
    let rate = rate.max(drop).min(1.0);
    let is_enough = |samples: u64| {
        let miss = 0.5 * (1.0 - POWER);
        let differing = binomial::upper_quantile(samples, rate, miss);
        let passes = |loss: i64| {
            let (budget, error) = (gate.budget.share(), gate.error());
            bound::p_value_of(samples, differing, loss, budget, error) <= error
        };
        let Some(loss) = largest(&passes, differing) else { return false };
        bound::at_most(loss, samples, drop, rate) >= 1.0 - miss
    };
    let mut high = 16;
    while !is_enough(high) {
        high *= 2;
        if high >= SAMPLES_MAX {
            return high;
        }
    }
    let mut low = high / 2;
    // A per mille is nearer than anybody counts samples.
    while high - low > high / 1000 + 1 {
        let middle = low + (high - low) / 2;
        if is_enough(middle) { high = middle } else { low = middle }
    }
    high
}

/// The largest loss that passes; none when no loss does.
fn largest(passes: &dyn Fn(i64) -> bool, differing: u64) -> Option<i64> {
    let (mut low, mut high) = (-(differing as i64), differing as i64);
    if !passes(low) {
        return None;
    }
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if passes(middle) { low = middle } else { high = middle - 1 }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_needed_for_less_and_for_noisier_answers() {
        let of = |budget: &str, rate: f64| {
            let gate = Gate { budget: budget.parse().unwrap(), confidence: 0.99 };
            needed(&gate, rate)
        };
        let cases = [("1pp", 0.01), ("1pp", 0.04), ("0.5pp", 0.01), ("0.5pp", 0.04)];
        let counts = cases.map(|(budget, rate)| of(budget, rate));
        assert!(counts.is_sorted(), "{counts:?}");
        // The usual formula supposes a normal distribution of known width: 99 % sure, 95 % power.
        for ((budget, rate), count) in cases.into_iter().zip(counts) {
            let half = 0.5 * budget.parse::<super::super::Budget>().unwrap().share();
            let usual = (2.326 + 1.645f64).powi(2) * rate / (half * half);
            let times = count as f64 / usual;
            assert!((1.0..1.6).contains(&times), "{count} of {usual} at {budget}, {rate}");
        }
    }
}
