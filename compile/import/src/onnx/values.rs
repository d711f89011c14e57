//! Values as files of ONNX test data store them, and the kinds of values as models declare them.

use super::decode::{ModelValue, OptionalProto, SequenceProto, TensorProto, TypeProto};
use super::tensors;
use crate::build::{Budget, Kind, Rank};
use crate::error::ImportError;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use tensor::Value;

/// A tensor in a file of its own, a `TensorProto` as in ONNX test data: its name, which may be
/// empty, and its elements.
pub fn import_tensor(bytes: Bytes) -> Result<(String, Value), ImportError> {
    let proto = TensorProto::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    let value = tensor(&proto)?;
    Ok((proto.name, value))
}

/// A value in a file of its own, as in ONNX test data, whose type the model declares so.
pub fn import_value(bytes: Bytes, declared: &TypeProto) -> Result<Value, ImportError> {
    let failed = |error: prost::DecodeError| damaged(error.to_string());
    if declared.sequence_type.is_some() {
        return sequence(&SequenceProto::decode(bytes).map_err(failed)?);
    }
    if declared.optional_type.is_some() {
        return optional(&OptionalProto::decode(bytes).map_err(failed)?);
    }
    tensor(&TensorProto::decode(bytes).map_err(failed)?)
}

fn damaged(reason: String) -> ImportError {
    ImportError::Damaged { format: "ONNX value", reason }
}

fn tensor(proto: &TensorProto) -> Result<Value, ImportError> {
    let value = tensors::read_value(proto, None, &Budget::new(usize::MAX));
    value.map_err(|reason| damaged(reason.to_string()))
}

fn sequence(proto: &SequenceProto) -> Result<Value, ImportError> {
    let values: Result<Vec<Value>, _> = match proto.elem_type {
        ModelValue::SEQUENCE => proto.sequence_values.iter().map(sequence).collect(),
        ModelValue::OPTIONAL => proto.optional_values.iter().map(optional).collect(),
        _ => proto.tensor_values.iter().map(tensor).collect(),
    };
    Ok(Value::Sequence(Arc::new(values?)))
}

fn optional(proto: &OptionalProto) -> Result<Value, ImportError> {
    let value = match proto.elem_type {
        ModelValue::NOTHING => None,
        ModelValue::SEQUENCE => proto.sequence_value.as_ref().map(sequence).transpose()?,
        ModelValue::OPTIONAL => proto.optional_value.as_deref().map(optional).transpose()?,
        _ => proto.tensor_value.as_ref().map(tensor).transpose()?,
    };
    Ok(Value::Optional(value.map(Arc::new)))
}

/// The kind of value that a type declares; `None` for maps, sparse tensors and element types that
/// are not known.
pub(super) fn kind(declared: &TypeProto) -> Option<Kind> {
    if let Some(tensor) = &declared.tensor_type {
        let dtype = tensors::element_type(i64::from(tensor.elem_type)).ok()?;
        let rank = tensor.shape.as_ref().map_or(Rank::Varies, |shape| Rank::Is(shape.dim.len()));
        return Some(Kind::Tensor { dtype, rank });
    }
    if let Some(sequence) = &declared.sequence_type {
        return Some(Kind::Sequence(Box::new(kind(sequence.elem_type.as_deref()?)?)));
    }
    let optional = declared.optional_type.as_ref()?;
    Some(Kind::Optional(Some(Box::new(kind(optional.elem_type.as_deref()?)?))))
}
