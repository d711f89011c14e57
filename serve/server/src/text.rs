//! A body that is text.

use crate::Refusal;
use plan::Port;
use tensor::{Dim, Text, Value};

/// The only element of an input of text, in the shape that the input wants.
///
/// # Errors
/// When the bytes are not UTF-8, or the input has several elements.
pub fn whole_text(port: &Port, bytes: &[u8]) -> Result<Value, Refusal> {
    let refused = |why: String| {
        let name = &port.name;
        Refusal::InvalidArgument(format!("expected the only text of input '{name}': {why}"))
    };
    let size = |dim: &Dim| dim.known_size().unwrap_or(1);
    let shape: Vec<usize> = port.shape.iter().map(size).collect();
    let element = std::str::from_utf8(bytes);
    let element = element.map_err(|error| refused(format!("it is not UTF-8: {error}")))?;
    let text = Text::new(&shape, [element]).map_err(|error| refused(error.to_string()))?;
    Ok(text.into())
}
