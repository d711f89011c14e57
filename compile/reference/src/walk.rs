//! Visiting the elements of a shape in row-major order.

use tensor::row_major_strides;

/// Where one operand's elements lie: the offset of the first, and the distance between
/// neighbours along each axis of the shape that is walked.
pub(crate) struct Layout {
    pub(crate) start: usize,
    pub(crate) strides: Vec<isize>,
}

impl Layout {
    /// A dense row-major operand of this shape.
    pub(crate) fn dense(shape: &[usize]) -> Layout {
        Layout { start: 0, strides: signed(&row_major_strides(shape)) }
    }

    /// A dense operand of shape `from`, broadcast to `to`.
    pub(crate) fn broadcast(from: &[usize], to: &[usize]) -> Layout {
        let missing = to.len() - from.len();
        let dense = signed(&row_major_strides(from));
        let stride = |axis: usize| match axis.checked_sub(missing) {
            Some(own) if from[own] != 1 => dense[own],
            Some(_) | None => 0,
        };
        Layout { start: 0, strides: (0..to.len()).map(stride).collect() }
    }
}

/// Calls `visit` with the offsets of the operands' elements, for each element of `shape`.
pub(crate) fn walk<const N: usize>(
    shape: &[usize],
    operands: [&Layout; N],
    mut visit: impl FnMut([usize; N]),
) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    let mut offsets = operands.map(|o| o.start);
    loop {
        visit(offsets);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            let is_over = index[axis] == shape[axis];
            // Past the end of an axis: back to its first element, and on along the next axis.
            let steps = if is_over { 1 - shape[axis] as isize } else { 1 };
            for (offset, operand) in offsets.iter_mut().zip(operands) {
                *offset = offset.wrapping_add_signed(steps * operand.strides[axis]);
            }
            if !is_over {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Calls `visit` with each index into `shape`.
pub(crate) fn for_each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    let strides = row_major_strides(shape);
    let mut index = vec![0; shape.len()];
    walk(shape, [&Layout::dense(shape)], |[at]| {
        for axis in 0..shape.len() {
            index[axis] = at / strides[axis] % shape[axis];
        }
        visit(&index);
    });
}

fn signed(strides: &[usize]) -> Vec<isize> {
    // The elements exist in memory, so every stride is below `isize::MAX`.
    strides.iter().map(|&s| s as isize).collect()
}
