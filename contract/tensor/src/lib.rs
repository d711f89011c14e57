//! Tensors as every stage of Schooner knows them: element types, shapes, symbolic dimensions
//! and 64-byte aligned buffers.
//!
//! Layout is always row-major and dense; a step that wants another physical order holds the
//! order in its own shape. Nothing here computes: numbers are made in `engine/kernels`, their
//! naive twins in `compile/reference`. What the bits of an element of less than 8 bits, or of a
//! float of 8, stand for is said once for all, in [`small`].
//!
//! ```
//! use tensor::{DType, Tensor};
//! let t = Tensor::from_slice(&[2, 3], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
//! assert_eq!(t.dtype(), DType::F32);
//! assert_eq!(t.as_slice::<f32>().unwrap()[4], 5.0);
//! ```
#![forbid(unsafe_code)]

mod bind;
mod buffer;
mod dim;
mod dim_form;
mod dim_text;
mod dtype;
mod element;
pub mod float_text;
pub mod rule;
pub mod scalar;
mod shape;
pub mod small;
mod text;
mod value;
mod view;

pub use bind::{ShapeError, bind_shape};
pub use buffer::{ALIGNMENT, AlignedBytes};
pub use dim::{Atom, Bindings, Dim, DimError, Term};
pub use dim_text::DimTextError;
pub use dtype::DType;
pub use element::Element;
pub use shape::{broadcast, element_count, row_major_strides};
pub use text::{PrefixError, Text, TextRow, push_prefixed};
pub use value::Value;
pub use view::{View, ViewMut};

use std::fmt;

/// A dense row-major tensor that owns its bytes.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    bytes: AlignedBytes,
}

/// Why a tensor could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The shape and the number of elements given do not agree.
    #[error("shape {shape:?} has {expected} elements but {found} were given")]
    Count {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Elements that the shape has.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// The product of the dimensions does not fit in memory.
    #[error("shape {0:?} has more elements than memory can hold")]
    TooLarge(Vec<usize>),
    /// The elements are of another type than the one asked for.
    #[error("expected elements of type {expected}, found {found}")]
    Type {
        /// The type asked for.
        expected: DType,
        /// The tensor's type.
        found: DType,
    },
}

impl Tensor {
    /// A tensor of zeros.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Result<Tensor, TensorError> {
        let count = checked_count(shape)?;
        let bytes = count
            .checked_mul(dtype.size())
            .filter(|&n| n <= isize::MAX as usize)
            .ok_or_else(|| TensorError::TooLarge(shape.to_vec()))?;
        Ok(Tensor { dtype, shape: shape.to_vec(), bytes: AlignedBytes::zeroed(bytes) })
    }

    /// A tensor that holds a copy of `elements`, in row-major order.
    pub fn from_slice<T: Element>(shape: &[usize], elements: &[T]) -> Result<Tensor, TensorError> {
        check_count(shape, elements.len())?;
        let bytes = AlignedBytes::copy_of(bytemuck::cast_slice(elements));
        Ok(Tensor { dtype: T::DTYPE, shape: shape.to_vec(), bytes })
    }

    /// A tensor that holds a copy of `bytes`: little-endian elements in row-major order.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        let count = checked_count(shape)?;
        if count.checked_mul(dtype.size()) != Some(bytes.len()) {
            let found = bytes.len() / dtype.size();
            return Err(TensorError::Count { shape: shape.to_vec(), expected: count, found });
        }
        let bytes = AlignedBytes::copy_of(bytes);
        Ok(Tensor { dtype, shape: shape.to_vec(), bytes })
    }

    /// A tensor of no dimensions that holds one element.
    pub fn scalar<T: Element>(element: T) -> Tensor {
        let bytes = AlignedBytes::copy_of(bytemuck::bytes_of(&element));
        Tensor { dtype: T::DTYPE, shape: Vec::new(), bytes }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Is there no element at all?
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 0
    }

    /// The elements as little-endian bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// The elements as bytes that may be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.as_mut_slice()
    }

    /// The tensor as something to read.
    pub fn view(&self) -> View<'_> {
        View { dtype: self.dtype, shape: &self.shape, bytes: self.bytes() }
    }

    /// The tensor as something to write.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut { dtype: self.dtype, shape: &self.shape, bytes: self.bytes.as_mut_slice() }
    }

    /// The elements, or an error when they are not of type `T`.
    pub fn as_slice<T: Element>(&self) -> Result<&[T], TensorError> {
        self.check_type::<T>()?;
        Ok(bytemuck::cast_slice(self.bytes.as_slice()))
    }

    /// The elements to be written, or an error when they are not of type `T`.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T], TensorError> {
        self.check_type::<T>()?;
        Ok(bytemuck::cast_slice_mut(self.bytes.as_mut_slice()))
    }

    /// The same elements under another shape with as many elements.
    pub fn reshaped(mut self, shape: &[usize]) -> Result<Tensor, TensorError> {
        check_count(shape, self.len())?;
        self.shape = shape.to_vec();
        Ok(self)
    }

    fn check_type<T: Element>(&self) -> Result<(), TensorError> {
        if self.dtype == T::DTYPE {
            return Ok(());
        }
        Err(TensorError::Type { expected: T::DTYPE, found: self.dtype })
    }
}

/// Prints type and shape, and the elements when they are few: `f32[2, 3]`.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.dtype, self.shape)
    }
}

fn checked_count(shape: &[usize]) -> Result<usize, TensorError> {
    element_count(shape).ok_or_else(|| TensorError::TooLarge(shape.to_vec()))
}

fn check_count(shape: &[usize], found: usize) -> Result<(), TensorError> {
    let expected = checked_count(shape)?;
    if expected == found {
        return Ok(());
    }
    Err(TensorError::Count { shape: shape.to_vec(), expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_names_both_sides() {
        let error = Tensor::from_slice(&[2, 2], &[1i32, 2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 2] has 4 elements but 3 were given");
    }

    #[test]
    fn a_shape_that_overflows_is_refused() {
        let error = Tensor::zeros(DType::F32, &[usize::MAX, 2]).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge(_)));
    }

    #[test]
    fn reading_as_another_type_names_both_types() {
        let error = Tensor::scalar(1i64).as_slice::<f32>().unwrap_err();
        assert_eq!(error.to_string(), "expected elements of type f32, found i64");
    }

    #[test]
    fn bytes_are_aligned_for_vector_loads() {
        let t = Tensor::zeros(DType::U8, &[3]).unwrap();
        assert_eq!(t.bytes().as_ptr().addr() % ALIGNMENT, 0);
    }
}
