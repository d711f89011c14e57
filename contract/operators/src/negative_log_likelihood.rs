//! ONNX NegativeLogLikelihoodLoss-12,13,22; with a logarithm of softmax before it,
//! SoftmaxCrossEntropyLoss-12,13.

use crate::{Compute, ComputeError, numbers, place, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{DType, View, ViewMut};

/// `(x[N, C, d…], target[N, d…], [weights[C]])`: `-x` of the target class times its weight, for
/// each target or as one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NegativeLogLikelihood {
    /// What becomes of the losses of all targets.
    pub reduction: LossReduction,
    /// The target that counts for nothing.
    pub ignored: Option<i64>,
}

/// What becomes of the losses of all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossReduction {
    /// They stay.
    None,
    /// Their sum.
    Sum,
    /// Their sum over the sum of the targets' weights.
    Mean,
}

impl Compute for NegativeLogLikelihood {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let (x, target, weights) = match inputs {
            [x, target] => (x, target, None),
            [x, target, weights] => (x, target, Some(weights)),
            _ => return Err(RuleError::Arity { expected: "2 or 3", found: inputs.len() }),
        };
        require_type(0, x, DType::is_float, "floats")?;
        require_indices(1, target)?;
        if x.rank() < 2 || target.rank() + 1 != x.rank() {
            let (expected, found) = (format!("{} less 1", x.rank()), target.shape.clone());
            return Err(RuleError::Rank { input: 1, expected, found });
        }
        let kept = x.shape.iter().enumerate().filter(|(axis, _)| *axis != 1);
        for ((_, expected), found) in kept.zip(&target.shape) {
            same_size("an axis of the target", expected, found)?;
        }
        if let Some(weights) = weights {
            require_type(2, weights, |d| d == x.dtype, x.dtype.name())?;
            let [found] = weights.shape.as_slice() else {
                let (expected, found) = ("1".to_string(), weights.shape.clone());
                return Err(RuleError::Rank { input: 2, expected, found });
            };
            same_size("the weights", &x.shape[1], found)?;
        }
        let is_kept = self.reduction == LossReduction::None;
        let shape = if is_kept { target.shape.clone() } else { vec![] };
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, targets) = (numbers::read_floats(&inputs[0]), numbers::read_integers(&inputs[1]));
        let weights = inputs.get(2).map(numbers::read_floats);
        let [_, classes, inner] = crate::around(inputs[0].shape, 1);
        let (mut losses, mut total) = (Vec::with_capacity(targets.len()), 0.0);
        for (at, &target) in targets.iter().enumerate() {
            if self.ignored.is_some_and(|ignored| i128::from(ignored) == target) {
                losses.push(0.0);
                continue;
            }
            let class = place(target, classes)?;
            let weight = weights.as_ref().map_or(1.0, |weights| weights[class]);
            total += weight;
            losses.push(-x[(at / inner * classes + class) * inner + at % inner] * weight);
        }
        let sum: f64 = losses.iter().sum();
        match self.reduction {
            LossReduction::None => numbers::store_floats(&mut outputs[0], &losses),
            LossReduction::Sum => numbers::store_floats(&mut outputs[0], &[sum]),
            LossReduction::Mean => numbers::store_floats(&mut outputs[0], &[sum / total]),
        }
        Ok(())
    }
}
