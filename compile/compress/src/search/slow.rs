//! Layers that are slower on this machine when they are compressed.

use super::race::by_chance;
use crate::CompressError;
use runtime::{Model, RunError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tensor::{Tensor, Value};

/// A layer that is slower compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// The layer.
    pub layer: String,
    /// Its median time in the original, in milliseconds.
    pub before_ms: f64,
    /// Compressed.
    pub after_ms: f64,
}

/// Rounds in which both models are timed step by step.
const ROUNDS: usize = 41;

/// Rounds before that: they bind plans and fill caches.
const WARM_UP_ROUNDS: usize = 3;

/// A layer must take so much more of its time to count as slower: less could be what lies around
/// it.
const LOSS_MIN: f64 = 0.05;

/// How sure it must be, over all layers.
const ERROR: f64 = 0.001;

/// Those of these layers that take longer in the second model, round by round. Layers that share a
/// step with others in one of the models cannot be told apart and are left out, and what converts
/// values between layers counts for none of them.
pub fn slow_layers(
    original: &Model,
    compressed: &Model,
    inputs: &[Tensor],
    layers: &[String],
) -> Result<Vec<Slow>, CompressError> {
    let inputs: Vec<Value> = inputs.iter().cloned().map(Value::from).collect();
    let mut times: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        let [before, after] = [step_times(original, &inputs)?, step_times(compressed, &inputs)?];
        for layer in layers.iter().filter(|_| round >= WARM_UP_ROUNDS) {
            if let (Some(before), Some(after)) = (before.get(layer), after.get(layer)) {
                times.entry(layer).or_default().push((*before, *after));
            }
        }
    }
    let error = ERROR / layers.len().max(1) as f64;
    let slow = times.into_iter().filter_map(|(layer, rounds)| slow(layer, &rounds, error));
    Ok(slow.collect())
}

fn slow(layer: &str, rounds: &[(f64, f64)], error: f64) -> Option<Slow> {
    let losses = rounds.iter().filter(|(before, after)| after > before).count();
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut times: Vec<f64> = rounds.iter().map(of).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(0.0)
    };
    let (before_ms, after_ms) = (median(&|round| round.0), median(&|round| round.1));
    let is_slow =
        by_chance(losses, rounds.len()) <= error && after_ms > before_ms * (1.0 + LOSS_MIN);
    is_slow.then(|| Slow { layer: layer.to_string(), before_ms, after_ms })
}

/// Milliseconds of each step, by its name.
fn step_times(model: &Model, inputs: &[Value]) -> Result<BTreeMap<String, f64>, RunError> {
    let mut times = BTreeMap::new();
    for timing in model.profile(inputs)? {
        *times.entry(timing.name).or_default() += timing.elapsed.as_secs_f64() * 1e3;
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_slow_when_it_loses_nearly_always_and_by_more_than_noise() {
        let rounds = |losses: usize, after: f64| -> Vec<(f64, f64)> {
            (0..ROUNDS).map(|round| (1.0, if round < losses { after } else { 0.9 })).collect()
        };
        let slow = |losses, after| slow("a", &rounds(losses, after), ERROR / 10.0).is_some();
        assert!(slow(ROUNDS, 1.2) && slow(ROUNDS - 4, 1.2));
        assert!(!slow(ROUNDS, 1.02), "within the noise");
        assert!(!slow(ROUNDS / 2 + 1, 1.5), "as often faster");
        assert!(!slow(0, 1.5));
    }
}
