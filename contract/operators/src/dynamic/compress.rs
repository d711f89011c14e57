//! ONNX Compress-9,11.

use super::{Evaluate, Inputs, refused, take};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::Value;

/// `(x, condition)`: the slices along an axis for which the condition holds; a condition that is
/// shorter than the axis does not hold for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compress {
    /// The axis; without one, all elements in a row.
    pub axis: Option<usize>,
}

impl Evaluate for Compress {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let condition = inputs.integers(1)?;
        let (x, axis) = inputs.along(0, self.axis)?;
        let size = x.shape()[axis];
        if condition.iter().skip(size).any(|&c| c != 0) {
            let found = condition.len();
            return Err(refused("the condition's length", found, &format!("at most {size}")));
        }
        let holds = condition.iter().take(size).enumerate().filter(|(_, c)| **c != 0);
        let kept: Vec<usize> = holds.map(|(at, _)| at).collect();
        Ok(vec![take(inputs, &x, axis, &kept)?.into()])
    }
}
