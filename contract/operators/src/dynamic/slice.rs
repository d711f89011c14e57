//! ONNX Slice-10,11,13 by ends that are computed from data.

use super::{Evaluate, Inputs, gather, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Value, row_major_strides};

/// `(x, starts, ends, axes, steps)`: ranges of axes; negative ends count from the end of the axis,
/// those outside are clamped to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice;

impl Evaluate for Slice {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.tensor(0)?;
        let (starts, ends, steps) = (inputs.integers(1)?, inputs.integers(2)?, inputs.integers(4)?);
        let axes = inputs.axes(3, x.shape().len())?;
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            let found = format!("{} ends, {} axes, {} steps", ends.len(), axes.len(), steps.len());
            return Err(refused("a slice", found, &format!("{} of each", starts.len())));
        }
        let mut shape = x.shape().to_vec();
        let mut first: Vec<i64> = vec![0; shape.len()];
        let mut step: Vec<i64> = vec![1; shape.len()];
        for (i, &axis) in axes.iter().enumerate() {
            let range = range(starts[i], ends[i], steps[i], x.shape()[axis]);
            let range = range.ok_or_else(|| refused("a step", steps[i], "other than 0"))?;
            (first[axis], shape[axis], step[axis]) = (range.0, range.1, steps[i]);
        }
        let mut made = inputs.zeros(x.dtype(), &shape)?;
        let strides = row_major_strides(x.shape());
        gather(&mut made, x.bytes(), &[], |index| {
            let places = index.iter().zip(&first).zip(&step);
            let places = places.map(|((&i, &first), &step)| first + i as i64 * step);
            Some(places.zip(&strides).map(|(place, stride)| place as usize * stride).sum())
        });
        Ok(vec![made.into()])
    }
}

/// The first element of a range and how many there are; `None` for a step of 0.
fn range(start: i64, end: i64, step: i64, size: usize) -> Option<(i64, usize)> {
    let size = i64::try_from(size).ok()?;
    let from_start = |place: i64| if place < 0 { place.saturating_add(size) } else { place };
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let start = from_start(start).clamp(low, high);
    let end = from_start(end).clamp(low, high);
    let room = if step > 0 { end - start } else { start - end };
    let step = step.checked_abs().unwrap_or(i64::MAX);
    if step == 0 {
        return None;
    }
    let count = room.max(0).checked_add(step - 1).map_or(1, |n| n / step);
    Some((start, usize::try_from(count).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_python() {
        for size in 0..4usize {
            for start in -6..6i64 {
                for end in -6..6i64 {
                    for step in [-3i64, -2, -1, 1, 2, 3] {
                        let (first, count) = range(start, end, step, size).unwrap();
                        let found: Vec<i64> = (0..count as i64).map(|i| first + i * step).collect();
                        assert_eq!(found, slow(start, end, step, size as i64));
                    }
                }
            }
        }
        assert_eq!(range(0, 4, 0, 4), None);
        assert_eq!(range(0, i64::MAX, i64::MAX, 4), Some((0, 1)));
        assert_eq!(range(-1, i64::MIN, i64::MIN + 1, 4), Some((3, 1)));
    }

    /// Counts up or down from the start, as Python's `slice.indices` says.
    fn slow(start: i64, end: i64, step: i64, size: i64) -> Vec<i64> {
        let wrap = |place: i64| if place < 0 { place + size } else { place };
        let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let (mut at, end) = (wrap(start).clamp(low, high), wrap(end).clamp(low, high));
        let mut places = Vec::new();
        while (step > 0 && at < end) || (step < 0 && at > end) {
            places.push(at);
            at += step;
        }
        places
    }
}
