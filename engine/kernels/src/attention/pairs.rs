//! Packed operands as pairs of bf16.

use crate::matmul::PANEL;
use crate::matmul::narrow::NarrowFn;

/// Lanes that a matrix takes: `[ceil(columns / 16)][ceil(rows / 2)][16]`.
pub(super) fn len(rows: usize, columns: usize) -> usize {
    tensor::element_count(&[columns.div_ceil(PANEL), rows.div_ceil(2), PANEL])
        .expect("the matrix fits in memory")
}

/// Brings two rows of each packed panel together: the upper one in the lower half of each lane. A
/// last odd row is paired with zeros.
pub(super) fn pair_rows(narrow: NarrowFn, packed: &[f32], rows: usize, lanes: &mut [u32]) {
    if rows == 0 {
        return;
    }
    let panels = packed.chunks_exact(rows * PANEL);
    for (panel, lanes) in panels.zip(lanes.chunks_exact_mut(rows.div_ceil(2) * PANEL)) {
        for (pair, lanes) in panel.chunks(2 * PANEL).zip(lanes.chunks_exact_mut(PANEL)) {
            let mut halves = [0u16; 2 * PANEL];
            // SAFETY: a pair has no more numbers than there is room for; every narrowing that is
            // handed out is of this CPU.
            unsafe { narrow(pair.as_ptr(), pair.len(), halves.as_mut_ptr()) };
            let (upper, lower) = halves.split_at(PANEL);
            for (lane, (&x, &y)) in lanes.iter_mut().zip(upper.iter().zip(lower)) {
                *lane = u32::from(x) | u32::from(y) << 16;
            }
        }
    }
}
