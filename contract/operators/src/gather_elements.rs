//! ONNX GatherElements-11,13.

use crate::{Compute, ComputeError, numbers, place, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_axis};
use tensor::{View, ViewMut, row_major_strides};

/// `(x, indices)`: for each index the element of `x` at the same place on the other axes and at
/// the index on `axis`. Negative indices count from the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherElements {
    /// The axis.
    pub axis: usize,
}

impl Compute for GatherElements {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, indices] = exactly(inputs, "2")?;
        require_axis(self.axis, x)?;
        require_indices(1, indices)?;
        require_picked(self.axis, x, indices)?;
        Ok(vec![Fact { dtype: x.dtype, shape: indices.shape.clone() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let size = inputs[0].dtype.size();
        let made = outputs[0].bytes.chunks_exact_mut(size);
        for (place, at) in made.zip(picked(self.axis, &inputs[0], &inputs[1])?) {
            place.copy_from_slice(&inputs[0].bytes[at * size..][..size]);
        }
        Ok(())
    }
}

/// Requires indices of the same rank that go on no other axis beyond the data.
pub(crate) fn require_picked(axis: usize, x: &Fact, indices: &Fact) -> Result<(), RuleError> {
    let is_beyond = |(at, (index, size)): (usize, (&tensor::Dim, &tensor::Dim))| {
        at != axis && matches!((index.known(), size.known()), (Some(i), Some(s)) if i > s)
    };
    let mut pairs = indices.shape.iter().zip(&x.shape).enumerate();
    if indices.rank() == x.rank() && !pairs.any(is_beyond) {
        return Ok(());
    }
    let (what, found) = ("the shape of the indices", format!("{:?}", indices.shape));
    let expected = format!("within {:?} but for axis {axis}", x.shape);
    Err(RuleError::Parameter { what, found, expected })
}

/// For each index, in order, the place of the element of `x` that it picks.
pub(crate) fn picked(
    axis: usize,
    x: &View<'_>,
    indices: &View<'_>,
) -> Result<Vec<usize>, ComputeError> {
    let strides = row_major_strides(x.shape);
    let mut coordinates = vec![0; x.shape.len()];
    let mut places = Vec::with_capacity(indices.len());
    for index in numbers::read_integers(indices) {
        let along = place(index, x.shape[axis])?;
        let at =
            |(i, (&c, &s)): (usize, (&usize, &usize))| if i == axis { along * s } else { c * s };
        places.push(coordinates.iter().zip(&strides).enumerate().map(at).sum());
        for (coordinate, &size) in coordinates.iter_mut().zip(indices.shape).rev() {
            *coordinate += 1;
            if *coordinate < size {
                break;
            }
            *coordinate = 0;
        }
    }
    Ok(places)
}
