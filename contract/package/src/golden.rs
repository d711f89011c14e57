//! What a model answered when it was built, to be held against what it answers where it is loaded.

use crate::ContainerError;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tensor::{DType, Tensor, Text, TextRow, Value};

/// Elements of each output that are kept. Enough to tell a damaged or miscomputed model from a
/// good one, too few to weigh anything beside the weights.
const ELEMENTS_MAX: usize = 1 << 16;

/// Bytes of text of each output that are kept, for the same reason.
const TEXT_BYTES_MAX: usize = 1 << 18;

/// The outputs for the input that is made up for a model. Its section is one line of JSON, then
/// the elements of one output after the other: numbers little-endian, texts each behind its length
/// in four bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// How far a float may be off, relative to the largest element of its output: other
    /// instruction sets sum in another order.
    pub tolerance: f64,
    /// In the order of the signature.
    pub outputs: Vec<Expected>,
}

/// One output.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Its whole shape.
    pub shape: Vec<usize>,
    /// Its first elements, without a shape.
    pub first: Value,
}

/// The line of JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    tolerance: f64,
    outputs: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    dtype: String,
    shape: Vec<usize>,
    elements: usize,
    /// Of text, how many bytes it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

impl Expected {
    /// What is kept of an output.
    pub fn of(output: &Value) -> Expected {
        let first = match output {
            Value::Tensor(tensor) => {
                let elements = tensor.len().min(ELEMENTS_MAX);
                let bytes = &tensor.bytes()[..elements * tensor.dtype().size()];
                Tensor::from_bytes(tensor.dtype(), &[elements], bytes).map(Value::from)
            }
            Value::Text(text) => {
                let mut room = TEXT_BYTES_MAX;
                let fits = |element: &&str| {
                    let left = room.checked_sub(element.len());
                    room = left.unwrap_or(0);
                    left.is_some()
                };
                let row: TextRow = text.elements().take(ELEMENTS_MAX).take_while(fits).collect();
                let elements = row.len();
                row.shaped(&[elements]).map(Value::from)
            }
            // Only tensors are kept.
            Value::Sequence(_) | Value::Optional(_) => Text::new::<&str>(&[0], []).map(Value::from),
        };
        let first = first.expect("as many elements were taken as the shape has");
        Expected { shape: output.shape().to_vec(), first }
    }
}

impl Golden {
    /// The section's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let stored: Vec<_> = self.outputs.iter().map(|output| output.first.wire_bytes()).collect();
        let row = |(output, stored): (&Expected, &Cow<'_, [u8]>)| Row {
            dtype: output.first.dtype().name().to_string(),
            shape: output.shape.clone(),
            elements: output.first.shape().iter().product(),
            bytes: output.first.text().map(|_| stored.len()),
        };
        let outputs = self.outputs.iter().zip(&stored).map(row).collect();
        let head = Head { tolerance: self.tolerance, outputs };
        let mut bytes =
            serde_json::to_vec(&head).expect("numbers and strings always have a JSON form");
        bytes.push(b'\n');
        stored.iter().for_each(|stored| bytes.extend_from_slice(stored));
        bytes
    }

    /// The golden in a section's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Golden, ContainerError> {
        let refused = |reason: &str| ContainerError::Golden(reason.to_string());
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (head, rest) = bytes.split_at(end.ok_or_else(|| refused("its head has no end"))?);
        let head: Head = serde_json::from_slice(head).map_err(|e| refused(&e.to_string()))?;
        let mut rest = &rest[1..];
        let mut outputs = Vec::new();
        for row in head.outputs {
            let dtype = DType::from_name(&row.dtype).filter(|dtype| *dtype != DType::Object);
            let dtype = dtype.ok_or_else(|| refused("an element type is none"))?;
            let length = match dtype {
                DType::String => row.bytes,
                _ => row.elements.checked_mul(dtype.size()),
            };
            let split = length.and_then(|length| rest.split_at_checked(length));
            let (elements, behind) = split.ok_or_else(|| refused("it ends early"))?;
            rest = behind;
            let shape = [row.elements];
            let first = match dtype {
                DType::String => TextRow::from_prefixed(elements, row.elements)
                    .map_err(|e| refused(&e.to_string()))?
                    .shaped(&shape)
                    .map(Value::from),
                _ => Tensor::from_bytes(dtype, &shape, elements).map(Value::from),
            };
            let first = first.map_err(|e| refused(&e.to_string()))?;
            outputs.push(Expected { shape: row.shape, first });
        }
        match rest.is_empty() {
            true => Ok(Golden { tolerance: head.tolerance, outputs }),
            false => Err(refused("it goes on behind its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        let scores = Tensor::from_slice(&[1, 3], &[0.25f32, -1.0, f32::INFINITY]).unwrap();
        let class = Tensor::from_slice(&[1], &[7i64]).unwrap();
        let name = Text::new(&[1, 2], ["größer", ""]).unwrap();
        let outputs = [scores.into(), class.into(), name.into()];
        Golden { tolerance: 1e-3, outputs: outputs.iter().map(Expected::of).collect() }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Golden::decode(&golden().encode()), Ok(golden()));
    }

    #[test]
    fn large_outputs_keep_their_first_elements() {
        let large = Tensor::zeros(DType::U8, &[2, ELEMENTS_MAX]).unwrap();
        let kept = Expected::of(&large.clone().into());
        assert_eq!(kept.shape, large.shape());
        assert_eq!(kept.first.shape(), [ELEMENTS_MAX]);
        let long = Text::new(&[3], ["x".repeat(TEXT_BYTES_MAX), "y".into(), "z".into()]).unwrap();
        assert_eq!(Expected::of(&long.into()).first.shape(), [1]);
    }

    #[test]
    fn no_other_bytes_are_taken() {
        let good = golden().encode();
        for end in 0..good.len() {
            assert!(Golden::decode(&good[..end]).is_err(), "{end} bytes");
        }
        let row = r#"{"dtype":"f32","shape":[],"elements":18446744073709551615}"#;
        let hostile = format!("{{\"tolerance\":1,\"outputs\":[{row}]}}\n");
        assert!(Golden::decode(hostile.as_bytes()).is_err());
        assert!(Golden::decode(&[good, vec![0]].concat()).is_err());
    }
}
