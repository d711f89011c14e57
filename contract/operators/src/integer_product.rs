//! ONNX MatMulInteger-10.

use crate::broadcasting::Broadcast;
use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, broadcast, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// `(a[…, M, K], b[…, K, N], a_zero, b_zero)`: the products in `i32` of matrices of `u8` or `i8`
/// without their zero points, which are of the types of the matrices and broadcast to them. Sums
/// beyond `i32` wrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerProduct {}

impl Compute for IntegerProduct {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let operands: &[Fact; 4] = exactly(inputs, "4")?;
        require_bytes(operands)?;
        let [a, b, ..] = operands;
        let (depth, other) = (&a.shape[a.rank() - 1], &b.shape[b.rank() - 2]);
        if depth != other {
            let (expected, found) = (depth.clone(), other.clone());
            return Err(RuleError::Size { what: "the inner axis", expected, found });
        }
        let mut shape = broadcast(&a.shape[..a.rank() - 2], &b.shape[..b.rank() - 2])?;
        shape.extend([a.shape[a.rank() - 2].clone(), b.shape[b.rank() - 1].clone()]);
        Ok(vec![Fact { dtype: DType::I32, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let [a, b] = [0, 1].map(|at| centered(&inputs[at], &inputs[at + 2]));
        let [a_shape, b_shape, shape] = [inputs[0].shape, inputs[1].shape, outputs[0].shape];
        let (batch, matrix) = shape.split_at(shape.len() - 2);
        let (rows, columns) = (matrix[0], matrix[1]);
        let depth = a_shape[a_shape.len() - 1];
        let of = |shape: &[usize]| Broadcast::new(&shape[..shape.len() - 2], batch);
        let [in_a, in_b] = [of(a_shape), of(b_shape)];
        let made: &mut [i32] = bytemuck::cast_slice_mut(outputs[0].bytes);
        for (at, made) in made.chunks_exact_mut(rows * columns).enumerate() {
            let a = &a[in_a.place(at) * rows * depth..][..rows * depth];
            let b = &b[in_b.place(at) * depth * columns..][..depth * columns];
            for (row, made) in made.chunks_exact_mut(columns).enumerate() {
                made.fill(0);
                let a = &a[row * depth..][..depth];
                for (&factor, b) in a.iter().zip(b.chunks_exact(columns)) {
                    for (sum, &b) in made.iter_mut().zip(b) {
                        *sum = sum.wrapping_add(factor * b);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Requires two operands of two axes or more in bytes, and zero points that broadcast to them.
pub(crate) fn require_bytes(operands: &[Fact; 4]) -> Result<(), RuleError> {
    for (input, fact) in operands.iter().enumerate() {
        require_type(input, fact, |d| matches!(d, DType::U8 | DType::I8), "u8 or i8")?;
    }
    for input in [0, 1] {
        let (of, zero) = (&operands[input], &operands[input + 2]);
        if of.rank() < 2 {
            let (expected, found) = ("at least 2".to_string(), of.shape.clone());
            return Err(RuleError::Rank { input, expected, found });
        }
        require_type(input + 2, zero, |dtype| dtype == of.dtype, of.dtype.name())?;
        if broadcast(&of.shape, &zero.shape)? != of.shape {
            let (expected, found) = (format!("at most {}", of.rank()), zero.shape.clone());
            return Err(RuleError::Rank { input: input + 2, expected, found });
        }
    }
    Ok(())
}

/// The elements without the zero points, which broadcast to them.
pub(crate) fn centered(x: &View<'_>, zero: &View<'_>) -> Vec<i32> {
    let number = |dtype: DType, byte: u8| match dtype {
        DType::I8 => i32::from(byte as i8),
        _ => i32::from(byte),
    };
    let in_zeros = Broadcast::new(zero.shape, x.shape);
    let zero_at = |at: usize| match zero.bytes {
        &[zero] => zero,
        zeros => zeros[in_zeros.place(at)],
    };
    let each = x.bytes.iter().enumerate();
    each.map(|(at, &byte)| number(x.dtype, byte) - number(zero.dtype, zero_at(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;
    use tensor::Tensor;

    #[test]
    fn zero_points_of_rows_and_columns_and_batches_that_repeat() {
        let a = Tensor::from_slice(&[2, 1, 2, 3], &[1u8, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let b = Tensor::from_slice(&[3, 2], &[1i8, -2, 3, -4, 5, -128]);
        let rows = Tensor::from_slice(&[2, 1], &[1u8, 4]);
        let columns = Tensor::from_slice(&[2], &[1i8, -4]);
        let [a, rows] = [a, rows].map(Result::unwrap);
        let [b, columns] = [b, columns].map(Result::unwrap);
        let product = Operator::from(IntegerProduct {});
        let views = [a.view(), b.view(), rows.view(), columns.view()];
        let made = product.evaluate(&views).unwrap().remove(0);
        assert_eq!(made.shape(), [2, 1, 2, 2]);
        let expected = [10, -248, 10, -248, 46, -980, 46, -980];
        assert_eq!(made.as_slice::<i32>().unwrap(), expected);
    }
}
