//! Tensors as nested lists.

use super::{Pretty, encode_base64, number};
use tensor::{DType, Text, Value};

/// Elements of a tensor in a row, all of them or some.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'a> {
    /// Numbers of a type, little-endian.
    Numbers(DType, &'a [u8]),
    /// So many texts from one on.
    Text { text: &'a Text, start: usize, count: usize, is_base64: bool },
}

impl<'a> Elements<'a> {
    /// All of a tensor; none of what is no tensor. Texts are written as they are.
    pub(crate) fn of(value: &'a Value) -> Elements<'a> {
        match value {
            Value::Tensor(tensor) => Elements::Numbers(tensor.dtype(), tensor.bytes()),
            Value::Text(text) => {
                Elements::Text { text, start: 0, count: text.len(), is_base64: false }
            }
            Value::Sequence(_) | Value::Optional(_) => Elements::Numbers(value.dtype(), &[]),
        }
    }

    /// The same, texts as `{"b64": …}` of their bytes.
    pub(crate) fn in_base64(self) -> Elements<'a> {
        match self {
            Elements::Numbers(..) => self,
            Elements::Text { text, start, count, .. } => {
                Elements::Text { text, start, count, is_base64: true }
            }
        }
    }

    /// Part `index` of `parts` that are as long as each other.
    pub(crate) fn part(self, index: usize, parts: usize) -> Elements<'a> {
        match self {
            Elements::Numbers(dtype, bytes) => {
                let step = bytes.len() / parts.max(1);
                Elements::Numbers(dtype, &bytes[index * step..(index + 1) * step])
            }
            Elements::Text { text, start, count, is_base64 } => {
                let count = count / parts.max(1);
                Elements::Text { text, start: start + index * count, count, is_base64 }
            }
        }
    }

    /// Writes one after the other.
    fn write(self, json: &mut Pretty) {
        match self {
            Elements::Numbers(dtype, bytes) => number::each(dtype, bytes, |text| json.raw(text)),
            Elements::Text { text, start, count, is_base64 } => {
                for element in (start..start + count).map(|at| text.element(at)) {
                    match is_base64 {
                        false => json.string(element),
                        true => {
                            json.object();
                            json.field("b64", &encode_base64(element.as_bytes()));
                            json.end_object();
                        }
                    }
                }
            }
        }
    }
}

/// The elements as lists nested by `shape`.
pub(crate) fn values(json: &mut Pretty, elements: Elements<'_>, shape: &[usize]) {
    let [size, inner @ ..] = shape else { return elements.write(json) };
    json.array();
    if inner.is_empty() {
        elements.write(json);
    } else {
        for i in 0..*size {
            values(json, elements.part(i, *size), inner);
        }
    }
    json.end_array();
}
