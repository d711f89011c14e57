//! Sums over decision trees: ONNX ml.TreeEnsembleClassifier-1,3 and ml.TreeEnsembleRegressor-1,3.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[N, F], nodes[n, 5], thresholds[n], entries[m], weights[m], base[T])`: what the leaves give
/// that each row of features reaches, one of each tree, joined to `[N, T]` numbers, and `base`
/// added.
///
/// A node is `[mode, feature, yes, no, missing]` in `i32`, with a mode of [`Mode`]. The walk goes
/// on at node `yes` where the test of the feature holds, or where it is not a number and `missing`
/// is not 0; else at `no`. Both lie behind the node. Of a leaf, `yes..no` are its entries: target
/// numbers, with a weight each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEnsemble {
    /// The first node of each tree.
    pub roots: Vec<usize>,
    /// How many numbers are made of a row.
    pub targets: usize,
    /// How the weights of several leaves are joined.
    pub aggregate: Aggregate,
}

/// How the weights of several leaves are joined: in `f32`, tree after tree, as ONNX Runtime does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their sum.
    Sum,
    /// Their sum over the number of trees.
    Average,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// What a node asks of its feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Mode {
    /// Nothing: it is a leaf.
    Leaf = 0,
    /// `feature <= threshold`
    LessOrEqual = 1,
    /// `feature < threshold`
    Less = 2,
    /// `feature >= threshold`
    GreaterOrEqual = 3,
    /// `feature > threshold`
    Greater = 4,
    /// `feature == threshold`
    Equal = 5,
    /// `feature != threshold`
    NotEqual = 6,
}

impl Compute for TreeEnsemble {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, nodes, thresholds, entries, weights, base] = exactly(inputs, "6")?;
        for (input, fact, dtype, rank) in [
            (0, x, DType::F32, 2),
            (1, nodes, DType::I32, 2),
            (2, thresholds, DType::F32, 1),
            (3, entries, DType::I32, 1),
            (4, weights, DType::F32, 1),
            (5, base, DType::F32, 1),
        ] {
            require_type(input, fact, |found| found == dtype, dtype.name())?;
            if fact.rank() != rank {
                let (expected, found) = (rank.to_string(), fact.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
        }
        let is_fitting = nodes.shape[1] == Dim::from(5)
            && nodes.shape[0] == thresholds.shape[0]
            && entries.shape == weights.shape
            && base.shape == [Dim::from(self.targets)];
        if !is_fitting {
            let found = format!("{:?}", inputs.iter().map(|fact| &fact.shape).collect::<Vec<_>>());
            let expected = "five numbers and a threshold of each node, weights of each entry";
            let expected = expected.to_string();
            return Err(RuleError::Parameter { what: "the tables", found, expected });
        }
        let shape = vec![x.shape[0].clone(), Dim::from(self.targets)];
        Ok(vec![Fact { dtype: DType::F32, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let floats = |at: usize| -> &[f32] { bytemuck::cast_slice(inputs[at].bytes) };
        let forest = Forest {
            nodes: bytemuck::cast_slice(inputs[1].bytes),
            thresholds: floats(2),
            entries: bytemuck::cast_slice(inputs[3].bytes),
            weights: floats(4),
        };
        let features = inputs[0].shape[1];
        let mut made = Vec::with_capacity(outputs[0].len());
        for row in 0..inputs[0].shape[0] {
            let x = &floats(0)[row * features..][..features];
            made.extend(self.row(&forest, x, floats(5))?);
        }
        outputs[0].bytes.copy_from_slice(bytemuck::cast_slice(&made));
        Ok(())
    }
}

impl TreeEnsemble {
    fn row(&self, forest: &Forest<'_>, x: &[f32], base: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let mut joined: Vec<Option<f32>> = vec![None; self.targets];
        for &root in &self.roots {
            for (target, weight) in forest.leaf(root, x)? {
                let named = usize::try_from(target).ok().filter(|&target| target < self.targets);
                let (index, size) = (i128::from(target), self.targets);
                let target = named.ok_or(ComputeError::Index { index, size })?;
                let so_far = joined[target];
                joined[target] = Some(match (self.aggregate, so_far) {
                    (_, None) => weight,
                    (Aggregate::Sum | Aggregate::Average, Some(sum)) => sum + weight,
                    (Aggregate::Min, Some(least)) => least.min(weight),
                    (Aggregate::Max, Some(most)) => most.max(weight),
                });
            }
        }
        let trees =
            if self.aggregate == Aggregate::Average { self.roots.len() as f32 } else { 1.0 };
        let each = joined.iter().zip(base);
        Ok(each.map(|(sum, base)| sum.unwrap_or(0.0) / trees + base).collect())
    }
}

/// The tables.
struct Forest<'a> {
    nodes: &'a [[i32; 5]],
    thresholds: &'a [f32],
    entries: &'a [i32],
    weights: &'a [f32],
}

impl Forest<'_> {
    /// Targets and weights of the leaf that a row reaches.
    fn leaf(
        &self,
        root: usize,
        x: &[f32],
    ) -> Result<impl Iterator<Item = (i32, f32)>, ComputeError> {
        let outside = |index: i128, size: usize| ComputeError::Index { index, size };
        let mut at = root;
        loop {
            let count = self.nodes.len();
            let node = self.nodes.get(at).ok_or(outside(at as i128, count))?;
            let [mode, feature, yes, no, missing] = *node;
            if mode == Mode::Leaf as i32 {
                let range = usize::try_from(yes).ok().zip(usize::try_from(no).ok());
                let range = range.filter(|(from, to)| from <= to && *to <= self.entries.len());
                let (from, to) = range.ok_or(outside(i128::from(no), self.entries.len()))?;
                let entries = self.entries[from..to].iter().copied();
                return Ok(entries.zip(self.weights[from..to].iter().copied()));
            }
            let found = usize::try_from(feature).ok().and_then(|feature| x.get(feature));
            let found = *found.ok_or(outside(i128::from(feature), x.len()))?;
            let holds = holds(mode, found, self.thresholds[at]) || found.is_nan() && missing != 0;
            let next = if holds { yes } else { no };
            // A walk that only goes forward ends.
            let next = usize::try_from(next).ok().filter(|&next| next > at);
            at = next.ok_or(outside(i128::from(if holds { yes } else { no }), count))?;
        }
    }
}

fn holds(mode: i32, x: f32, threshold: f32) -> bool {
    match mode {
        m if m == Mode::LessOrEqual as i32 => x <= threshold,
        m if m == Mode::Less as i32 => x < threshold,
        m if m == Mode::GreaterOrEqual as i32 => x >= threshold,
        m if m == Mode::Greater as i32 => x > threshold,
        m if m == Mode::Equal as i32 => x == threshold,
        m if m == Mode::NotEqual as i32 => x != threshold,
        _ => false,
    }
}
