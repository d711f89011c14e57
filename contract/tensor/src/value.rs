//! What a graph passes from node to node: numbers, text, and what holds them.

use crate::{DType, Tensor, TensorError, element_count};
use std::sync::Arc;

/// A value of any kind. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A tensor of numbers.
    Tensor(Arc<Tensor>),
    /// A tensor of text.
    Text(Arc<Text>),
    /// Values in order, all of one kind.
    Sequence(Arc<Vec<Value>>),
    /// A value, or none.
    Optional(Option<Arc<Value>>),
}

/// A dense row-major tensor of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    shape: Vec<usize>,
    elements: Vec<String>,
}

impl Text {
    /// A tensor of these elements, in row-major order.
    pub fn new(shape: &[usize], elements: Vec<String>) -> Result<Text, TensorError> {
        let too_large = || TensorError::TooLarge(shape.to_vec());
        let (expected, found) = (element_count(shape).ok_or_else(too_large)?, elements.len());
        if expected != found {
            return Err(TensorError::Count { shape: shape.to_vec(), expected, found });
        }
        Ok(Text { shape: shape.to_vec(), elements })
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, in row-major order.
    pub fn elements(&self) -> &[String] {
        &self.elements
    }
}

impl Value {
    /// The element type; [`DType::Object`] for what is no tensor.
    pub fn dtype(&self) -> DType {
        match self {
            Value::Tensor(tensor) => tensor.dtype(),
            Value::Text(_) => DType::String,
            Value::Sequence(_) | Value::Optional(_) => DType::Object,
        }
    }

    /// Sizes, outermost first; none for what is no tensor.
    pub fn shape(&self) -> &[usize] {
        match self {
            Value::Tensor(tensor) => tensor.shape(),
            Value::Text(text) => text.shape(),
            Value::Sequence(_) | Value::Optional(_) => &[],
        }
    }

    /// Bytes that it takes in memory, about; what several values share counts for each.
    pub fn bytes(&self) -> usize {
        let own = size_of::<Value>();
        let more = match self {
            Value::Tensor(tensor) => tensor.bytes().len(),
            Value::Text(text) => {
                text.elements.iter().map(|text| text.len() + size_of::<String>()).sum()
            }
            Value::Sequence(values) => {
                values.iter().map(Value::bytes).fold(0, usize::saturating_add)
            }
            Value::Optional(value) => value.as_ref().map_or(0, |value| value.bytes()),
        };
        own.saturating_add(more)
    }

    /// The tensor of numbers, when it is one.
    pub fn tensor(&self) -> Option<&Arc<Tensor>> {
        match self {
            Value::Tensor(tensor) => Some(tensor),
            Value::Text(_) | Value::Sequence(_) | Value::Optional(_) => None,
        }
    }

    /// The tensor of text, when it is one.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Value::Text(text) => Some(text),
            Value::Tensor(_) | Value::Sequence(_) | Value::Optional(_) => None,
        }
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Value {
        Value::Tensor(Arc::new(tensor))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::Text(Arc::new(text))
    }
}
