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
        for (i, row) in out.chunks_exact_mut(PANEL).enumerate() {
            let start = i * row_stride + first * column_stride;
            if column_stride == 1 {
                row[..width].copy_from_slice(&b[start..start + width]);
            } else {
                for (j, x) in row[..width].iter_mut().enumerate() {
                    *x = b[start + j * column_stride];
                }
            }
            row[width..].fill(0.0);
        }
    }
}
