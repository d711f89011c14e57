//! The packed form of transformed weights.

use super::{Tile, transform};
use crate::conv::ConvShape;
use crate::matmul::{PANEL, pack_bf16};

/// Floats that the packed weights take.
///
/// # Panics
/// When the shape is impossible, or none that [`super::Winograd`] computes.
pub fn packed_len(tile: Tile, shape: &ConvShape) -> usize {
    super::check(shape);
    tensor::element_count(&[shape.out_c.div_ceil(PANEL), tile.products(), shape.in_c, PANEL])
        .expect("the weights fit in memory")
}

/// Transforms weights `[out_c][in_c][3][3]`, in f64, and packs them into
/// `[panel of 16 output channels][product][in_c][16]`, the last panel filled with zeros.
///
/// # Panics
/// When a length does not fit the shape.
pub fn pack_weights(tile: Tile, oihw: &[f32], shape: &ConvShape, out: &mut [f32]) {
    assert_eq!(out.len(), packed_len(tile, shape), "packed weights: wrong length");
    assert_eq!(oihw.len(), shape.out_c * shape.in_c * 9, "weights: wrong length");
    let (n, in_c) = (tile.inputs(), shape.in_c);
    if in_c == 0 {
        return;
    }
    for (panel, out) in out.chunks_exact_mut(n * n * in_c * PANEL).enumerate() {
        out.fill(0.0);
        let width = (shape.out_c - panel * PANEL).min(PANEL);
        for (lane, channel) in (0..width).flat_map(|lane| (0..in_c).map(move |c| (lane, c))) {
            let filter = (panel * PANEL + lane) * in_c + channel;
            for (product, x) in transformed(&oihw[filter * 9..][..9], n).enumerate() {
                out[(product * in_c + channel) * PANEL + lane] = x as f32;
            }
        }
    }
}

/// Numbers of 2 bytes that the packed weights take as bf16.
///
/// # Panics
/// When the shape is impossible, or none that [`super::Winograd`] computes.
pub fn packed_bf16_len(tile: Tile, shape: &ConvShape) -> usize {
    super::check(shape);
    let pairs = shape.in_c.div_ceil(2);
    tensor::element_count(&[shape.out_c.div_ceil(PANEL), tile.products(), pairs, PANEL, 2])
        .expect("the weights fit in memory")
}

/// As [`pack_weights`], rounded to the nearest bf16:
/// `[panel of 16 output channels][product][pair of in_c][16][2]`.
///
/// # Panics
/// When a length does not fit the shape.
pub fn pack_weights_bf16(tile: Tile, oihw: &[f32], shape: &ConvShape, out: &mut [u16]) {
    assert_eq!(out.len(), packed_bf16_len(tile, shape), "packed weights: wrong length");
    let mut floats = vec![0.0; packed_len(tile, shape)];
    pack_weights(tile, oihw, shape, &mut floats);
    let in_c = shape.in_c;
    if in_c == 0 {
        return;
    }
    let matrices = floats.chunks_exact(in_c * PANEL);
    for (matrix, out) in matrices.zip(out.chunks_exact_mut(in_c.div_ceil(2) * PANEL * 2)) {
        pack_bf16(matrix, in_c, PANEL, out);
    }
}

/// `G g G^T` of a filter, row by row.
fn transformed(filter: &[f32], n: usize) -> impl Iterator<Item = f64> {
    let mut columns = [[0.0; 6]; 3];
    for (j, column) in columns.iter_mut().enumerate() {
        *column = transform::weights([0, 3, 6].map(|row| f64::from(filter[row + j])), n);
    }
    (0..n).flat_map(move |i| {
        transform::weights(columns.map(|column| column[i]), n).into_iter().take(n)
    })
}
