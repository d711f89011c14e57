//! Safetensors files: the length of a description in JSON, the description, and the elements.

use super::super::damaged;
use super::super::pickle::{RANK_MAX, Stored};
use crate::error::ImportError;
use crate::{Options, json};
use bytes::Bytes;
use serde_json::Value as Json;
use std::collections::HashMap;
use tensor::{DType, row_major_strides};

/// Bytes of a description, as the format bounds them.
const HEADER_BYTES_MAX: u64 = 100 << 20;

/// Could these be the bytes of a safetensors file, whole or not?
pub(in crate::pytorch) fn is_safetensors(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|length| length <= HEADER_BYTES_MAX)
        && bytes.get(8..10) == Some(b"{\"")
}

fn header(bytes: &[u8]) -> Option<u64> {
    bytes.get(..8)?.try_into().ok().map(u64::from_le_bytes)
}

/// The tensors, and the bytes that their elements are in.
pub(super) fn read(
    bytes: Bytes,
    options: &Options,
) -> Result<(HashMap<String, Stored>, Bytes), ImportError> {
    let length = header(&bytes).and_then(|length| usize::try_from(length).ok());
    let end = length.and_then(|length| length.checked_add(8)).filter(|&end| end <= bytes.len());
    let end = end.ok_or_else(|| damaged("it breaks off in its description"))?;
    let text = std::str::from_utf8(&bytes[8..end]);
    let text = text.map_err(|_| damaged("its description is not UTF-8"))?;
    let taken = json::bytes(text);
    if taken > options.memory as u64 {
        return Err(ImportError::TooLarge { bytes: taken, limit: options.memory });
    }
    let description = json::parse(text).map_err(damaged)?;
    let mut tensors = HashMap::new();
    for (name, entry) in description.as_object().into_iter().flatten() {
        // A type that is not read is refused where the tensor is asked for.
        if let Some(stored) = stored(entry) {
            tensors.insert(name.clone(), stored);
        }
    }
    Ok((tensors, bytes.slice(end..)))
}

fn stored(entry: &Json) -> Option<Stored> {
    let dtype = match entry.get("dtype")?.as_str()? {
        "F32" => DType::F32,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        "F64" => DType::F64,
        "I64" => DType::I64,
        "I32" => DType::I32,
        "I16" => DType::I16,
        "I8" => DType::I8,
        "U8" => DType::U8,
        "BOOL" => DType::Bool,
        _ => return None,
    };
    let number = |value: &Json| value.as_u64().and_then(|n| usize::try_from(n).ok());
    let sizes: Option<Vec<usize>> = entry.get("shape")?.as_array()?.iter().map(number).collect();
    let sizes = sizes.filter(|sizes| sizes.len() <= RANK_MAX)?;
    let first = number(entry.pointer("/data_offsets/0")?)?;
    let offset = first.is_multiple_of(dtype.size()).then(|| first / dtype.size())?;
    // Sizes whose product cannot be counted have no strides, also beside one of zero.
    let counted: Vec<usize> = sizes.iter().map(|&size| size.max(1)).collect();
    tensor::element_count(&counted)?;
    let strides = row_major_strides(&sizes);
    Some(Stored { key: "".into(), dtype, offset, sizes, strides })
}
