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
        TextRow::from_prefixed(bytes, self.count).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &PrefixError) -> String {
        let of = self.of();
        match error {
            PrefixError::Count { most } => self.too_many(most + 1),
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
        }
    }

    fn of(&self) -> String {
        format!("for inference input '{}' for model '{}'", self.input, self.model)
    }

    fn too_many(&self, found: usize) -> String {
        let (of, expected) = (self.of(), self.count);
        format!("unexpected number of string elements {found} {of}, expecting {expected}")
    }

    /// The elements under the input's shape.
    pub(crate) fn shaped(&self, row: TextRow, shape: &[usize]) -> Result<Text, String> {
        let count = self.count;
        match row.len() {
            found if found > count => Err(self.too_many(found)),
            found if found < count => {
                Err(format!("expected {count} string elements {}, got {found}", self.of()))
            }
            _ => row.shaped(shape).map_err(|error| error.to_string()),
        }
    }
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
