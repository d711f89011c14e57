//! ONNX StringSplit-20.

use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Text, Value};

/// The parts of each element along a new last axis, empty text behind the last; and how many parts
/// there are of each, `i64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// What stands between parts; without one, whitespace, of which any length is one.
    pub delimiter: Option<String>,
    /// The most cuts; the last part holds the rest.
    pub most: Option<usize>,
}

impl Split {
    pub(super) fn of(&self, x: &Text, bytes_max: usize) -> Result<Vec<Value>, ComputeError> {
        let split: Vec<Vec<String>> = x.elements().map(|x| self.parts(x)).collect();
        let width = split.iter().map(Vec::len).max().unwrap_or(0);
        let bytes = split.len().saturating_mul(width).saturating_mul(size_of::<String>());
        if bytes > bytes_max {
            return Err(ComputeError::Memory { needed: bytes, limit: bytes_max });
        }
        let counts: Vec<i64> = split.iter().map(|parts| parts.len() as i64).collect();
        let padded = split.into_iter().flat_map(|mut parts| {
            parts.resize(width, String::new());
            parts
        });
        let shape: Vec<usize> = x.shape().iter().copied().chain([width]).collect();
        let parts = Text::new(&shape, padded)?;
        Ok(vec![parts.into(), Tensor::from_slice(x.shape(), &counts)?.into()])
    }

    fn parts(&self, x: &str) -> Vec<String> {
        let parts = self.most.map_or(usize::MAX, |most| most.saturating_add(1));
        if let Some(delimiter) = &self.delimiter {
            return x.splitn(parts, delimiter.as_str()).map(str::to_string).collect();
        }
        let mut rest = x.trim_start();
        let mut made = Vec::new();
        while !rest.is_empty() {
            let end = rest.find(char::is_whitespace).filter(|_| made.len() + 1 < parts);
            let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
            made.push(part.to_string());
            rest = behind.trim_start();
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_python() {
        let parts = |delimiter: Option<&str>, most, x: &str| {
            Split { delimiter: delimiter.map(str::to_string), most }.parts(x).join("|")
        };
        assert_eq!(parts(None, None, "  a  b c "), "a|b|c");
        assert_eq!(parts(None, Some(1), " a  b c "), "a|b c ");
        assert_eq!(parts(None, Some(0), " a b"), "a b");
        assert_eq!(parts(None, None, "  "), "");
        assert_eq!(parts(Some(","), None, "a,,b"), "a||b");
        assert_eq!(parts(Some(","), Some(1), "a,b,c"), "a|b,c");
    }
}
