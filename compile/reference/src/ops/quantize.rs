//! Integers that stand for numbers: affine quantization.

use crate::ReferenceError;
use crate::numbers::{read_floats, read_integers, store_floats, store_integers};
use tensor::{DType, Tensor};

/// `saturate(round(x / scale) + zero)`, ties to even; the quotient is rounded to f32. What is not a
/// number becomes the least integer.
pub(crate) fn quantize(
    dtype: DType,
    axis: usize,
    inputs: &[&Tensor],
) -> Result<Tensor, ReferenceError> {
    let (x, scales) = (read_floats(inputs[0])?, read_floats(inputs[1])?);
    let zeros = read_integers(inputs[2])?;
    let shape = inputs[0].shape();
    let (low, high) = if dtype == DType::U8 { (0, 255) } else { (-128, 127) };
    let integers: Vec<i128> = (0..x.len())
        .map(|index| {
            let quotient = (x[index] / of(&scales, shape, axis, index)) as f32;
            if quotient.is_nan() {
                return low;
            }
            // The cast saturates, far beyond the type.
            let steps = i128::from(quotient.round_ties_even() as i64);
            (steps + of(&zeros, shape, axis, index)).clamp(low, high)
        })
        .collect();
    store_integers(dtype, shape, &integers)
}

/// `(x - zero) * scale`.
pub(crate) fn dequantize(axis: usize, inputs: &[&Tensor]) -> Result<Tensor, ReferenceError> {
    let (x, scales) = (read_integers(inputs[0])?, read_floats(inputs[1])?);
    let zeros = read_integers(inputs[2])?;
    let shape = inputs[0].shape();
    let floats: Vec<f64> = (0..x.len())
        .map(|index| {
            let steps = x[index] - of(&zeros, shape, axis, index);
            steps as f64 * of(&scales, shape, axis, index)
        })
        .collect();
    store_floats(DType::F32, shape, &floats)
}

/// The parameter of an element: the only one, or that of its place along `axis`.
fn of<T: Copy>(parameters: &[T], shape: &[usize], axis: usize, index: usize) -> T {
    if parameters.len() == 1 {
        return parameters[0];
    }
    let inner: usize = shape[axis + 1..].iter().product();
    parameters[index / inner % shape[axis]]
}
