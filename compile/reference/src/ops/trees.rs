//! Ensembles of decision trees.

use crate::ReferenceError;
use crate::numbers::{read_floats, read_integers, store_floats};
use tensor::Tensor;
use tensor::scalar::Reduction;

/// What the leaves give that each row reaches, joined over the trees.
pub(crate) fn tree_ensemble(
    reduction: Reduction,
    inputs: &[&Tensor],
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let forest = Forest {
        roots: read_integers(inputs[1])?,
        thresholds: read_floats(inputs[2])?,
        nodes: read_integers(inputs[3])?,
        leaves: read_integers(inputs[4])?,
        targets: read_integers(inputs[5])?,
        weights: read_floats(inputs[6])?,
        base: read_floats(inputs[7])?,
    };
    let (x, features) = (read_floats(inputs[0])?, inputs[0].shape()[1]);
    let mut made = Vec::new();
    for row in 0..shape[0] {
        made.extend(forest.row(reduction, &x[row * features..][..features])?);
    }
    store_floats(inputs[0].dtype(), shape, &made)
}

struct Forest {
    roots: Vec<i128>,
    thresholds: Vec<f64>,
    nodes: Vec<i128>,
    leaves: Vec<i128>,
    targets: Vec<i128>,
    weights: Vec<f64>,
    base: Vec<f64>,
}

impl Forest {
    fn row(&self, reduction: Reduction, x: &[f64]) -> Result<Vec<f64>, ReferenceError> {
        let mut joined: Vec<Option<f64>> = vec![None; self.base.len()];
        for &root in &self.roots {
            let leaf = self.leaf(root, x)?;
            let bound = |leaf: i128| -> Result<usize, ReferenceError> {
                let entry = match self.leaves.len() {
                    0 => leaf,
                    count => self.leaves[inside(leaf, count)?],
                };
                inside(entry, self.targets.len() + 1)
            };
            for entry in bound(leaf)?..bound(leaf + 1)? {
                let target = inside(self.targets[entry], joined.len())?;
                let weight = self.weights[entry];
                joined[target] = Some(match (reduction, joined[target]) {
                    (_, None) => weight,
                    (Reduction::Min, Some(least)) => least.min(weight),
                    (Reduction::Max, Some(most)) => most.max(weight),
                    (_, Some(sum)) => sum + weight,
                });
            }
        }
        let trees = if reduction == Reduction::Mean { self.roots.len() as f64 } else { 1.0 };
        let joined = joined.iter().map(|joined| joined.unwrap_or(0.0) / trees);
        Ok(joined.zip(&self.base).map(|(joined, base)| joined + base).collect())
    }

    /// The leaf that a row reaches from a root.
    fn leaf(&self, root: i128, x: &[f64]) -> Result<i128, ReferenceError> {
        let (mut at, count) = (root, self.thresholds.len());
        while at >= 0 {
            let node = inside(at, count)?;
            let [feature, yes, no] = [0, 1, 2].map(|column| self.nodes[node * 3 + column]);
            let x = x[inside(if feature < 0 { !feature } else { feature }, x.len())?];
            let holds = x <= self.thresholds[node] || feature < 0 && x.is_nan();
            let next = if holds { yes } else { no };
            // A walk that only goes forward ends.
            if (0..=at).contains(&next) {
                return Err(ReferenceError::Index { index: next, size: count });
            }
            at = next;
        }
        Ok(!at)
    }
}

fn inside(index: i128, size: usize) -> Result<usize, ReferenceError> {
    let outside = ReferenceError::Index { index, size };
    usize::try_from(index).ok().filter(|&index| index < size).ok_or(outside)
}
