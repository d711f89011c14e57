//! ONNX CenterCropPad-18.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_axis};
use tensor::{Bindings, Dim, DimError, View, ViewMut, row_major_strides};

/// `(x)`: the listed axes cut, or filled up with zeros, about their middle. Of an odd number of
/// elements that go or come, the larger half is at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CenterCropPad {
    /// The axes.
    pub axes: Vec<usize>,
    /// The new size of each of them.
    pub sizes: Vec<Dim>,
}

impl Compute for CenterCropPad {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        if self.axes.len() != self.sizes.len() {
            let (found, expected) = (self.sizes.len().to_string(), self.axes.len().to_string());
            return Err(RuleError::Parameter { what: "the number of sizes", found, expected });
        }
        let mut shape = x.shape.clone();
        for (&axis, size) in self.axes.iter().zip(&self.sizes) {
            require_axis(axis, x)?;
            shape[axis] = size.clone();
        }
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (from, to) = (inputs[0].shape, outputs[0].shape);
        let bytes = inputs[0].dtype.size();
        let (read, write) = (row_major_strides(from), row_major_strides(to));
        for (at, place) in outputs[0].bytes.chunks_exact_mut(bytes).enumerate() {
            let along = |axis: usize| {
                let index = at / write[axis] % to[axis];
                let (cut, added) =
                    (from[axis].saturating_sub(to[axis]), to[axis].saturating_sub(from[axis]));
                let index = (index + cut / 2).checked_sub(added / 2)?;
                (index < from[axis]).then_some(index * read[axis])
            };
            match (0..to.len()).map(along).sum::<Option<usize>>() {
                Some(source) => place.copy_from_slice(&inputs[0].bytes[source * bytes..][..bytes]),
                None => place.fill(0),
            }
        }
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<CenterCropPad, DimError> {
        Ok(CenterCropPad { sizes: crate::bound(&self.sizes, sizes)?, ..self.clone() })
    }
}
