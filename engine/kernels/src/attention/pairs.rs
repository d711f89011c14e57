//! Packed operands as pairs of bf16.

use crate::matmul::narrow::NarrowFn;
use crate::matmul::{Matrix, PANEL};

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
                *lane = join(x, y);
            }
        }
    }
}

/// Packs a matrix of bf16 as [`pair_rows`] leaves one of f32.
pub(super) fn pack(
    matrix: &Matrix<'_, u16>,
    batch: usize,
    [rows, columns]: [usize; 2],
    lanes: &mut [u32],
) {
    if rows == 0 || columns == 0 {
        return;
    }
    let data = &matrix.data[matrix.offsets[batch]..];
    let panels = lanes.chunks_exact_mut(rows.div_ceil(2) * PANEL);
    for (first, lanes) in (0..columns).step_by(PANEL).zip(panels) {
        let width = (columns - first).min(PANEL);
        if width < PANEL {
            lanes.fill(0);
        }
        let data = &data[first * matrix.column_stride..];
        if matrix.row_stride == 1 {
            transpose(data, matrix.column_stride, [rows, width], lanes);
        } else {
            let strides = [matrix.row_stride, matrix.column_stride];
            interleave(data, strides, [rows, width], lanes);
        }
    }
}

/// A panel whose columns lie side by side.
fn transpose(data: &[u16], stride: usize, [rows, width]: [usize; 2], lanes: &mut [u32]) {
    for column in 0..width {
        let data = &data[column * stride..][..rows];
        let mut lines = lanes.chunks_exact_mut(PANEL);
        let pairs = data.chunks_exact(2);
        let last = pairs.remainder();
        for (pair, line) in pairs.zip(&mut lines) {
            line[column] = join(pair[0], pair[1]);
        }
        if let (&[x], Some(line)) = (last, lines.next()) {
            line[column] = join(x, 0);
        }
    }
}

/// A panel whose rows lie side by side, or of any other strides.
fn interleave(
    data: &[u16],
    [row_stride, column_stride]: [usize; 2],
    [rows, width]: [usize; 2],
    lanes: &mut [u32],
) {
    for (pair, line) in lanes.chunks_exact_mut(PANEL).enumerate() {
        let upper = &data[2 * pair * row_stride..];
        let lower = (2 * pair + 1 < rows).then(|| &data[(2 * pair + 1) * row_stride..]);
        let runs = (upper.first_chunk::<PANEL>(), lower.and_then(|row| row.first_chunk::<PANEL>()));
        if let ((Some(upper), Some(lower)), 1, PANEL) = (runs, column_stride, width) {
            for (lane, (&x, &y)) in line.iter_mut().zip(upper.iter().zip(lower)) {
                *lane = join(x, y);
            }
            continue;
        }
        for (column, lane) in line.iter_mut().enumerate().take(width) {
            let at = column * column_stride;
            *lane = join(upper[at], lower.map_or(0, |row| row[at]));
        }
    }
}

fn join(upper: u16, lower: u16) -> u32 {
    u32::from(upper) | u32::from(lower) << 16
}
