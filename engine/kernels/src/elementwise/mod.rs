//! Functions of elements at the same place: unary, binary with broadcasting, choice, cast.
//!
//! Operands are bytes with a [`tensor::DType`]. f32 runs on vectors, the other types through one
//! scalar loop each; booleans are bytes, of which 0 is false and all others are true.

mod binary;
mod cast;
pub(crate) mod catalogue;
mod generic;
mod nest;
mod scalar;
mod select;
mod unary;

pub use binary::BinaryMap;
pub use cast::Cast;
pub use select::Select;
pub use unary::UnaryMap;

pub(crate) use generic::{activate, activate_short};
pub(crate) use unary::checked_len;

/// A broadcast operand: dense row-major elements and their shape.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// The elements.
    pub bytes: &'a [u8],
    /// Sizes, outermost first; aligned with the result's at the innermost, where each equals
    /// the result's or is 1.
    pub shape: &'a [usize],
}

/// Elements of a piece: 64 KiB of f32, some microseconds of work.
pub(crate) const PIECE: usize = 1 << 14;

#[cfg(test)]
mod tests;
