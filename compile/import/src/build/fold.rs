//! Constants computed at import: the naive twin of the operator, with short cuts for what large
//! weights go through.

use crate::error::Reason;
use ir::Op;
use std::sync::Arc;
use tensor::{Bindings, Dim, Tensor};

/// What `op` makes of known elements.
pub(crate) fn evaluate(op: &Op, inputs: &[&Arc<Tensor>]) -> Result<Vec<Tensor>, Reason> {
    if let Some(tensor) = short_cut(op, inputs) {
        return Ok(vec![tensor]);
    }
    let inputs: Vec<&Tensor> = inputs.iter().map(|t| t.as_ref()).collect();
    reference::evaluate_all(op, &inputs, &Bindings::new())
        .map_err(|error| Reason::Evaluation(error.to_string()))
}

/// Is it one of the operators that copy bytes?
pub(crate) fn is_short_cut(op: &Op, inputs: &[&Arc<Tensor>]) -> bool {
    let [x] = inputs else { return false };
    match op {
        Op::Reshape { .. } => true,
        Op::Expand { .. } => x.len() == 1,
        Op::Transpose { perm } => perm.as_slice() == [1, 0],
        _ => false,
    }
}

/// A new shape, one element repeated, and a transposed matrix, byte for byte.
fn short_cut(op: &Op, inputs: &[&Arc<Tensor>]) -> Option<Tensor> {
    let [x] = inputs else { return None };
    if !is_short_cut(op, inputs) {
        return None;
    }
    if let Op::Reshape { shape } = op {
        return Tensor::clone(x).reshaped(&known(shape)?).ok();
    }
    if let Op::Expand { shape } = op {
        let mut made = Tensor::zeros(x.dtype(), &known(shape)?).ok()?;
        if x.bytes().iter().any(|&b| b != 0) {
            let element = x.bytes().to_vec();
            let places = made.bytes_mut().chunks_exact_mut(element.len());
            places.for_each(|place| place.copy_from_slice(&element));
        }
        return Some(made);
    }
    transposed(x)
}

fn known(shape: &[Dim]) -> Option<Vec<usize>> {
    shape.iter().map(Dim::known_size).collect()
}

/// Side of the square that is transposed at once: 16 rows of 16 elements of 8 bytes touch 32
/// cache lines, which fit in any first-level cache.
const TILE: usize = 16;

fn transposed(x: &Tensor) -> Option<Tensor> {
    let [rows, columns] = *x.shape() else { return None };
    let mut made = Tensor::zeros(x.dtype(), &[columns, rows]).ok()?;
    match x.dtype().size() {
        1 => transpose_elements::<1>(x.bytes(), made.bytes_mut(), rows, columns),
        2 => transpose_elements::<2>(x.bytes(), made.bytes_mut(), rows, columns),
        4 => transpose_elements::<4>(x.bytes(), made.bytes_mut(), rows, columns),
        _ => transpose_elements::<8>(x.bytes(), made.bytes_mut(), rows, columns),
    }
    Some(made)
}

/// Transposes a matrix of elements of `SIZE` bytes, tile by tile.
fn transpose_elements<const SIZE: usize>(from: &[u8], to: &mut [u8], rows: usize, columns: usize) {
    let (from, _) = from.as_chunks::<SIZE>();
    let (to, _) = to.as_chunks_mut::<SIZE>();
    for row0 in (0..rows).step_by(TILE) {
        for column0 in (0..columns).step_by(TILE) {
            for column in column0..columns.min(column0 + TILE) {
                for row in row0..rows.min(row0 + TILE) {
                    to[column * rows + row] = from[row * columns + column];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_cuts_equal_the_naive_twin() {
        let elements: Vec<i32> = (0..17 * 35).collect();
        let matrix = Arc::new(Tensor::from_slice(&[17, 35], &elements).unwrap());
        let one = Arc::new(Tensor::from_slice(&[1], &[0.25f32]).unwrap());
        let dims = |sizes: &[usize]| sizes.iter().map(|&d| Dim::from(d)).collect::<Vec<_>>();
        let cases = [
            (Op::Transpose { perm: vec![1, 0] }, &matrix),
            (Op::Reshape { shape: dims(&[5, 7, 17]) }, &matrix),
            (Op::Expand { shape: dims(&[3, 4]) }, &one),
        ];
        for (op, x) in cases {
            let expected = reference::evaluate(&op, &[x.as_ref()], &Bindings::new()).unwrap();
            assert!(short_cut(&op, &[x]) == Some(expected), "{op:?}");
        }
    }
}
