//! Normalizations: softmax, layer and root-mean-square norm, local response.

pub(crate) mod catalogue;
mod layer;
mod response;
mod scalar;
mod softmax;

pub use layer::{LayerNorm, RmsNorm};
pub use response::LocalResponseNorm;
pub use scalar::{RowFunction, ScalarRows};
pub use softmax::Softmax;

/// Elements of a piece, about.
const PIECE_WORK: usize = 1 << 14;

#[cfg(test)]
mod tests;
