//! ONNX Pad-11,13,18,19,21,23,24,25 by pads that are computed from data, and mode `wrap`.

use super::{Evaluate, Inputs, gather, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Value, row_major_strides};

/// `(x, pads, value, axes)`: elements added at both ends of axes; a negative count removes some.
/// `pads` holds the counts before the first element of all axes and then those behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pad {
    /// What the added elements are.
    pub mode: PadMode,
}

/// What the added elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// `value`.
    Constant,
    /// The element at the edge.
    Edge,
    /// The elements mirrored at the edge, the edge itself not repeated.
    Reflect,
    /// The elements from the other end.
    Wrap,
}

impl Evaluate for Pad {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.tensor(0)?;
        let (pads, value) = (inputs.integers(1)?, inputs.tensor(2)?);
        let axes = inputs.axes(3, x.shape().len())?;
        if pads.len() != 2 * axes.len() {
            return Err(refused("the number of pads", pads.len(), &(2 * axes.len()).to_string()));
        }
        if (value.dtype(), value.len()) != (x.dtype(), 1) {
            let found = format!("{value:?}");
            return Err(refused("the padding's value", found, &format!("one {}", x.dtype())));
        }
        let mut shape = x.shape().to_vec();
        let mut before = vec![0i64; shape.len()];
        for (i, &axis) in axes.iter().enumerate() {
            before[axis] = pads[i];
            let added = pads[i].checked_add(pads[axes.len() + i]);
            let size = added.and_then(|added| added.checked_add(i64::try_from(shape[axis]).ok()?));
            let size = size.and_then(|size| usize::try_from(size).ok());
            shape[axis] =
                size.ok_or_else(|| refused("a pad", pads[i], "one that leaves a size"))?;
        }
        let is_copied = self.mode != PadMode::Constant && !shape.contains(&0);
        if let Some(axis) = x.shape().iter().position(|&size| size == 0).filter(|_| is_copied) {
            return Err(refused("an axis", axis, "an axis with an element to repeat"));
        }
        let mut made = inputs.zeros(x.dtype(), &shape)?;
        let strides = row_major_strides(x.shape());
        let source = x.shape();
        gather(&mut made, x.bytes(), value.bytes(), |index| {
            let mut at = 0;
            for axis in 0..index.len() {
                let place = (index[axis] as i64).checked_sub(before[axis])?;
                at += self.mode.place(place, source[axis] as i64)? * strides[axis];
            }
            Some(at)
        });
        Ok(vec![made.into()])
    }
}

impl PadMode {
    /// Where the element for `place` lies on an axis of `size` elements.
    fn place(self, place: i64, size: i64) -> Option<usize> {
        let inside = match self {
            PadMode::Constant => place,
            PadMode::Edge => place.clamp(0, size - 1),
            PadMode::Wrap => place.rem_euclid(size),
            PadMode::Reflect if size == 1 => 0,
            PadMode::Reflect => {
                let period = place.rem_euclid(2 * size - 2);
                period.min(2 * size - 2 - period)
            }
        };
        usize::try_from(inside).ok().filter(|_| inside < size)
    }
}
