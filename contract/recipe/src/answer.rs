//! Scores to class names.

use crate::{Activation, Recipe, RecipeError};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What the model says about one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The best classes, best first, `top_k` at most; equal scores by ascending index.
    pub classes: Vec<ClassScore>,
}

/// One class of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Its place among the model's scores.
    pub index: usize,
    /// Its name, or `class 17` when the recipe names none.
    pub label: String,
    /// Its probability, 0 to 1; the score itself when the activation is none.
    pub probability: f32,
}

impl Recipe {
    /// Ranks one image's scores and names the best.
    ///
    /// Softmax subtracts the largest score first, so nothing overflows; the sum is taken in the
    /// order of the classes. A score of −∞ is a class that is ruled out, probability 0.
    ///
    /// Errors: no score, a NaN or infinite score, as many labels as there are not classes.
    pub fn answer(&self, scores: &[f32]) -> Result<Answer, RecipeError> {
        let labels = &self.post.labels;
        if !labels.is_empty() && labels.len() != scores.len() {
            return Err(RecipeError::LabelCount { classes: scores.len(), labels: labels.len() });
        }
        let largest = check_scores(scores, self.post.activation)?;
        let probability: Box<dyn Fn(f32) -> f32> = match self.post.activation {
            Activation::None => Box::new(|score| score),
            Activation::Sigmoid => Box::new(sigmoid),
            Activation::Softmax => {
                let sum: f32 = scores.iter().map(|&s| (s - largest).exp()).sum();
                Box::new(move |score| (score - largest).exp() / sum)
            }
        };
        let classes = best(scores, self.post.top_k)
            .into_iter()
            .map(|index| ClassScore {
                index,
                label: labels.get(index).cloned().unwrap_or_else(|| format!("class {index}")),
                probability: probability(scores[index]),
            })
            .collect();
        Ok(Answer { classes })
    }
}

/// The largest score, once all are known to be fit for the activation.
fn check_scores(scores: &[f32], activation: Activation) -> Result<f32, RecipeError> {
    let may_be_ruled_out = match activation {
        Activation::Softmax | Activation::Sigmoid => true,
        Activation::None => false,
    };
    let is_fit = |s: f32| s.is_finite() || (may_be_ruled_out && s == f32::NEG_INFINITY);
    if let Some(index) = scores.iter().position(|&s| !is_fit(s)) {
        return Err(RecipeError::BadScore { index, value: scores[index] });
    }
    let largest = scores.iter().copied().reduce(f32::max).ok_or(RecipeError::NoScores)?;
    if activation == Activation::Softmax && largest == f32::NEG_INFINITY {
        // All classes ruled out: there is no distribution over them.
        return Err(RecipeError::BadScore { index: 0, value: largest });
    }
    Ok(largest)
}

/// Indices of the `k` largest scores, largest first, ties by index.
fn best(scores: &[f32], k: usize) -> Vec<usize> {
    // Scores are known not to be NaN, so the comparison always has an answer.
    let order = |a: &usize, b: &usize| {
        let by_score = scores[*b].partial_cmp(&scores[*a]).unwrap_or(Ordering::Equal);
        by_score.then(a.cmp(b))
    };
    let mut indices: Vec<usize> = (0..scores.len()).collect();
    if k < indices.len() {
        indices.select_nth_unstable_by(k, order);
        indices.truncate(k);
    }
    indices.sort_unstable_by(order);
    indices
}

/// Written so that the exponential never overflows.
fn sigmoid(score: f32) -> f32 {
    let small = (-score.abs()).exp();
    if score >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}
