//! Tensors of text.

use crate::{TensorError, element_count};
use std::fmt;

/// A dense row-major tensor of text. The elements lie one behind the other in one buffer: an
/// element takes its bytes and one number, however short it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    shape: Vec<usize>,
    row: TextRow,
}

/// Texts one behind the other, before they have a shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRow {
    all: String,
    /// Where each element ends.
    ends: Vec<usize>,
}

/// Why bytes are no texts behind their lengths; see [`TextRow::from_prefixed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The bytes end within a length.
    #[error("element {element}: expected 4 bytes of length, found {found}")]
    Length {
        /// The element's place.
        element: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// The bytes end within an element.
    #[error("element {element}: expected {expected} bytes, found {found}")]
    Element {
        /// The element's place.
        element: usize,
        /// Bytes that its length states.
        expected: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// There are more elements than expected.
    #[error("expected {most} elements, found more")]
    Count {
        /// The most that there may be.
        most: usize,
    },
    /// An element is not UTF-8.
    #[error("element {element} is not UTF-8")]
    Encoding {
        /// The element's place.
        element: usize,
    },
}

impl TextRow {
    /// Adds an element.
    pub fn push(&mut self, element: &str) {
        self.all.push_str(element);
        self.ends.push(self.all.len());
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Is there no element at all?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The element at a place; empty where there is none.
    pub fn element(&self, at: usize) -> &str {
        let Some(&end) = self.ends.get(at) else { return "" };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..end]
    }

    /// The elements, in order.
    pub fn elements(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator + Clone {
        (0..self.len()).map(|at| self.element(at))
    }

    /// The elements under a shape.
    pub fn shaped(self, shape: &[usize]) -> Result<Text, TensorError> {
        let too_large = || TensorError::TooLarge(shape.to_vec());
        let (expected, found) = (element_count(shape).ok_or_else(too_large)?, self.len());
        if expected != found {
            return Err(TensorError::Count { shape: shape.to_vec(), expected, found });
        }
        Ok(Text { shape: shape.to_vec(), row: self })
    }

    /// The texts in bytes, at most so many: each behind its length, four bytes, little-endian.
    /// Memory is bounded by the bytes: an element takes no more than 8 beside its own.
    pub fn from_prefixed(mut bytes: &[u8], most: usize) -> Result<TextRow, PrefixError> {
        let mut row = TextRow::default();
        while !bytes.is_empty() {
            let element = row.len();
            if element == most {
                return Err(PrefixError::Count { most });
            }
            let Some((length, rest)) = bytes.split_first_chunk() else {
                return Err(PrefixError::Length { element, found: bytes.len() });
            };
            let expected = u32::from_le_bytes(*length) as usize;
            let Some((text, rest)) = rest.split_at_checked(expected) else {
                return Err(PrefixError::Element { element, expected, found: rest.len() });
            };
            let text = std::str::from_utf8(text);
            row.push(text.map_err(|_| PrefixError::Encoding { element })?);
            bytes = rest;
        }
        Ok(row)
    }
}

impl<S: AsRef<str>> Extend<S> for TextRow {
    fn extend<I: IntoIterator<Item = S>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element.as_ref()));
    }
}

impl<S: AsRef<str>> FromIterator<S> for TextRow {
    fn from_iter<I: IntoIterator<Item = S>>(elements: I) -> TextRow {
        let mut row = TextRow::default();
        row.extend(elements);
        row
    }
}

impl Text {
    /// A tensor of these elements, in row-major order.
    pub fn new<S: AsRef<str>>(
        shape: &[usize],
        elements: impl IntoIterator<Item = S>,
    ) -> Result<Text, TensorError> {
        elements.into_iter().collect::<TextRow>().shaped(shape)
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Is there no element at all?
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// The element at a place in row-major order; empty where there is none.
    pub fn element(&self, at: usize) -> &str {
        self.row.element(at)
    }

    /// The elements, in row-major order.
    pub fn elements(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator + Clone {
        self.row.elements()
    }

    /// The same elements under another shape with as many elements.
    pub fn reshaped(self, shape: &[usize]) -> Result<Text, TensorError> {
        self.row.shaped(shape)
    }

    /// Bytes that the elements take in memory.
    pub fn bytes(&self) -> usize {
        self.row.all.len().saturating_add(self.len().saturating_mul(size_of::<usize>()))
    }

    /// The elements as bytes, see [`push_prefixed`].
    pub fn to_prefixed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.row.all.len() + self.len() * size_of::<u32>());
        self.elements().for_each(|element| push_prefixed(&mut bytes, element.as_bytes()));
        bytes
    }
}

/// Appends an element behind its length, four bytes, little-endian, as [`TextRow::from_prefixed`]
/// reads it. One of 4 GiB or more is cut off there.
pub fn push_prefixed(bytes: &mut Vec<u8>, element: &[u8]) {
    let length = u32::try_from(element.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&element[..length as usize]);
}

/// Prints type and shape: `string[2, 3]`.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", crate::DType::String, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_place() {
        let text = Text::new(&[2, 2], ["a", "", "größer", "🐈"]).unwrap();
        assert_eq!(text.elements().collect::<Vec<_>>(), ["a", "", "größer", "🐈"]);
        assert_eq!((text.element(2), text.element(4)), ("größer", ""));
        let error = Text::new(&[2], ["a"]).unwrap_err().to_string();
        assert_eq!(error, "shape [2] has 2 elements but 1 were given");
    }

    #[test]
    fn what_is_prefixed_is_read() {
        let text = Text::new(&[3], ["ab", "", "ü"]).unwrap();
        let bytes = text.to_prefixed();
        assert_eq!(bytes, b"\x02\0\0\0ab\0\0\0\0\x02\0\0\0\xc3\xbc");
        let read = |bytes: &[u8], most| TextRow::from_prefixed(bytes, most);
        assert_eq!(read(&bytes, 3).unwrap().shaped(&[3]).unwrap(), text);
        assert_eq!(read(&bytes, 2), Err(PrefixError::Count { most: 2 }));
        assert_eq!(read(&bytes[..8], 3), Err(PrefixError::Length { element: 1, found: 2 }));
        let cut = PrefixError::Element { element: 2, expected: 2, found: 1 };
        assert_eq!(read(&bytes[..15], 3), Err(cut));
        let claim = PrefixError::Element { element: 0, expected: 0xffff_ffff, found: 0 };
        assert_eq!(read(b"\xff\xff\xff\xff", 9), Err(claim));
        assert_eq!(read(b"\x01\0\0\0\xff", 9), Err(PrefixError::Encoding { element: 0 }));
    }
}
