//! ONNX Det-11,22.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type, same_size};
use tensor::{DType, View, ViewMut};

/// `(x[…, M, M])`: the determinant of each matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determinant {}

impl Compute for Determinant {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_type(0, x, DType::is_float, "floats")?;
        let [leading @ .., rows, columns] = x.shape.as_slice() else {
            let (expected, found) = ("at least 2".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        same_size("side of a square matrix", rows, columns)?;
        Ok(vec![Fact { dtype: x.dtype, shape: leading.to_vec() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let side = inputs[0].shape.last().copied().unwrap_or(0);
        let elements = numbers::read_floats(&inputs[0]);
        let count = outputs[0].len();
        let matrix = |index: usize| elements[index * side * side..][..side * side].to_vec();
        let made: Vec<f64> = (0..count).map(|index| determinant(matrix(index), side)).collect();
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

/// The product of the pivots of Gaussian elimination, in each column the largest.
fn determinant(mut x: Vec<f64>, side: usize) -> f64 {
    let mut product = 1.0;
    for column in 0..side {
        let size = |row: &usize| x[row * side + column].abs();
        let pivot = (column..side).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(column);
        if pivot != column {
            (0..side).for_each(|at| x.swap(pivot * side + at, column * side + at));
            product = -product;
        }
        let divisor = x[column * side + column];
        product *= divisor;
        if divisor == 0.0 {
            return product;
        }
        for row in column + 1..side {
            let factor = x[row * side + column] / divisor;
            for at in column..side {
                x[row * side + at] -= factor * x[column * side + at];
            }
        }
    }
    product
}
