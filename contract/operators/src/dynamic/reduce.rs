//! ONNX Reduce*-13,18 by axes that are computed from data.

use super::{Evaluate, Inputs};
use crate::ComputeError;
use crate::numbers::{Numbers, read, store};
use serde::{Deserialize, Serialize};
use tensor::scalar::Reduction;
use tensor::{Tensor, Value, row_major_strides};

/// `(x, axes)`: one element made of all those along `axes`. Floats are summed in `f64`, integers
/// in 128 bits; means, roots and logarithms of integers are computed in `f64` and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduce {
    /// The function.
    pub reduction: Reduction,
    /// Do the reduced axes stay, with size 1?
    pub keepdims: bool,
    /// Without axes, is nothing reduced, or everything?
    pub is_noop_without_axes: bool,
}

impl Evaluate for Reduce {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.tensor(0)?;
        let mut axes = inputs.axes(1, x.shape().len())?;
        if axes.is_empty() && !self.is_noop_without_axes {
            axes = (0..x.shape().len()).collect();
        }
        let is_reduced = |axis: &usize| axes.contains(axis);
        let mut kept: Vec<usize> = x.shape().to_vec();
        axes.iter().for_each(|&axis| kept[axis] = 1);
        let mut made = inputs.zeros(x.dtype(), &kept)?;
        inputs.require(made.len(), size_of::<Vec<usize>>())?;
        let groups = groups(x, &kept, is_reduced);
        store(&mut made.view_mut(), &self.reduced(&read(&x.view()), &groups));
        if !self.keepdims {
            let left = (0..kept.len()).filter(|axis| !is_reduced(axis)).map(|axis| kept[axis]);
            let left: Vec<usize> = left.collect();
            made = made.reshaped(&left)?;
        }
        Ok(vec![made.into()])
    }
}

/// For each element of the result, the places of those that it is made of.
fn groups(x: &Tensor, kept: &[usize], is_reduced: impl Fn(&usize) -> bool) -> Vec<Vec<usize>> {
    let count = kept.iter().product();
    let mut groups = vec![Vec::new(); count];
    let (from, to) = (row_major_strides(x.shape()), row_major_strides(kept));
    for place in 0..x.len() {
        let on = |axis: usize| place / from[axis] % x.shape()[axis];
        let kept = (0..from.len()).filter(|axis| !is_reduced(axis));
        groups[kept.map(|axis| on(axis) * to[axis]).sum::<usize>()].push(place);
    }
    groups
}

impl Reduce {
    fn reduced(&self, x: &Numbers, groups: &[Vec<usize>]) -> Numbers {
        match x {
            Numbers::Float(x) => Numbers::Float(
                groups.iter().map(|g| self.floats(g.iter().map(|&at| x[at]))).collect(),
            ),
            Numbers::Integer(x) => Numbers::Integer(
                groups.iter().map(|g| self.integers(g.iter().map(|&at| x[at]))).collect(),
            ),
        }
    }

    fn floats(&self, x: impl Iterator<Item = f64> + Clone) -> f64 {
        let count = x.clone().count() as f64;
        // NaN is the result of every extreme that one takes part in.
        let extreme = |of: fn(f64, f64) -> f64, start: f64| {
            x.clone().fold(start, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { of(a, b) })
        };
        match self.reduction {
            Reduction::Sum => x.sum(),
            Reduction::Mean => x.sum::<f64>() / count,
            Reduction::Max => extreme(f64::max, f64::NEG_INFINITY),
            Reduction::Min => extreme(f64::min, f64::INFINITY),
            Reduction::Prod => x.product(),
            Reduction::L1 => x.map(f64::abs).sum(),
            Reduction::L2 => x.map(|x| x * x).sum::<f64>().sqrt(),
            Reduction::SumSquare => x.map(|x| x * x).sum(),
            Reduction::LogSum => x.sum::<f64>().ln(),
            Reduction::LogSumExp => {
                let most = extreme(f64::max, f64::NEG_INFINITY);
                if !most.is_finite() {
                    return most;
                }
                x.map(|x| (x - most).exp()).sum::<f64>().ln() + most
            }
        }
    }

    fn integers(&self, x: impl Iterator<Item = i128> + Clone) -> i128 {
        let floats = || self.floats(x.clone().map(|x| x as f64)) as i128;
        match self.reduction {
            Reduction::Sum => x.fold(0, i128::wrapping_add),
            Reduction::Prod => x.fold(1, i128::wrapping_mul),
            Reduction::L1 => x.map(i128::abs).fold(0, i128::wrapping_add),
            Reduction::SumSquare => x.map(|x| x.wrapping_mul(x)).fold(0, i128::wrapping_add),
            Reduction::Max => x.clone().max().unwrap_or_else(floats),
            Reduction::Min => x.clone().min().unwrap_or_else(floats),
            Reduction::Mean | Reduction::L2 | Reduction::LogSum | Reduction::LogSumExp => floats(),
        }
    }
}
