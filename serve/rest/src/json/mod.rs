//! JSON for every protocol: number tokens and lists of them to elements of tensors and
//! back, and texts that grow.
//!
//! `serde_json` is not used for either, because the protocols have the bare tokens `NaN`,
//! `Infinity` and `-Infinity`, and because a tree of values would take twenty times the memory
//! of the tensor. `jiter` is a pull parser that knows these tokens.

mod cursor;
mod decimal;
pub(crate) mod list;
pub(crate) mod number;
mod pull;
mod text;
mod values;
mod write;

pub(crate) use cursor::Cursor;
pub(crate) use pull::Pull;
pub(crate) use text::{decode_base64, encode_base64, quote};
pub(crate) use values::{Elements, values};
pub(crate) use write::Pretty;
