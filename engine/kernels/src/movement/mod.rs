//! Kernels that move elements and compute nothing: copies between layouts, filling, gathering.
//! They know only the size of an element, and are the same on every ISA.

pub(crate) mod catalogue;
mod fill;
mod gather;
mod generic;
mod strided;

pub use fill::Fill;
pub use gather::{Gather, IndexError, Indices};
pub use strided::{AXES_MAX, Axis, StridedCopy};

/// Bytes of a piece, about: half of a small second-level cache.
const PIECE_BYTES: usize = 1 << 17;

#[cfg(test)]
mod tests;
