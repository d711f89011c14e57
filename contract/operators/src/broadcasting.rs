//! Where the elements of a small operand lie that repeats over a larger shape.

use tensor::row_major_strides;

/// An operand beside the shape that it broadcasts to.
pub(crate) struct Broadcast {
    /// For each axis of the shape: elements behind it, its size, and how far a step along it goes
    /// in the operand.
    axes: Vec<[usize; 3]>,
}

impl Broadcast {
    /// Of an operand that does broadcast to the shape.
    pub(crate) fn new(operand: &[usize], shape: &[usize]) -> Broadcast {
        let skipped = shape.len() - operand.len();
        let own = row_major_strides(operand);
        let along = |axis: usize| match axis.checked_sub(skipped) {
            Some(axis) if operand[axis] != 1 => own[axis],
            Some(_) | None => 0,
        };
        let behind = row_major_strides(shape);
        let axes = (0..shape.len()).map(|axis| [behind[axis], shape[axis], along(axis)]);
        Broadcast { axes: axes.collect() }
    }

    /// Where element `at` of the shape lies in the operand.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.axes.iter().map(|&[behind, size, step]| at / behind % size * step).sum()
    }
}
