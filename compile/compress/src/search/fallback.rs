//! The guilty put back until the gate holds, by halving.

use super::{Blame, Trial};
use crate::gate::{Gate, Pairs, Verdict};
use crate::{CompressError, Config, Precision};
use serde::{Deserialize, Serialize};

/// A config that was held against the gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// What was tested.
    pub config: Config,
    /// Steps back of the guiltiest layers, each to the next higher precision.
    pub steps_back: usize,
    /// The counted answers.
    pub pairs: Pairs,
    /// The confidence of this test; those of all tests make up that of the gate.
    pub confidence: f64,
    /// What the gate said.
    pub verdict: Verdict,
}

/// What was tested, in that order, and which of it passed with the fewest steps back.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// All tests.
    pub tested: Vec<Tested>,
    /// The one to take, by its place in `tested`; none when all were refused.
    pub chosen: Option<usize>,
}

/// The part of the gate's error that the first test has: most models pass it or never.
const FIRST_PART: f64 = 0.5;

/// Tests `config`, then with the guiltiest layers put back: as few of them as let the gate hold.
///
/// Each test on the same samples is a chance to pass by luck, so the tests share the error of the
/// gate. Their number is known: one, and as many halvings as there are steps to choose from. (With
/// every step back the answers come nearer to the original's. On the way that halving takes when
/// no test errs, each test is of a config that is fixed before; the first error on it that lets a
/// bad config pass has at most the sum of the parts as its probability.)
pub fn fallback(
    config: &Config,
    blame: &[Blame],
    gate: &Gate,
    trial: &mut dyn Trial,
) -> Result<Found, CompressError> {
    let steps = steps_back(blame);
    let halvings = steps.len().next_power_of_two().ilog2().max(1);
    let mut tested = Vec::new();
    let mut test = |back: usize, part: f64, tested: &mut Vec<Tested>| {
        let config = config_after(config, &steps[..back]);
        let gate = gate.with_part(part);
        let what = match back {
            0 => "the gate: every layer compressed".to_string(),
            back => format!("the gate: {back} of {} steps back", steps.len()),
        };
        let pairs = trial.test(&what, &config)?;
        let verdict = gate.judge(&pairs);
        let confidence = gate.confidence;
        tested.push(Tested { config, steps_back: back, pairs, confidence, verdict });
        Ok::<bool, CompressError>(verdict.is_ship())
    };
    if test(0, FIRST_PART, &mut tested)? {
        return Ok(Found { tested, chosen: Some(0) });
    }
    let part = (1.0 - FIRST_PART) / f64::from(halvings);
    let is_possible = tested.iter().any(|t| gate.with_part(part).is_possible(t.pairs.samples));
    // With all steps back it is the original: nothing to test, and nothing to ship.
    let (mut refused, mut held, mut chosen) = (0, steps.len(), None);
    while is_possible && held - refused > 1 {
        let middle = refused + (held - refused) / 2;
        if test(middle, part, &mut tested)? {
            (held, chosen) = (middle, Some(tested.len() - 1));
        } else {
            refused = middle;
        }
    }
    Ok(Found { tested, chosen })
}

/// A layer put back by one step.
struct Step<'a> {
    layer: &'a str,
    to: Precision,
}

/// Every step back: of all layers the first one, the guiltiest first; then of those that can go
/// further the next.
fn steps_back(blame: &[Blame]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut at: Vec<(&str, Precision)> =
        blame.iter().map(|blame| (blame.layer.as_str(), blame.precision)).collect();
    while !at.is_empty() {
        at = at
            .into_iter()
            .filter_map(|(layer, from)| {
                let to = higher(from)?;
                steps.push(Step { layer, to });
                Some((layer, to))
            })
            .collect();
    }
    steps
}

fn config_after(config: &Config, steps: &[Step<'_>]) -> Config {
    let mut config = config.clone();
    for Step { layer, to } in steps {
        match to {
            Precision::F32 => config.layers.remove(*layer),
            to => config.layers.insert((*layer).to_string(), *to),
        };
    }
    config
}

/// The next precision that is more exact, and computed in the same way or as the original; none of
/// the original's.
fn higher(precision: Precision) -> Option<Precision> {
    match precision {
        Precision::Int4Static => Some(Precision::Int8Static),
        Precision::WeightsInt4 => Some(Precision::WeightsInt8),
        Precision::Int8Dynamic
        | Precision::Int8Static
        | Precision::WeightsInt8
        | Precision::Clusters
        | Precision::Bf16
        | Precision::F16 => Some(Precision::F32),
        Precision::F32 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::blame;
    use super::*;
    use crate::Layer;
    use crate::evaluate::Harm;

    /// Layers whose damages add up.
    struct Additive {
        damages: Vec<f64>,
        samples: u64,
        tests: usize,
    }

    impl Additive {
        fn damage(&self, config: &Config) -> f64 {
            let of = |(i, damage): (usize, &f64)| match config.precision(&format!("l{i}")) {
                Precision::F32 => 0.0,
                Precision::WeightsInt4 => 16.0 * damage,
                _ => *damage,
            };
            self.damages.iter().enumerate().map(of).sum()
        }
    }

    impl Trial for Additive {
        fn probe(&mut self, _: &str, config: &Config) -> Result<Harm, CompressError> {
            let divergence = self.damage(config);
            Ok(Harm { divergence, agreement: 1.0 - divergence })
        }

        fn test(&mut self, _: &str, config: &Config) -> Result<Pairs, CompressError> {
            self.tests += 1;
            let lost = (self.damage(config) * self.samples as f64) as u64;
            Ok(Pairs { samples: self.samples, lost, gained: 0 })
        }
    }

    fn found(damages: &[f64], samples: u64, precision: Precision) -> (Found, Vec<Blame>, usize) {
        let mut trial = Additive { damages: damages.to_vec(), samples, tests: 0 };
        let layer =
            |i: usize| Layer { name: format!("l{i}"), op: "conv", macs: 1, weight_bytes: 1 };
        let layers: Vec<Layer> = (0..damages.len()).map(layer).collect();
        let all = layers.iter().map(|layer| (layer.name.clone(), precision)).collect();
        let config = Config { layers: all, ..Config::default() };
        let blame = blame(&layers, &config, &mut trial).unwrap();
        let gate = Gate { budget: "0.5pp".parse().unwrap(), confidence: 0.99 };
        let found = fallback(&config, &blame, &gate, &mut trial).unwrap();
        (found, blame, trial.tests)
    }

    #[test]
    fn the_guiltiest_are_put_back_and_no_others() {
        let damages: Vec<f64> =
            (0..40).map(|i| if [3, 17, 30].contains(&i) { 0.01 } else { 0.000_02 }).collect();
        let (found, blame, tests) = found(&damages, 100_000, Precision::Int8Static);
        let chosen = &found.tested[found.chosen.unwrap()];
        assert_eq!(chosen.steps_back, 3);
        // Equally guilty: which comes first is a matter of rounding.
        let mut named: Vec<&str> = blame[..3].iter().map(|blame| blame.layer.as_str()).collect();
        named.sort_unstable();
        assert_eq!(named, ["l17", "l3", "l30"]);
        assert!(named.iter().all(|layer| chosen.config.precision(layer) == Precision::F32));
        assert_eq!(chosen.config.layers.len(), 37);
        assert!(tests <= 1 + 6, "{tests} tests of 40 steps");
        let errors: f64 = found.tested.iter().map(|tested| 1.0 - tested.confidence).sum();
        assert!(errors <= 0.01 + 1e-12, "the tests share the error of the gate, {errors}");
    }

    #[test]
    fn four_bits_become_eight_before_they_become_the_originals() {
        let (found, ..) = found(&[0.0015, 0.000_001, 0.000_002], 100_000, Precision::WeightsInt4);
        let chosen = &found.tested[found.chosen.unwrap()];
        assert_eq!(chosen.steps_back, 1);
        assert_eq!(chosen.config.precision("l0"), Precision::WeightsInt8);
        assert_eq!(chosen.config.precision("l1"), Precision::WeightsInt4);
    }

    #[test]
    fn what_passes_at_once_is_tested_once_and_what_never_does_is_refused() {
        let (passed, _, tests) = found(&[0.000_1, 0.000_2], 100_000, Precision::Int8Static);
        assert_eq!((passed.chosen, tests), (Some(0), 1));
        let (refused, ..) = found(&[0.2, 0.2, 0.2], 100_000, Precision::Int8Static);
        assert_eq!(refused.chosen, None);
        assert!(refused.tested.iter().all(|t| matches!(t.verdict, Verdict::Refuse { .. })));
        let (few, _, tests) = found(&[0.01, 0.01, 0.01, 0.01], 100, Precision::Int8Static);
        assert!(
            matches!(few.tested[0].verdict, Verdict::NotEnough { needed, .. } if needed > 1000)
        );
        assert_eq!(tests, 1, "no number of steps back could pass");
    }
}
