//! Elements of every type, read as `f64` or `i128` and stored again in a new tensor.

use crate::ReferenceError;
use operators::numbers;
use tensor::{DType, Tensor};

pub(crate) use operators::numbers::Numbers;

/// Reads the elements.
pub(crate) fn read(tensor: &Tensor) -> Result<Numbers, ReferenceError> {
    Ok(numbers::read(&tensor.view()))
}

/// Reads the elements as floats; an integer beyond 2^53 is rounded.
pub(crate) fn read_floats(tensor: &Tensor) -> Result<Vec<f64>, ReferenceError> {
    Ok(numbers::read_floats(&tensor.view()))
}

/// Reads the elements as integers; a float is rounded towards zero and saturates, NaN becomes 0.
pub(crate) fn read_integers(tensor: &Tensor) -> Result<Vec<i128>, ReferenceError> {
    Ok(numbers::read_integers(&tensor.view()))
}

/// A tensor of floats, stored as [`numbers::store_floats`] does.
pub(crate) fn store_floats(
    dtype: DType,
    shape: &[usize],
    x: &[f64],
) -> Result<Tensor, ReferenceError> {
    let mut made = Tensor::zeros(dtype, shape)?;
    numbers::store_floats(&mut made.view_mut(), x);
    Ok(made)
}

/// A tensor of integers, stored as [`numbers::store_integers`] does.
pub(crate) fn store_integers(
    dtype: DType,
    shape: &[usize],
    x: &[i128],
) -> Result<Tensor, ReferenceError> {
    let mut made = Tensor::zeros(dtype, shape)?;
    numbers::store_integers(&mut made.view_mut(), x);
    Ok(made)
}
