//! Text that a model holds.

use super::{Evaluate, Inputs};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Text, Value};

/// `()`: a tensor of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literal {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements, in row-major order.
    pub elements: Vec<String>,
}

impl Evaluate for Literal {
    fn evaluate(&self, _: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        Ok(vec![Text::new(&self.shape, &self.elements)?.into()])
    }
}
