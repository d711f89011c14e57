//! ONNX Optional-15, OptionalHasElement-15,18 and OptionalGetElement-15,18.

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tensor::{DType, Tensor, Value};

/// Values that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optional {
    /// `([x])`: the value, or none, as an optional one.
    Make,
    /// `([x])`: is there a value? Anything but an absent optional is one.
    Has,
    /// `(x)`: the value, which has to be there.
    Get,
}

impl Evaluate for Optional {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let made = match self {
            Optional::Make => Value::Optional(inputs.values.first().cloned().map(Arc::new)),
            Optional::Has => {
                let is_there = !matches!(inputs.values.first(), None | Some(Value::Optional(None)));
                Tensor::from_bytes(DType::Bool, &[], &[u8::from(is_there)])?.into()
            }
            Optional::Get => match inputs.value(0)? {
                Value::Optional(Some(value)) => value.as_ref().clone(),
                Value::Optional(None) => {
                    return Err(refused("an optional value", "absent", "present"));
                }
                value @ (Value::Tensor(_) | Value::Text(_) | Value::Sequence(_)) => value.clone(),
            },
        };
        Ok(vec![made])
    }
}
