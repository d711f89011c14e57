//! Squared Euclidean distances, what the radial kernel of support vector machines is made of.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type};
use tensor::{DType, View, ViewMut};

/// `(a[N, F], b[V, F])`: `[N, V]`, the sum of the squared differences of each pair of rows, all in
/// `f32`. Not `a^2 + b^2 - 2ab`, which loses every digit where two rows are close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SquaredDistance {}

impl Compute for SquaredDistance {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [a, b] = exactly(inputs, "2")?;
        for (input, fact) in [a, b].into_iter().enumerate() {
            require_type(input, fact, |dtype| dtype == DType::F32, "f32")?;
            require_rank(input, fact, 2)?;
        }
        if a.shape[1] != b.shape[1] {
            let (expected, found) = (a.shape[1].clone(), b.shape[1].clone());
            return Err(RuleError::Size { what: "the length of a row", expected, found });
        }
        let shape = vec![a.shape[0].clone(), b.shape[0].clone()];
        Ok(vec![Fact { dtype: DType::F32, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (a, b): (&[f32], &[f32]) =
            (bytemuck::cast_slice(inputs[0].bytes), bytemuck::cast_slice(inputs[1].bytes));
        let (columns, count) = (inputs[0].shape[1], inputs[1].shape[0]);
        let made: &mut [f32] = bytemuck::cast_slice_mut(outputs[0].bytes);
        for (at, made) in made.iter_mut().enumerate() {
            let (row, other) = (at / count, at % count);
            *made =
                squared_distance(&a[row * columns..][..columns], &b[other * columns..][..columns]);
        }
        Ok(())
    }
}

/// Sums that are made side by side: as many as a vector register holds.
const LANES: usize = 8;

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f32>() + rest
}
