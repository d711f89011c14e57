//! ONNX ScatterElements-11,13,16,18 and Scatter-9.

use crate::gather_elements::{picked, require_picked};
use crate::{Compute, ComputeError, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_axis, same_size};
use tensor::{View, ViewMut};

/// What becomes of an element that an update meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// The update takes its place.
    Replace,
    /// Their sum.
    Add,
    /// Their product.
    Mul,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// `(x, indices, updates)`: `x` with the elements replaced that lie at the same place as an index
/// on the other axes and at the index on `axis`. Of several updates of a place, later ones come
/// later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScatterElements {
    /// The axis.
    pub axis: usize,
    /// What becomes of an element that an update meets.
    pub update: Update,
}

impl Compute for ScatterElements {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, indices, updates] = exactly(inputs, "3")?;
        require_axis(self.axis, x)?;
        require_indices(1, indices)?;
        require_picked(self.axis, x, indices)?;
        require_updates(x, updates, &indices.shape)?;
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let places = picked(self.axis, &inputs[0], &inputs[1])?;
        scatter(self.update, &inputs[0], &places, &inputs[2], &mut outputs[0]);
        Ok(())
    }
}

/// Requires updates of the data's type and of this shape.
pub(crate) fn require_updates(
    x: &Fact,
    updates: &Fact,
    shape: &[tensor::Dim],
) -> Result<(), RuleError> {
    tensor::rule::require_type(2, updates, |d| d == x.dtype, x.dtype.name())?;
    if updates.rank() != shape.len() {
        let (expected, found) = (shape.len().to_string(), updates.shape.clone());
        return Err(RuleError::Rank { input: 2, expected, found });
    }
    let mut pairs = shape.iter().zip(&updates.shape);
    pairs.try_for_each(|(expected, found)| same_size("an axis of the updates", expected, found))
}

/// Copies `x` and puts each update to its place.
pub(crate) fn scatter(
    update: Update,
    x: &View<'_>,
    places: &[usize],
    updates: &View<'_>,
    out: &mut ViewMut<'_>,
) {
    use crate::numbers::{Numbers, read, store};
    if update == Update::Replace {
        let size = x.dtype.size();
        out.bytes.copy_from_slice(x.bytes);
        for (&at, update) in places.iter().zip(updates.bytes.chunks_exact(size)) {
            out.bytes[at * size..][..size].copy_from_slice(update);
        }
        return;
    }
    let mut made = read(x);
    match (&mut made, read(updates)) {
        (Numbers::Float(made), Numbers::Float(updates)) => {
            for (&at, u) in places.iter().zip(updates) {
                made[at] = match update {
                    Update::Replace => u,
                    Update::Add => made[at] + u,
                    Update::Mul => made[at] * u,
                    Update::Max => made[at].max(u),
                    Update::Min => made[at].min(u),
                };
            }
        }
        (Numbers::Integer(made), Numbers::Integer(updates)) => {
            for (&at, u) in places.iter().zip(updates) {
                made[at] = match update {
                    Update::Replace => u,
                    Update::Add => made[at].wrapping_add(u),
                    Update::Mul => made[at].wrapping_mul(u),
                    Update::Max => made[at].max(u),
                    Update::Min => made[at].min(u),
                };
            }
        }
        (Numbers::Float(_), Numbers::Integer(_)) | (Numbers::Integer(_), Numbers::Float(_)) => {
            unreachable!("the rule has required one type")
        }
    }
    store(out, &made);
}
