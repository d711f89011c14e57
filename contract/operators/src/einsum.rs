//! ONNX Einsum-12.

use crate::numbers::{self, Numbers};
use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError};
use tensor::{Dim, View, ViewMut};

/// `(x0, x1, …)`: sums of products. Each axis of each operand has a label; axes with the same label
/// run together, and the labels that the result does not have are summed over. A size of 1
/// repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Einsum {
    /// The labels of each operand's axes.
    pub inputs: Vec<Vec<u32>>,
    /// The labels of the result's axes, each once.
    pub output: Vec<u32>,
}

impl Einsum {
    /// The labels that are summed over.
    fn summed(&self) -> Vec<u32> {
        let mut labels: Vec<u32> = self.inputs.iter().flatten().copied().collect();
        labels.sort_unstable();
        labels.dedup();
        labels.retain(|label| !self.output.contains(label));
        labels
    }

    /// The size that axes with a label have together.
    fn size(&self, label: u32, inputs: &[Fact]) -> Result<Dim, RuleError> {
        let axes = self.inputs.iter().zip(inputs).flat_map(|(labels, x)| {
            let named = labels.iter().zip(&x.shape).filter(move |(own, _)| **own == label);
            named.map(|(_, size)| size.clone())
        });
        let mut common = None;
        for size in axes {
            common = Some(match common {
                None => size,
                Some(other) => {
                    let one = |dim: Dim| vec![dim];
                    tensor::rule::broadcast(&one(other), &one(size))?.swap_remove(0)
                }
            });
        }
        common.ok_or_else(|| RuleError::Parameter {
            what: "label of the result",
            found: label.to_string(),
            expected: "one of an operand's".to_string(),
        })
    }
}

impl Compute for Einsum {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let Some(first) = inputs.first().filter(|_| inputs.len() == self.inputs.len()) else {
            return Err(RuleError::Arity { expected: "as many as terms", found: inputs.len() });
        };
        for (input, (labels, x)) in self.inputs.iter().zip(inputs).enumerate() {
            tensor::rule::require_type(input, x, |d| d == first.dtype, first.dtype.name())?;
            if labels.len() != x.rank() {
                let (expected, found) = (labels.len().to_string(), x.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
        }
        for label in self.summed() {
            self.size(label, inputs)?;
        }
        let shape: Result<Vec<Dim>, RuleError> =
            self.output.iter().map(|&label| self.size(label, inputs)).collect();
        Ok(vec![Fact { dtype: first.dtype, shape: shape? }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let facts: Vec<Fact> = inputs.iter().map(crate::fact_of).collect();
        let labels: Vec<u32> = self.output.iter().copied().chain(self.summed()).collect();
        let mut sizes = Vec::with_capacity(labels.len());
        for &label in &labels {
            sizes.push(self.size(label, &facts)?.known_size().unwrap_or(0));
        }
        let steps: Vec<Vec<usize>> = inputs
            .iter()
            .zip(&self.inputs)
            .map(|(x, own)| labels.iter().map(|&label| step(x.shape, own, label)).collect())
            .collect();
        let made = outputs[0].len();
        let terms: usize = sizes[self.output.len()..].iter().product();
        let read: Vec<Numbers> = inputs.iter().map(numbers::read).collect();
        let float = |at: &[usize]| {
            read.iter()
                .zip(at)
                .map(|(x, &at)| match x {
                    Numbers::Float(x) => x[at],
                    Numbers::Integer(x) => x[at] as f64,
                })
                .product::<f64>()
        };
        let integer = |at: &[usize]| {
            read.iter().zip(at).fold(1i128, |product, (x, &at)| match x {
                Numbers::Float(_) => product,
                Numbers::Integer(x) => product.wrapping_mul(x[at]),
            })
        };
        let places = |index: usize| places(index, &sizes, &steps);
        let sums = (0..made).map(|y| (y * terms..(y + 1) * terms).map(places));
        let made = match read.first() {
            Some(Numbers::Integer(_)) => {
                let sum = |a: i128, at: Vec<usize>| a.wrapping_add(integer(&at));
                Numbers::Integer(sums.map(|terms| terms.fold(0, sum)).collect())
            }
            Some(Numbers::Float(_)) | None => {
                Numbers::Float(sums.map(|terms| terms.map(|at| float(&at)).sum()).collect())
            }
        };
        numbers::store(&mut outputs[0], &made);
        Ok(())
    }
}

/// How far apart elements lie along a label: the steps of all axes that have it, and that do not
/// repeat.
fn step(shape: &[usize], own: &[u32], label: u32) -> usize {
    let (mut dense, mut step) = (1, 0);
    for (&size, &axis) in shape.iter().zip(own).rev() {
        if axis == label && size != 1 {
            step += dense;
        }
        dense *= size;
    }
    step
}

/// Where the elements of a term lie in each operand; `index` counts over all labels.
fn places(mut index: usize, sizes: &[usize], steps: &[Vec<usize>]) -> Vec<usize> {
    let mut at = vec![0; steps.len()];
    for (label, &size) in sizes.iter().enumerate().rev() {
        let along = index % size.max(1);
        index /= size.max(1);
        at.iter_mut().zip(steps).for_each(|(at, steps)| *at += along * steps[label]);
    }
    at
}
