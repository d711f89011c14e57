//! Protocol buffers' text format, without a schema: fields in order, each with its line.
//!
//! What is read: `name: value`, messages in `{}` or `<>` with or without a colon, lists in `[]`,
//! strings in either quote with escapes and joined where they stand side by side, `#` comments,
//! commas and semicolons between fields, and names of extensions in brackets. What a field means
//! is asked of [`Message`] afterwards.

mod lexer;
mod message;
mod parser;

pub use message::{Field, Message, Value};
pub use parser::parse;

/// Longest text, in bytes. 1 MiB: five thousand models of two hundred bytes each.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Deepest nesting of messages. 64: configuration files have five levels, and the reader's stack
/// holds many times as many.
pub const DEPTH_MAX: usize = 64;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TextError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub reason: String,
}

impl TextError {
    fn new(line: usize, reason: impl Into<String>) -> TextError {
        TextError { line, reason: reason.into() }
    }
}
