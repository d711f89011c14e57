//! The text form of a graph: one line for each value, printed and read back.
//!
//! ```text
//! graph # tiny
//! input %0 : f32[n, 3, 32, 32] # x
//! const %1 : f32[32, 10] blob(0, 1280) # weights
//! const %2 : f32[3, 1, 1] [1.0, 2.5, -inf]
//! const %3 : f32[1, 3, 1, 1] splat(0.5)
//! %4 = add(%0, %2) : f32[n, 3, 32, 32]
//! %5 = mat_mul(%4, %1) : f32[n, 3, 32, 10] # head
//! %6 = clip(%5) {"min":0.0,"max":6.0} : f32[n, 3, 32, 10]
//! output %6 # y
//! ```
//!
//! - `%4` stands for a value; reading numbers the values anew, in the order of their lines.
//! - An operator's parameters are those of its variant of [`crate::Op`] in JSON; scalar functions
//!   go by their own names. What a node makes may be left out, else it must be what the
//!   operator's rule says.
//! - Few elements are listed, equal ones given once as `splat`, all others lie in a section of
//!   bytes beside the text: `blob(offset, length)`, in bytes, little-endian and row-major.
//! - After `#` comes a name to the end of the line: as it is, or as a JSON string; two JSON
//!   strings when a node and the value that it makes have different names.
//! - Empty lines and those that start with `//` mean nothing.

mod elements;
mod parse;
mod print;

pub use parse::{Cause, TextError, parse};
pub use print::{Text, print};

/// Alignment of each blob in its section, in bytes: that of every tensor buffer, so that a
/// mapped section can be read in place.
const BLOB_ALIGNMENT: usize = tensor::ALIGNMENT;

/// Bytes that all `splat` constants of a graph may have together, since a few letters of text
/// ask for them. The printer puts what goes beyond into blobs.
const SPLAT_BYTES_MAX: usize = 64 << 20;

/// The most elements that are listed in the text: a line stays readable, and one bias vector of
/// a small test or one shape fits.
const LISTED_MAX: usize = 16;
