//! ONNX Range-11,27 of a length that is known ahead, up to symbols.

use crate::numbers::{Numbers, read, store};
use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(start, delta)`: `start + i * delta` for each `i` below `count`. Integers are exact and wrap,
/// floats are computed in `f64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// How many elements.
    pub count: Dim,
}

impl Compute for Range {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [start, delta] = exactly(inputs, "2")?;
        require_type(0, start, |dtype| dtype != DType::Bool, "numbers")?;
        require_type(1, delta, |dtype| dtype == start.dtype, start.dtype.name())?;
        for (input, end) in [start, delta].into_iter().enumerate() {
            if end.shape.iter().any(|size| size.known() != Some(1)) {
                let (expected, found) = ("one element".to_string(), end.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
        }
        Ok(vec![Fact { dtype: start.dtype, shape: vec![self.count.clone()] }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        fill(&read(&inputs[0]), &read(&inputs[1]), &mut outputs[0]);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Range, DimError> {
        Ok(Range { count: Dim::from(self.count.evaluate(sizes)?) })
    }
}

/// Stores `start + i * delta`, which are of one kind.
pub(crate) fn fill(start: &Numbers, delta: &Numbers, made: &mut ViewMut<'_>) {
    let count = made.len();
    match (start, delta) {
        (Numbers::Integer(start), Numbers::Integer(delta)) => {
            let element = |i| start[0].wrapping_add((i as i128).wrapping_mul(delta[0]));
            store(made, &Numbers::Integer((0..count).map(element).collect()));
        }
        (Numbers::Float(start), Numbers::Float(delta)) => {
            let element = |i| start[0] + i as f64 * delta[0];
            store(made, &Numbers::Float((0..count).map(element).collect()));
        }
        (Numbers::Integer(_), Numbers::Float(_)) | (Numbers::Float(_), Numbers::Integer(_)) => {
            unreachable!("both are of one element type")
        }
    }
}
