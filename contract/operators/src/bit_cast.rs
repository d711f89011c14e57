//! ONNX BitCast-26.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// `(x)`: the same bits as elements of another type of the same size. As a boolean every bit
/// pattern but zero is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitCast {
    /// The type.
    pub to: DType,
}

impl Compute for BitCast {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        let expected = format!("elements as large as those of {}", self.to);
        require_type(0, x, |dtype| dtype.size() == self.to.size(), &expected)?;
        Ok(vec![Fact { dtype: self.to, shape: x.shape.clone() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        outputs[0].bytes.copy_from_slice(inputs[0].bytes);
        if self.to == DType::Bool {
            outputs[0].bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        Ok(())
    }
}
