//! The product of matrices of the types that have no vectors.

use super::Matrix;
use crate::Number;
use crate::task::{Pieces, SharedMut, Task};

/// `out[i][M][N] = a[i][M][K] * b[i][K][N]`, for each batch i. Sums run along K in order.
#[derive(Debug)]
pub struct ScalarMatMul<'a, T> {
    m: usize,
    k: usize,
    n: usize,
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    out: SharedMut<'a, T>,
    /// Rows of the result.
    pieces: Pieces,
}

/// Multiply-adds of a piece, about.
const PIECE_WORK: usize = 1 << 16;

impl<'a, T: Number> ScalarMatMul<'a, T> {
    /// `out`: `batches * m * n` elements, dense, with as many batches as `a` and `b` have offsets.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn new(
        [m, k, n]: [usize; 3],
        a: Matrix<'a, T>,
        b: Matrix<'a, T>,
        out: SharedMut<'a, T>,
    ) -> ScalarMatMul<'a, T> {
        assert_eq!(a.offsets.len(), b.offsets.len(), "A and B differ in batches");
        a.check(m, k, "A");
        b.check(k, n, "B");
        let len = tensor::element_count(&[a.offsets.len(), m, n]);
        assert_eq!(Some(out.len()), len, "result: batches * M * N elements expected");
        let rows = if n == 0 { 0 } else { a.offsets.len() * m };
        let pieces = Pieces::of_size(rows, PIECE_WORK / k.saturating_mul(n).max(1));
        ScalarMatMul { m, k, n, a, b, out, pieces }
    }
}

impl<T: Number> Task for ScalarMatMul<'_, T> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let (a, b) = (&self.a, &self.b);
        for row in self.pieces.range(task) {
            // SAFETY: rows do not overlap; the caller vouches for the output.
            let sums = unsafe { self.out.part(row * self.n..(row + 1) * self.n) };
            sums.fill(T::ZERO);
            let (batch, row) = (row / self.m, row % self.m);
            for k in 0..self.k {
                let left = a.data[a.offsets[batch] + row * a.row_stride + k * a.column_stride];
                let right = b.offsets[batch] + k * b.row_stride;
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.plus(left.times(b.data[right + column * b.column_stride]));
                }
            }
        }
    }
}
