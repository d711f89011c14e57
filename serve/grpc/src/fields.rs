//! Protocol Buffers read field by field, without memory for what is read.

use prost::encoding::{WireType, decode_key, decode_varint};
use server::Refusal;

/// Most fields of one message that is no list of elements. 4096: no request has as many, and each
/// may cost memory though it is two bytes.
const FIELDS_MAX: usize = 4096;

/// Longest name of anything, in bytes. 1024: names come back in errors and metadata.
const NAME_MAX: usize = 1024;

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    /// A string, bytes, a message, or several numbers.
    Bytes(&'a [u8]),
}

/// The fields of a message, in the order in which they come.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Fields<'a> {
    /// Of a message that is no list of elements.
    pub(crate) fn new(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message, left: FIELDS_MAX }
    }

    /// Of a message that may be a list of elements: as many as there are bytes.
    pub(crate) fn of_elements(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message, left: usize::MAX }
    }

    /// The next field; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Refusal> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let text = format!("expected a message of at most {FIELDS_MAX} fields, found more");
            Refusal::InvalidArgument(text)
        })?;
        let (number, kind) = decode_key(&mut self.rest).map_err(|_| malformed())?;
        let value = match kind {
            WireType::Varint => Value::Varint(varint(&mut self.rest)?),
            WireType::ThirtyTwoBit => Value::Fixed32(self.array()?),
            WireType::SixtyFourBit => Value::Fixed64(self.array()?),
            WireType::LengthDelimited => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| malformed())?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            // Groups were given up before any of the protocols that are served began.
            WireType::StartGroup | WireType::EndGroup => return Err(malformed()),
        };
        Ok(Some((number, value)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(malformed)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

impl<'a> Value<'a> {
    /// A message or bytes.
    pub(crate) fn bytes(self) -> Result<&'a [u8], Refusal> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Fixed32(_) | Value::Fixed64(_) => Err(malformed()),
        }
    }

    /// A name of something.
    pub(crate) fn name(self) -> Result<&'a str, Refusal> {
        let bytes = self.bytes()?;
        if bytes.len() > NAME_MAX {
            let text = format!("expected names of at most {NAME_MAX} bytes, found a longer one");
            return Err(Refusal::InvalidArgument(text));
        }
        std::str::from_utf8(bytes).map_err(|_| malformed())
    }

    /// A whole number, signed ones as their two's complement.
    pub(crate) fn varint(self) -> Result<u64, Refusal> {
        match self {
            Value::Varint(number) => Ok(number),
            Value::Fixed32(_) | Value::Fixed64(_) | Value::Bytes(_) => Err(malformed()),
        }
    }
}

/// Takes one variable-length number off the front.
pub(crate) fn varint(bytes: &mut &[u8]) -> Result<u64, Refusal> {
    decode_varint(bytes).map_err(|_| malformed())
}

/// What is no message of the kind that the method takes.
pub(crate) fn malformed() -> Refusal {
    let text = "expected a message of the method's request type, found bytes that are none";
    Refusal::InvalidArgument(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Refusal> {
        let mut fields = Fields::new(message);
        let mut found = Vec::new();
        while let Some(field) = fields.next()? {
            found.push(field);
        }
        Ok(found)
    }

    #[test]
    fn every_kind_of_field_is_read() {
        let message =
            [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
        let expected = vec![
            (1, Value::Varint(150)),
            (2, Value::Bytes(b"hi")),
            (3, Value::Fixed32([1, 2, 3, 4])),
            (4, Value::Fixed64([1, 2, 3, 4, 5, 6, 7, 8])),
        ];
        assert_eq!(all(&message), Ok(expected));
    }

    #[test]
    fn every_cut_within_a_field_is_refused() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 2, 3, 4];
        let whole = [0, 3, 7, 12];
        for end in 0..=message.len() {
            assert_eq!(all(&message[..end]).is_ok(), whole.contains(&end), "{end}");
        }
        for bad in [
            &[0x0b][..],
            &[0x00, 0],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert_eq!(all(bad), Err(malformed()), "{bad:?}");
        }
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        let message = [0x08, 0].repeat(FIELDS_MAX);
        assert!(all(&message).is_ok());
        assert!(all(&[message, vec![0x08, 0]].concat()).is_err());
    }
}
