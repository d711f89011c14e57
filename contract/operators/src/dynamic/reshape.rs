//! ONNX Reshape-5,13,14,19,21,23,24,25 by a shape that is computed from data.

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::Value;

/// `(x, shape)`: the same elements under another shape; one size may be -1 for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshape {
    /// Is a size of 0 no element, or the input's size?
    pub allow_zero: bool,
}

impl Evaluate for Reshape {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let target = inputs.integers(1)?;
        let x = inputs.value(0)?;
        let shape = self.shape(x.shape(), &target).ok_or_else(|| {
            let expected = format!("a shape with as many elements as {:?}", x.shape());
            refused("the target shape", format!("{target:?}"), &expected)
        })?;
        Ok(vec![reshaped(x, &shape)?])
    }
}

impl Reshape {
    fn shape(&self, old: &[usize], target: &[i64]) -> Option<Vec<usize>> {
        let mut shape = Vec::with_capacity(target.len());
        let mut rest = None;
        for (axis, &size) in target.iter().enumerate() {
            shape.push(match size {
                0 if !self.allow_zero => *old.get(axis)?,
                -1 if rest.replace(axis).is_none() => 1,
                size => usize::try_from(size).ok()?,
            });
        }
        let count = tensor::element_count(old)?;
        if let Some(axis) = rest {
            shape[axis] = count.checked_div(tensor::element_count(&shape)?)?;
        }
        (tensor::element_count(&shape)? == count).then_some(shape)
    }
}

/// The elements under another shape with as many.
pub(super) fn reshaped(x: &Value, shape: &[usize]) -> Result<Value, ComputeError> {
    match x {
        Value::Tensor(tensor) => Ok(tensor.as_ref().clone().reshaped(shape)?.into()),
        Value::Text(text) => Ok(text.as_ref().clone().reshaped(shape)?.into()),
        Value::Sequence(_) | Value::Optional(_) => Err(refused("an input", x.dtype(), "a tensor")),
    }
}
