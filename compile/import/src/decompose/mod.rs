//! What several importers make of operators that the graph does not have.

mod einsum;
mod transpose;
mod volume;
mod window;

pub(crate) use einsum::einsum;
pub(crate) use transpose::conv_transpose;
pub(crate) use volume::convolution;
pub(crate) use window::{same_padded, same_pads};
