//! Sizes that a graph was made for.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, same_size};
use tensor::{Bindings, Dim, DimError, View, ViewMut};

/// `(x)`: `x`, where two sizes are equal, or where they differ; else an error. What follows was
/// chosen because that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Require {
    /// One size.
    pub size: Dim,
    /// The other one.
    pub expected: Dim,
    /// Have they to be equal, or to differ?
    pub is_equal: bool,
}

impl Compute for Require {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        if self.is_equal {
            same_size("a size that the graph was made for", &self.expected, &self.size)?;
        } else if self.size.known().is_some() && self.size == self.expected {
            let (found, expected) = (self.size.to_string(), "another size".to_string());
            let what = "a size that the graph was not made for";
            return Err(RuleError::Parameter { what, found, expected });
        }
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        outputs[0].bytes.copy_from_slice(inputs[0].bytes);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Require, DimError> {
        let [size, expected] = [&self.size, &self.expected].map(|dim| dim.evaluate(sizes));
        Ok(Require { size: Dim::from(size?), expected: Dim::from(expected?), ..*self })
    }
}
