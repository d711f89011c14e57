//! ONNX Squeeze-13,21,23,24,25 and Unsqueeze-13,21,23,24,25 by axes that are computed from data.

use super::{Evaluate, Inputs, refused, reshape};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::Value;

/// `(x, axes)`: axes of one element added or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axes {
    /// `axes` are those of the result.
    Add,
    /// `axes` are those of `x`.
    Drop,
}

impl Evaluate for Axes {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.value(0)?;
        let named = inputs.integers(1)?;
        let shape: Vec<usize> = match self {
            Axes::Add => {
                let rank = x.shape().len() + named.len();
                let added = inputs.axes(1, rank)?;
                let mut old = x.shape().iter().copied();
                let size = |axis| if added.contains(&axis) { Some(1) } else { old.next() };
                (0..rank).filter_map(size).collect()
            }
            Axes::Drop => {
                let dropped = inputs.axes(1, x.shape().len())?;
                if let Some(&axis) = dropped.iter().find(|&&axis| x.shape()[axis] != 1) {
                    let found = format!("axis {axis} of {:?}", x.shape());
                    return Err(refused("a dropped axis", found, "an axis of one element"));
                }
                let kept = x.shape().iter().enumerate();
                kept.filter(|(axis, _)| !dropped.contains(axis)).map(|(_, &size)| size).collect()
            }
        };
        Ok(vec![reshape::reshaped(x, &shape)?])
    }
}
