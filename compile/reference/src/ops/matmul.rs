//! Matrix product.

use crate::ReferenceError;
use crate::numbers::{Numbers, read, read_floats, read_integers, store_floats, store_integers};
use crate::walk::{Layout, walk};
use tensor::Tensor;

/// `y[…, i, j] = sum over k of a[…, i, k] * b[…, k, j]`.
pub(crate) fn mat_mul(a: &Tensor, b: &Tensor, shape: &[usize]) -> Result<Tensor, ReferenceError> {
    let sizes = Sizes::of(a.shape(), b.shape());
    match read(a)? {
        Numbers::Float(a_elements) => {
            let b_elements = read_floats(b)?;
            let y = sizes.multiply(&a_elements, &b_elements, 0.0, |sum, x, y| sum + x * y);
            store_floats(a.dtype(), shape, &y)
        }
        Numbers::Integer(a_elements) => {
            let b_elements = read_integers(b)?;
            let add = |sum: i128, x: i128, y: i128| sum.wrapping_add(x.wrapping_mul(y));
            let y = sizes.multiply(&a_elements, &b_elements, 0, add);
            store_integers(a.dtype(), shape, &y)
        }
    }
}

/// The sizes of one product, and the leading axes that are repeated.
struct Sizes {
    rows: usize,
    inner: usize,
    columns: usize,
    batch: Vec<usize>,
    /// Which matrix of `a` and of `b`, for each index into `batch`.
    layouts: [Layout; 2],
}

impl Sizes {
    /// An operand of rank 1 is a row on the left and a column on the right.
    fn of(a: &[usize], b: &[usize]) -> Sizes {
        let a = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
        let b = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
        let (a_lead, a_matrix) = a.split_at(a.len() - 2);
        let (b_lead, b_matrix) = b.split_at(b.len() - 2);
        let batch = tensor::broadcast(a_lead, b_lead).expect("the rule broadcast these");
        let layouts = [Layout::broadcast(a_lead, &batch), Layout::broadcast(b_lead, &batch)];
        Sizes { rows: a_matrix[0], inner: a_matrix[1], columns: b_matrix[1], batch, layouts }
    }

    fn multiply<T: Copy>(&self, a: &[T], b: &[T], zero: T, add: impl Fn(T, T, T) -> T) -> Vec<T> {
        let (rows, inner, columns) = (self.rows, self.inner, self.columns);
        let mut y = Vec::new();
        let mut row = vec![zero; columns];
        let [a_layout, b_layout] = &self.layouts;
        walk(&self.batch, [a_layout, b_layout], |[a_matrix, b_matrix]| {
            for i in 0..rows {
                row.fill(zero);
                for k in 0..inner {
                    let left = a[(a_matrix * rows + i) * inner + k];
                    let right = &b[(b_matrix * inner + k) * columns..][..columns];
                    for (sum, &right) in row.iter_mut().zip(right) {
                        *sum = add(*sum, left, right);
                    }
                }
                y.extend_from_slice(&row);
            }
        });
        y
    }
}
