//! The packed form of the right-hand operand.

/// Columns of a panel: one vector of AVX-512, two of AVX2, four of NEON.
pub const PANEL: usize = 16;

/// Floats that a packed matrix of `k` rows and `n` columns takes.
///
/// # Panics
/// When the number does not fit in a `usize`.
pub fn packed_len(k: usize, n: usize) -> usize {
    tensor::element_count(&[n.div_ceil(PANEL), k, PANEL]).expect("the matrix fits in memory")
}

/// Packs the matrix whose element (row i, column j) is `b[i * row_stride + j * column_stride]`
/// into `[ceil(n / PANEL)][k][PANEL]`, the last panel filled with zeros.
///
/// # Panics
/// When `out` is not [`packed_len`] floats long, or `b` too short for the strides.
pub fn pack(
    b: &[f32],
    k: usize,
    n: usize,
    row_stride: usize,
    column_stride: usize,
    out: &mut [f32],
) {
    assert_eq!(out.len(), packed_len(k, n), "packed matrix: wrong length");
    pack_columns(b, k, 0..n, row_stride, column_stride, out);
}

/// Packs some columns; `out` holds exactly their panels.
pub(crate) fn pack_columns(
    b: &[f32],
    k: usize,
    columns: std::ops::Range<usize>,
    row_stride: usize,
    column_stride: usize,
    out: &mut [f32],
) {
    if k == 0 {
        return;
    }
    for (panel, out) in out.chunks_exact_mut(k * PANEL).enumerate() {
        let first = columns.start + panel * PANEL;
        let width = (columns.end - first).min(PANEL);
        let b = &b[first * column_stride..];
        if width < PANEL {
            out.fill(0.0);
        }
        if column_stride == 1 {
            pack_rows(b, row_stride, width, out);
        } else {
            pack_transposed(b, row_stride, column_stride, width, out);
        }
    }
}

/// Packs a panel column by column, as the elements of a transposed operand lie.
fn pack_transposed(
    b: &[f32],
    row_stride: usize,
    column_stride: usize,
    width: usize,
    out: &mut [f32],
) {
    for column in 0..width {
        let b = &b[column * column_stride..];
        let rows = out.chunks_exact_mut(PANEL);
        if row_stride == 1 {
            let source = &b[..rows.len()];
            rows.zip(source).for_each(|(row, &x)| row[column] = x);
        } else {
            rows.enumerate().for_each(|(i, row)| row[column] = b[i * row_stride]);
        }
    }
}

/// Packs a panel of which `width` columns exist, the elements of each row side by side.
fn pack_rows(b: &[f32], row_stride: usize, width: usize, out: &mut [f32]) {
    for (i, row) in out.chunks_exact_mut(PANEL).enumerate() {
        let source = &b[i * row_stride..];
        match source.first_chunk::<PANEL>() {
            Some(source) if width == PANEL => row.copy_from_slice(source),
            _ => row[..width].copy_from_slice(&source[..width]),
        }
    }
}
