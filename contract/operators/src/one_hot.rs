//! ONNX OneHot-9,11.

use crate::{Compute, ComputeError, around, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly};
use tensor::{Bindings, Dim, DimError, View, ViewMut};

/// `(indices, values[2])`: a new axis of `depth` elements, `values[1]` at the index and `values[0]`
/// elsewhere. Negative indices count from the end; one that is outside is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneHot {
    /// Place of the new axis in the result.
    pub axis: usize,
    /// Its size.
    pub depth: Dim,
}

impl Compute for OneHot {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [indices, values] = exactly(inputs, "2")?;
        if self.axis > indices.rank() {
            let (found, expected) = (self.axis.to_string(), format!("0 to {}", indices.rank()));
            return Err(RuleError::Parameter { what: "axis", found, expected });
        }
        if values.shape != [Dim::from(2)] {
            let (expected, found) = ("1, of two values".to_string(), values.shape.clone());
            return Err(RuleError::Rank { input: 1, expected, found });
        }
        let mut shape = indices.shape.clone();
        shape.insert(self.axis, self.depth.clone());
        Ok(vec![Fact { dtype: values.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (indices, size) = (numbers::read_integers(&inputs[0]), inputs[1].dtype.size());
        let [_, depth, inner] = around(outputs[0].shape, self.axis);
        let (off, on) = inputs[1].bytes.split_at(size);
        outputs[0].bytes.chunks_exact_mut(size).for_each(|place| place.copy_from_slice(off));
        for (at, index) in indices.into_iter().enumerate() {
            if let Ok(hot) = crate::place(index, depth) {
                let at = (at / inner * depth + hot) * inner + at % inner;
                outputs[0].bytes[at * size..][..size].copy_from_slice(on);
            }
        }
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<OneHot, DimError> {
        Ok(OneHot { depth: Dim::from(self.depth.evaluate(sizes)?), axis: self.axis })
    }
}
