//! Integers that are computed from data and that sizes behind them depend on.

use super::{Evaluate, Inputs};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Value};

/// `(x)`: the elements as an `i64` vector, which the runtime binds to symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elements;

impl Evaluate for Elements {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let elements = inputs.integers(0)?;
        Ok(vec![Tensor::from_slice(&[elements.len()], &elements)?.into()])
    }
}
