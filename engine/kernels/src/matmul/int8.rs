//! The packed form of matrices of bytes.

use super::{PANEL, pack_lanes};

/// Bytes in a lane.
const GROUP: usize = 4;
/// Above this depth a sum of products of bytes could leave `i32`.
pub const DEPTH_MAX: usize = i32::MAX as usize / (255 * 128);

/// Bytes that a packed matrix of `k` rows and `n` columns takes.
///
/// # Panics
/// When the number does not fit in a `usize`.
pub fn packed_int8_len(k: usize, n: usize) -> usize {
    tensor::element_count(&[n.div_ceil(PANEL), k.div_ceil(GROUP), PANEL, GROUP])
        .expect("the matrix fits in memory")
}

/// Packs `b[K][N]` into `[ceil(n / 16)][ceil(k / 4)][16][4]`, filled up with zeros.
///
/// # Panics
/// When a length does not fit.
pub fn pack_int8(b: &[i8], k: usize, n: usize, out: &mut [i8]) {
    assert_eq!(b.len(), k * n, "matrix: K * N elements expected");
    assert_eq!(out.len(), packed_int8_len(k, n), "packed matrix: wrong length");
    pack_lanes::<GROUP, _>(k, n, |i, j| b[i * n + j], out);
}
