//! One answer of the compressed model held against the original's.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What counts as right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The first class is one of the sample's labels.
    Accuracy,
    /// The first class is the original's.
    Agreement,
    /// The answer is the original's but for this relative distance at most.
    Closeness {
        /// Length of the difference by the length of the original's answer.
        tolerance: f64,
    },
}

/// Two answers to one sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Was the original right? Without labels it always is.
    pub original: bool,
    /// Was the compressed model right, or does it agree?
    pub compressed: bool,
    /// Has it the same first class, or is it close?
    pub is_same: bool,
    /// How far the answers are apart: of classes the Kullback-Leibler divergence of their
    /// probabilities, in nats, else the squared relative distance.
    pub divergence: f64,
}

/// What a change does to the answers, on average.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Harm {
    /// The mean divergence.
    pub divergence: f64,
    /// The share of samples whose answer is the same.
    pub agreement: f64,
}

impl Harm {
    /// Of at least one outcome.
    pub fn of(outcomes: &[Outcome]) -> Harm {
        let count = outcomes.len().max(1) as f64;
        let same = outcomes.iter().filter(|outcome| outcome.is_same).count();
        let sum: f64 = outcomes.iter().map(|outcome| outcome.divergence).sum();
        Harm { divergence: sum / count, agreement: same as f64 / count }
    }
}

impl Measure {
    /// Are the answers scores of classes?
    pub fn is_of_classes(&self) -> bool {
        match self {
            Measure::Accuracy | Measure::Agreement => true,
            Measure::Closeness { .. } => false,
        }
    }

    /// Compares two answers.
    pub fn compare(
        &self,
        original: &[f32],
        compressed: &[f32],
        labels: Option<&[usize]>,
    ) -> Outcome {
        let is_right = |class: Option<usize>| {
            class.is_some_and(|class| labels.is_some_and(|labels| labels.contains(&class)))
        };
        let (before, after) = (first_class(original), first_class(compressed));
        match *self {
            Measure::Accuracy => Outcome {
                original: is_right(before),
                compressed: is_right(after),
                is_same: before == after,
                divergence: divergence(original, compressed),
            },
            Measure::Agreement => Outcome {
                original: true,
                compressed: before == after,
                is_same: before == after,
                divergence: divergence(original, compressed),
            },
            Measure::Closeness { tolerance } => {
                let distance = squared_distance(original, compressed);
                let is_close = distance <= tolerance * tolerance;
                Outcome {
                    original: true,
                    compressed: is_close,
                    is_same: is_close,
                    divergence: distance,
                }
            }
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Accuracy => f.write_str("accuracy"),
            Measure::Agreement | Measure::Closeness { .. } => f.write_str("agreement"),
        }
    }
}

/// The first of the largest scores; none when a score is not a number.
fn first_class(scores: &[f32]) -> Option<usize> {
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut best = None;
    for (class, &score) in scores.iter().enumerate() {
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((class, score));
        }
    }
    best.map(|(class, _)| class)
}

/// The largest divergence that is told: what has no answer at all is as far away as this.
const DIVERGENCE_MAX: f64 = 100.0;

/// The Kullback-Leibler divergence of the second answer's probabilities from the first one's.
fn divergence(original: &[f32], compressed: &[f32]) -> f64 {
    let (p, q) = (log_probabilities(original), log_probabilities(compressed));
    let sum: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
    // Rounding may leave less than nothing.
    if sum.is_nan() { DIVERGENCE_MAX } else { sum.clamp(0.0, DIVERGENCE_MAX) }
}

/// Logarithms of the probabilities that scores stand for: of the scores themselves when they are
/// probabilities, else of their softmax.
fn log_probabilities(scores: &[f32]) -> Vec<f64> {
    // Below this a probability counts as this: no answer of a model is surer.
    const LEAST: f64 = 1e-12;
    let sum: f64 = scores.iter().map(|&score| f64::from(score)).sum();
    if (sum - 1.0).abs() < 1e-3 && scores.iter().all(|&score| score >= 0.0) {
        return scores.iter().map(|&score| f64::from(score).max(LEAST).ln()).collect();
    }
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, &score| most.max(score));
    let most = f64::from(most);
    let sum: f64 = scores.iter().map(|&score| (f64::from(score) - most).exp()).sum();
    scores.iter().map(|&score| f64::from(score) - most - sum.ln()).collect()
}

/// The squared length of the difference by that of the first answer.
fn squared_distance(original: &[f32], compressed: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let differences = original.iter().zip(compressed);
    let apart: f64 = differences.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let length: f64 = original.iter().map(|&a| square(f64::from(a))).sum();
    let distance = if apart == 0.0 { 0.0 } else { apart / length };
    if distance.is_nan() || original.len() != compressed.len() { DIVERGENCE_MAX } else { distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_right_or_agree() {
        let (a, b) = ([0.1, 2.0, 0.3], [0.1, 1.0, 1.5]);
        let outcome = Measure::Accuracy.compare(&a, &b, Some(&[1]));
        assert_eq!((outcome.original, outcome.compressed, outcome.is_same), (true, false, false));
        let outcome = Measure::Accuracy.compare(&a, &b, Some(&[2, 0]));
        assert_eq!((outcome.original, outcome.compressed), (false, true));
        let outcome = Measure::Agreement.compare(&a, &a, None);
        assert_eq!((outcome.original, outcome.compressed, outcome.divergence), (true, true, 0.0));
        let outcome = Measure::Agreement.compare(&a, &[f32::NAN, 2.0, 0.3], None);
        assert_eq!((outcome.compressed, outcome.divergence), (false, DIVERGENCE_MAX));
    }

    #[test]
    fn divergence_is_the_same_of_scores_and_of_their_probabilities() {
        let (a, b) = ([1.0f32, 2.0, 0.5], [1.5f32, 1.0, 0.0]);
        let softmax = |x: &[f32]| {
            let sum: f32 = x.iter().map(|x| x.exp()).sum();
            x.iter().map(|x| x.exp() / sum).collect::<Vec<f32>>()
        };
        let (of_scores, of_shares) = (divergence(&a, &b), divergence(&softmax(&a), &softmax(&b)));
        assert!((of_scores - of_shares).abs() < 1e-6 && of_scores > 0.1, "{of_scores}");
    }

    #[test]
    fn closeness_is_relative() {
        let measure = Measure::Closeness { tolerance: 0.1 };
        assert!(measure.compare(&[10.0, 0.0], &[10.0, 0.9], None).compressed);
        assert!(!measure.compare(&[1.0, 0.0], &[1.0, 0.9], None).compressed);
        assert!(measure.compare(&[0.0], &[0.0], None).compressed);
        assert!(!measure.compare(&[0.0], &[0.1], None).compressed);
        assert!(!measure.compare(&[1.0], &[f32::NAN], None).compressed);
    }
}
