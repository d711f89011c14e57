//! TensorFlow Serving's JSON: requests straight into flat tensors, replies straight out of them.
//!
//! `serde_json` is not used for either, because the protocol has the bare tokens `NaN`,
//! `Infinity` and `-Infinity`, and because a tree of values would take twenty times the memory
//! of the tensor. `jiter` is a pull parser that knows these tokens.

mod column;
mod number;
mod read;
mod reply;
mod write;

pub(crate) use number::tf_name;
pub(crate) use read::{Form, Parsed, SIGNATURE, parse};
pub(crate) use reply::{answers, tensors};
pub(crate) use write::Pretty;
