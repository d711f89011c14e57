//! ONNX NonZero-9,13.

use super::{Evaluate, Inputs};
use crate::ComputeError;
use crate::numbers::{Numbers, read};
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Value, row_major_strides};

/// `(x)`: the indices of the elements that are not zero, in row-major order: `i64[rank, count]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonZero;

impl Evaluate for NonZero {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.tensor(0)?;
        let is_set: Vec<bool> = match read(&x.view()) {
            Numbers::Float(x) => x.iter().map(|&x| x != 0.0).collect(),
            Numbers::Integer(x) => x.iter().map(|&x| x != 0).collect(),
        };
        let places: Vec<usize> = (0..x.len()).filter(|&at| is_set[at]).collect();
        inputs.require(places.len().saturating_mul(x.shape().len()), size_of::<i64>())?;
        let strides = row_major_strides(x.shape());
        let axes = strides.iter().zip(x.shape());
        let made: Vec<i64> = axes
            .flat_map(|(stride, size)| places.iter().map(move |at| (at / stride % size) as i64))
            .collect();
        Ok(vec![Tensor::from_slice(&[x.shape().len(), places.len()], &made)?.into()])
    }
}
