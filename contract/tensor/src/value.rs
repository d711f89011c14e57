//! What a graph passes from node to node: numbers, text, and what holds them.

use crate::{DType, Element, Tensor, TensorError, Text};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A value of any kind. Cheap to clone.
#[derive(Clone, PartialEq)]
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
            Value::Text(text) => text.bytes(),
            Value::Sequence(values) => {
                values.iter().map(Value::bytes).fold(0, usize::saturating_add)
            }
            Value::Optional(value) => value.as_ref().map_or(0, |value| value.bytes()),
        };
        own.saturating_add(more)
    }

    /// The elements as they are stored and sent: of text each behind its length, see
    /// [`Text::to_prefixed`]. What is no tensor has none.
    pub fn wire_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Tensor(tensor) => Cow::Borrowed(tensor.bytes()),
            Value::Text(text) => Cow::Owned(text.to_prefixed()),
            Value::Sequence(_) | Value::Optional(_) => Cow::Borrowed(&[]),
        }
    }

    /// The tensor of numbers, when it is one.
    pub fn tensor(&self) -> Option<&Arc<Tensor>> {
        match self {
            Value::Tensor(tensor) => Some(tensor),
            Value::Text(_) | Value::Sequence(_) | Value::Optional(_) => None,
        }
    }

    /// The elements, or an error when they are not of type `T`.
    pub fn as_slice<T: Element>(&self) -> Result<&[T], TensorError> {
        let wrong = || TensorError::Type { expected: T::DTYPE, found: self.dtype() };
        self.tensor().ok_or_else(wrong)?.as_slice()
    }

    /// The tensor of text, when it is one.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Value::Text(text) => Some(text),
            Value::Tensor(_) | Value::Sequence(_) | Value::Optional(_) => None,
        }
    }
}

/// Prints types and shapes: `f32[2, 3]`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Tensor(tensor) => tensor.fmt(f),
            Value::Text(text) => text.fmt(f),
            Value::Sequence(values) => values.fmt(f),
            Value::Optional(value) => value.fmt(f),
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
