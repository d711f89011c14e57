//! The decisions of ONNX ml.SVMClassifier-1.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type};
use tensor::{DType, Dim, View, ViewMut};

/// `(kernels[N, V], coefficients[C - 1, V], rho[P], [a[P], b[P]])`: the index of the class that
/// wins most of the `P = C (C - 1) / 2` duels (the first one of several), as `i64`, and the scores
/// of the duels `[N, P]`, class 0 against 1, 0 against 2, … Where `a` and `b` are there, the
/// probabilities of the classes `[N, C]` take the place of the scores.
///
/// `kernels` says how near each row is to each support vector, `V` of them in the order of their
/// classes. In the duel of `i` and `j > i` the vectors of class `i` count by row `j - 1` of the
/// coefficients and those of class `j` by row `i`: libsvm's `sv_coef`. `i` wins above 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportVectorClassifier {
    /// How many vectors each class has; there are as many classes, 2 at least.
    pub vectors: Vec<usize>,
}

impl Compute for SupportVectorClassifier {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let count = inputs.len();
        if count != 3 && count != 5 {
            return Err(RuleError::Arity { expected: "3 or 5", found: count });
        }
        for (input, fact) in inputs.iter().enumerate() {
            require_type(input, fact, |dtype| dtype == DType::F32, "f32")?;
        }
        let classes = self.vectors.len();
        let vectors = self.vectors.iter().try_fold(0usize, |sum, &count| sum.checked_add(count));
        let duels = classes.checked_mul(classes.saturating_sub(1)).map(|twice| twice / 2);
        let (Some(vectors), Some(duels @ 1..)) = (vectors, duels) else {
            let (found, expected) =
                (format!("{:?}", self.vectors), "2 classes or more".to_string());
            return Err(RuleError::Parameter { what: "vectors", found, expected });
        };
        let rows = inputs[0].shape.first().cloned().unwrap_or_else(|| Dim::from(0));
        let sizes = |sizes: &[usize]| sizes.iter().map(|&size| Dim::from(size)).collect();
        let kernels = vec![rows.clone(), Dim::from(vectors)];
        let mut expected: Vec<Vec<Dim>> = vec![kernels, sizes(&[classes - 1, vectors])];
        expected.resize(count, sizes(&[duels]));
        if !inputs.iter().map(|fact| &fact.shape).eq(&expected) {
            let found: Vec<_> = inputs.iter().map(|fact| &fact.shape).collect();
            let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
            return Err(RuleError::Parameter { what: "the shapes", found, expected });
        }
        let width = if count == 5 { classes } else { duels };
        let scores = Fact { dtype: DType::F32, shape: vec![rows.clone(), Dim::from(width)] };
        Ok(vec![Fact { dtype: DType::I64, shape: vec![rows] }, scores])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let floats = |at: usize| -> &[f32] { bytemuck::cast_slice(inputs[at].bytes) };
        let (rows, vectors) = (inputs[0].shape[0], inputs[0].shape[1]);
        let [index, scores] = outputs else { return Ok(()) };
        let (index, width) = (bytemuck::cast_slice_mut::<u8, i64>(index.bytes), scores.shape[1]);
        let scores: &mut [f32] = bytemuck::cast_slice_mut(scores.bytes);
        for row in 0..rows {
            let kernels = &floats(0)[row * vectors..][..vectors];
            let (winner, duels) = self.duels(kernels, floats(1), floats(2));
            index[row] = winner as i64;
            let scores = &mut scores[row * width..][..width];
            match inputs.len() {
                5 => scores.copy_from_slice(&self.probabilities(&duels, floats(3), floats(4))),
                _ => scores.copy_from_slice(&duels),
            }
        }
        Ok(())
    }
}

impl SupportVectorClassifier {
    /// Who wins most duels, and the score of each, summed in `f64`.
    fn duels(&self, kernels: &[f32], coefficients: &[f32], rho: &[f32]) -> (usize, Vec<f32>) {
        let (classes, width) = (self.vectors.len(), kernels.len());
        let mut starts = vec![0];
        starts.extend(self.vectors.iter().scan(0, |end, &count| {
            *end += count;
            Some(*end)
        }));
        let side = |class: usize, row: usize| -> f64 {
            let range = starts[class]..starts[class + 1];
            let coefficients = &coefficients[row * width..][range.clone()];
            let pairs = coefficients.iter().zip(&kernels[range]);
            pairs.map(|(&coefficient, &kernel)| f64::from(coefficient * kernel)).sum()
        };
        let (mut votes, mut scores) = (vec![0; classes], Vec::with_capacity(rho.len()));
        for i in 0..classes {
            for j in i + 1..classes {
                let score = side(i, j - 1) + side(j, i) + f64::from(rho[scores.len()]);
                scores.push(score as f32);
                votes[if score > 0.0 { i } else { j }] += 1;
            }
        }
        // Of several, `max_by_key` takes the last.
        let winner = (0..classes).rev().max_by_key(|&class| votes[class]).unwrap_or(0);
        (winner, scores)
    }

    /// The probability of each class, from those of the duels by Platt's scaling: `sigmoid(-(a *
    /// score + b))`.
    fn probabilities(&self, duels: &[f32], a: &[f32], b: &[f32]) -> Vec<f32> {
        let classes = self.vectors.len();
        let mut wins = vec![0.0; classes * classes];
        let mut scores = duels.iter().zip(a).zip(b);
        for i in 0..classes {
            for j in i + 1..classes {
                let Some(((score, a), b)) = scores.next() else { continue };
                // Never certain, so that the system that couples them has a solution.
                let win = (1.0 - logistic(score * a + b)).clamp(1e-7, 1.0 - 1e-7);
                wins[i * classes + j] = win;
                wins[j * classes + i] = 1.0 - win;
            }
        }
        couple(&wins, classes)
    }
}

fn logistic(x: f32) -> f32 {
    let positive = 1.0 / (1.0 + (-x.abs()).exp());
    if x < 0.0 { 1.0 - positive } else { positive }
}

/// The probabilities of the classes that agree best with those of the duels: the second method of
/// Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling"
/// (2004), algorithm 2. It stops when no equation is off by more than 0.005 over the number of
/// classes, a bound of libsvm's so loose that the rounding of `f32` and the order of the steps show
/// in the answer: they are ONNX Runtime's.
fn couple(wins: &[f32], classes: usize) -> Vec<f32> {
    let mut q = vec![0.0; classes * classes];
    for i in 0..classes {
        for j in (0..classes).filter(|&j| j != i) {
            let against = wins[j * classes + i];
            q[i * classes + i] += against * against;
            q[i * classes + j] = -against * wins[i * classes + j];
        }
    }
    let tolerance = 0.005 / classes as f32;
    let mut p = vec![1.0 / classes as f32; classes];
    let mut qp = vec![0.0; classes];
    for _ in 0..STEPS_MAX {
        let mut pqp = 0.0;
        for i in 0..classes {
            qp[i] = (0..classes).fold(0.0, |sum, j| sum + q[i * classes + j] * p[j]);
            pqp += p[i] * qp[i];
        }
        let error = qp.iter().fold(0.0, |most: f32, qp| most.max((qp - pqp).abs()));
        if error < tolerance {
            break;
        }
        for i in 0..classes {
            let own = q[i * classes + i];
            let change = (pqp - qp[i]) / own;
            p[i] += change;
            pqp = (pqp + change * (change * own + 2.0 * qp[i])) / (1.0 + change) / (1.0 + change);
            for j in 0..classes {
                qp[j] = (qp[j] + change * q[i * classes + j]) / (1.0 + change);
                p[j] /= 1.0 + change;
            }
        }
    }
    p
}

/// Steps after which the coupling takes what it has, as ONNX Runtime.
const STEPS_MAX: usize = 100;
