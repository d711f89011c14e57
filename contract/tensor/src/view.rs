//! Tensors that lie in somebody else's memory.

use crate::DType;

/// A dense row-major tensor to read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: &'a [usize],
    /// The elements, little-endian, as many as the shape has.
    pub bytes: &'a [u8],
}

/// A dense row-major tensor to write.
#[derive(Debug)]
pub struct ViewMut<'a> {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: &'a [usize],
    /// The elements, little-endian, as many as the shape has.
    pub bytes: &'a mut [u8],
}

impl View<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Is there no element at all?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl ViewMut<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Is there no element at all?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
