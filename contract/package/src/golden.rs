//! What a model answered when it was built, to be held against what it answers where it is loaded.

use crate::ContainerError;
use serde::{Deserialize, Serialize};
use tensor::{DType, Tensor};

/// Elements of each output that are kept. Enough to tell a damaged or miscomputed model from a
/// good one, too few to weigh anything beside the weights.
const ELEMENTS_MAX: usize = 1 << 16;

/// The outputs for the input that is made up for a model. Its section is one line of JSON, then
/// the elements of one output after the other, little-endian.
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
    pub first: Tensor,
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
}

impl Expected {
    /// What is kept of an output.
    pub fn of(output: &Tensor) -> Expected {
        let elements = output.len().min(ELEMENTS_MAX);
        let bytes = &output.bytes()[..elements * output.dtype().size()];
        let first = Tensor::from_bytes(output.dtype(), &[elements], bytes);
        let first = first.expect("as many bytes were taken as the elements have");
        Expected { shape: output.shape().to_vec(), first }
    }
}

impl Golden {
    /// The section's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let row = |output: &Expected| Row {
            dtype: output.first.dtype().name().to_string(),
            shape: output.shape.clone(),
            elements: output.first.len(),
        };
        let outputs = self.outputs.iter().map(row).collect();
        let head = Head { tolerance: self.tolerance, outputs };
        let mut bytes =
            serde_json::to_vec(&head).expect("numbers and strings always have a JSON form");
        bytes.push(b'\n');
        self.outputs.iter().for_each(|output| bytes.extend_from_slice(output.first.bytes()));
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
            let dtype = DType::from_name(&row.dtype).filter(|dtype| dtype.is_dense());
            let dtype = dtype.ok_or_else(|| refused("an element type is none"))?;
            let length = row.elements.checked_mul(dtype.size());
            let split = length.and_then(|length| rest.split_at_checked(length));
            let (elements, behind) = split.ok_or_else(|| refused("it ends early"))?;
            rest = behind;
            let first = Tensor::from_bytes(dtype, &[row.elements], elements)
                .map_err(|e| refused(&e.to_string()))?;
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
        Golden { tolerance: 1e-3, outputs: vec![Expected::of(&scores), Expected::of(&class)] }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Golden::decode(&golden().encode()), Ok(golden()));
    }

    #[test]
    fn large_outputs_keep_their_first_elements() {
        let large = Tensor::zeros(DType::U8, &[2, ELEMENTS_MAX]).unwrap();
        let kept = Expected::of(&large);
        assert_eq!((kept.shape.as_slice(), kept.first.len()), (large.shape(), ELEMENTS_MAX));
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
