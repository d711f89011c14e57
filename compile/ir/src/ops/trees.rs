//! Ensembles of decision trees.

use crate::{Fact, RuleError};
use tensor::rule::{exactly, require_type, same_size};
use tensor::scalar::Reduction;
use tensor::{DType, Dim};

/// The rule of [`crate::Op::TreeEnsemble`].
pub fn tree_ensemble(reduction: Reduction, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x, roots, thresholds, nodes, leaves, targets, weights, base] = exactly::<8>(inputs, "8")?;
    let is_joined =
        matches!(reduction, Reduction::Sum | Reduction::Mean | Reduction::Min | Reduction::Max);
    if !is_joined {
        let (found, expected) = (format!("{reduction:?}"), "sum, mean, min or max".to_string());
        return Err(RuleError::Parameter { what: "reduction", found, expected });
    }
    require_type(0, x, |dtype| matches!(dtype, DType::F32 | DType::F64), "f32 or f64")?;
    for (input, fact, dtype, rank) in [
        (0, x, x.dtype, 2),
        (1, roots, DType::I32, 1),
        (2, thresholds, x.dtype, 1),
        (3, nodes, DType::I32, 2),
        (4, leaves, DType::I32, 1),
        (5, targets, DType::I32, 1),
        (6, weights, x.dtype, 1),
        (7, base, x.dtype, 1),
    ] {
        require_type(input, fact, |found| found == dtype, dtype.name())?;
        if fact.rank() != rank {
            let (expected, found) = (rank.to_string(), fact.shape.clone());
            return Err(RuleError::Rank { input, expected, found });
        }
    }
    same_size("thresholds", &nodes.shape[0], &thresholds.shape[0])?;
    same_size("numbers of a node", &Dim::from(3), &nodes.shape[1])?;
    same_size("weights", &targets.shape[0], &weights.shape[0])?;
    Ok(Fact { dtype: x.dtype, shape: vec![x.shape[0].clone(), base.shape[0].clone()] })
}
