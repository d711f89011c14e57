//! The elements of an input of text, with refusals in Triton's words.

use tensor::{PrefixError, Text, TextRow};

/// An input of text.
pub(crate) struct Strings<'a> {
    pub(crate) input: &'a str,
    pub(crate) model: &'a str,
    /// How many elements its shape has.
    pub(crate) count: usize,
}

impl Strings<'_> {
    /// The elements, each behind its length in four bytes.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<TextRow, String> {
        let Strings { input, model, count } = self;
        let of = format!("for inference input '{input}' for model '{model}'");
        TextRow::from_prefixed(bytes, *count).map_err(|error| match error {
            PrefixError::Count { most } => too_many(most + 1, &of, most),
            PrefixError::Length { found, .. } => format!(
                "incomplete string length indicator {of}, expecting 4 bytes but only {found} bytes \
                 available. Please make sure the string length indicator is in one buffer."
            ),
            PrefixError::Element { expected, found, .. } => format!(
                "incomplete string data {of}, expecting string of length {expected} but only \
                 {found} bytes available. Please make sure the string is in one buffer."
            ),
            PrefixError::Encoding { element } => format!(
                "expected text in UTF-8 {of}, found bytes that are none in element {element}"
            ),
        })
    }

    /// The elements under the input's shape.
    pub(crate) fn shaped(&self, row: TextRow, shape: &[usize]) -> Result<Text, String> {
        let Strings { input, model, count } = *self;
        let of = format!("for inference input '{input}' for model '{model}'");
        match row.len() {
            found if found > count => Err(too_many(found, &of, count)),
            found if found < count => {
                Err(format!("expected {count} string elements {of}, got {found}"))
            }
            _ => row.shaped(shape).map_err(|error| error.to_string()),
        }
    }
}

fn too_many(found: usize, of: &str, expected: usize) -> String {
    format!("unexpected number of string elements {found} {of}, expecting {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], count: usize) -> String {
        let strings = Strings { input: "x", model: "m", count };
        let read = strings.read(bytes).and_then(|row| strings.shaped(row, &[count]));
        read.unwrap_err()
    }

    #[test]
    fn what_is_no_text_is_refused_in_triton_s_words() {
        let of = "for inference input 'x' for model 'm'";
        assert_eq!(
            refused(b"\x01\0\0\0a\x01\0\0\0b", 1),
            format!("unexpected number of string elements 2 {of}, expecting 1")
        );
        assert_eq!(refused(b"\x01\0\0\0a", 2), format!("expected 2 string elements {of}, got 1"));
        assert_eq!(
            refused(b"\x01\0", 1),
            format!(
                "incomplete string length indicator {of}, expecting 4 bytes but only 2 bytes \
                 available. Please make sure the string length indicator is in one buffer."
            )
        );
        assert!(refused(b"\xff\xff\xff\xffa", 1).starts_with(&format!(
            "incomplete string data {of}, expecting string of length 4294967295 but only 1 bytes"
        )));
        assert!(refused(b"\x01\0\0\0\xff", 1).starts_with("expected text in UTF-8"));
    }
}
