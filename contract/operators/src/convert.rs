//! ONNX Cast-19,21,23,24,25,28 to small floats, when it is told how to round or not to saturate.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly};
use tensor::small::{self, Narrowing};
use tensor::{DType, View, ViewMut};

/// `(x)`: each element converted to a small type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convert {
    /// The type.
    pub to: DType,
    /// What becomes of numbers that it does not have.
    pub narrowing: Narrowing,
}

impl Compute for Convert {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        if !self.to.is_small() {
            let (found, expected) = (self.to.to_string(), "a small type".to_string());
            return Err(RuleError::Parameter { what: "the type", found, expected });
        }
        Ok(vec![Fact { dtype: self.to, shape: x.shape.clone() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let numbers = numbers::read_floats(&inputs[0]);
        for (place, x) in outputs[0].bytes.iter_mut().zip(numbers) {
            *place = small::from_f64(self.to, x, self.narrowing);
        }
        Ok(())
    }
}
