//! ONNX ScatterND-11,13,16,18.

use crate::gather_nd::{slices, tuple_of};
use crate::scatter_elements::{Update, require_updates, scatter};
use crate::{Compute, ComputeError, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly};
use tensor::{View, ViewMut};

/// `(x, indices[…, k], updates)`: `x` with the slices replaced that tuples of `k` indices name on
/// the first `k` axes. Of several updates of a place, later ones come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScatterNd {
    /// What becomes of an element that an update meets.
    pub update: Update,
}

impl Compute for ScatterNd {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, indices, updates] = exactly(inputs, "3")?;
        require_indices(1, indices)?;
        let (tuple, tuples) = tuple_of(indices, x.rank(), 0)?;
        let mut shape = tuples.to_vec();
        shape.extend_from_slice(&x.shape[tuple..]);
        require_updates(x, updates, &shape)?;
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let slices = slices(inputs[0].shape, &inputs[1], 0)?;
        let starts = slices.starts.iter();
        let places: Vec<usize> = starts.flat_map(|&start| start..start + slices.length).collect();
        scatter(self.update, &inputs[0], &places, &inputs[2], &mut outputs[0]);
        Ok(())
    }
}
