//! What several importers make of operators that the graph does not have.

pub(crate) mod arithmetic;
mod deformed;
mod einsum;
pub(crate) mod forest;
mod layout;
mod range;
mod sequence;
mod shape;
pub(crate) mod tabular;
mod transpose;
mod volume;
mod window;

pub(crate) use deformed::deformed;
pub(crate) use einsum::einsum;
pub(crate) use layout::{Turned, to_last, to_second};
pub(crate) use range::{Range, range_count};
pub(crate) use sequence::{positions, reversed_sequences};
pub(crate) use shape::{product, quotient, target_shape, tiled};
pub(crate) use transpose::conv_transpose;
pub(crate) use volume::convolution;
pub(crate) use window::{same_padded, same_pads};
