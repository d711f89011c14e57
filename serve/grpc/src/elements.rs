//! Lists of numbers, straight into a tensor's bytes.

use crate::fields::{Fields, Value, malformed, varint};
use server::Refusal;
use tensor::DType;

/// How an element stands in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As its bytes.
    Fixed,
    /// As a whole number of variable length.
    Varint,
}

/// Writes the elements of one field, as many as there is room for; how many are there?
pub(crate) fn read(
    message: &[u8],
    field: u32,
    form: Form,
    dtype: DType,
    to: &mut [u8],
) -> Result<usize, Refusal> {
    let mut written = Written { to, at: 0, found: 0, dtype };
    let size = dtype.size().max(1);
    let mut fields = Fields::of_elements(message);
    while let Some((number, value)) = fields.next()? {
        if number != field {
            continue;
        }
        match (form, value) {
            (Form::Fixed, Value::Bytes(all)) if all.len().is_multiple_of(size) => {
                written.extend(all);
            }
            (Form::Fixed, Value::Fixed32(one)) if size == 4 => written.extend(&one),
            (Form::Fixed, Value::Fixed64(one)) if size == 8 => written.extend(&one),
            (Form::Varint, Value::Varint(one)) => written.push(one),
            (Form::Varint, Value::Bytes(mut all)) => {
                while !all.is_empty() {
                    written.push(varint(&mut all)?);
                }
            }
            _ => return Err(malformed()),
        }
    }
    Ok(written.found)
}

/// Elements that are written one after the other.
struct Written<'a> {
    to: &'a mut [u8],
    at: usize,
    found: usize,
    dtype: DType,
}

impl Written<'_> {
    fn extend(&mut self, elements: &[u8]) {
        let count = elements.len().min(self.to.len() - self.at);
        self.to[self.at..self.at + count].copy_from_slice(&elements[..count]);
        self.at += count;
        self.found += elements.len() / self.dtype.size().max(1);
    }

    fn push(&mut self, number: u64) {
        if self.dtype == DType::Bool {
            return self.extend(&[u8::from(number != 0)]);
        }
        let bytes = number.to_le_bytes();
        self.extend(&bytes[..self.dtype.size()]);
    }
}
