//! ONNX GatherND-11,12,13.

use crate::{Compute, ComputeError, numbers, place, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, same_size};
use tensor::{View, ViewMut};

/// `(x, indices[…, k])`: for each tuple of `k` indices the slice of `x` that they name on the `k`
/// axes after the batch axes, which both operands share. Negative indices count from the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherNd {
    /// How many leading axes the operands share.
    pub batch_dims: usize,
}

impl Compute for GatherNd {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, indices] = exactly(inputs, "2")?;
        require_indices(1, indices)?;
        let (tuple, tuples) = tuple_of(indices, x.rank(), self.batch_dims)?;
        for (size, found) in x.shape.iter().zip(tuples).take(self.batch_dims) {
            same_size("a batch axis of the indices", size, found)?;
        }
        let mut shape = tuples.to_vec();
        shape.extend_from_slice(&x.shape[self.batch_dims + tuple..]);
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let x = &inputs[0];
        let slices = slices(x.shape, &inputs[1], self.batch_dims)?;
        let length = slices.length * x.dtype.size();
        for (at, start) in slices.starts.iter().enumerate() {
            let from = start * x.dtype.size();
            outputs[0].bytes[at * length..][..length].copy_from_slice(&x.bytes[from..][..length]);
        }
        Ok(())
    }
}

/// The length of the index tuples and the axes that list them.
pub(crate) fn tuple_of(
    indices: &Fact,
    rank: usize,
    batch_dims: usize,
) -> Result<(usize, &[tensor::Dim]), RuleError> {
    let tuple =
        indices.shape.split_last().and_then(|(last, rest)| Some((last.known_size()?, rest)));
    let is_fitting = |(tuple, rest): &(usize, &[tensor::Dim])| {
        batch_dims.checked_add(*tuple).is_some_and(|axes| axes <= rank) && batch_dims <= rest.len()
    };
    tuple.filter(is_fitting).ok_or_else(|| RuleError::Parameter {
        what: "the shape of the indices",
        found: format!("{:?}", indices.shape),
        expected: format!("[…, k] with k of at most {rank} axes, {batch_dims} of them shared"),
    })
}

/// Slices of a tensor, in elements.
pub(crate) struct Slices {
    pub(crate) starts: Vec<usize>,
    pub(crate) length: usize,
}

/// The slices that index tuples name.
pub(crate) fn slices(
    shape: &[usize],
    indices: &View<'_>,
    batch_dims: usize,
) -> Result<Slices, ComputeError> {
    let (tuple, tuples) = indices.shape.split_last().map_or((0, &[][..]), |(&k, rest)| (k, rest));
    let count = |sizes: &[usize]| sizes.iter().product::<usize>();
    let length = count(&shape[batch_dims + tuple..]);
    let per_batch = count(&tuples[batch_dims..]).max(1);
    let batch_length = count(&shape[batch_dims..]);
    let values = numbers::read_integers(indices);
    let mut starts = Vec::with_capacity(count(tuples));
    for at in 0..count(tuples) {
        let mut start = 0;
        for (index, &size) in values[at * tuple..][..tuple].iter().zip(&shape[batch_dims..]) {
            start = start * size + place(*index, size)?;
        }
        starts.push(at / per_batch * batch_length + start * length);
    }
    Ok(Slices { starts, length })
}
