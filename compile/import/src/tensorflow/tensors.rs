//! Tensors as `tensor.proto` stores them, read only after their shape agrees with what is there.

use super::proto::{TensorProto, TensorShapeProto};
use crate::build::Budget;
use crate::error::Reason;
use bytes::Bytes;
use tensor::{DType, Tensor, Text, Value, element_count};

/// Element types by their number in `DataType`, with their names.
const TYPES: &[(i32, DType)] = &[
    (1, DType::F32),
    (2, DType::F64),
    (3, DType::I32),
    (4, DType::U8),
    (5, DType::I16),
    (6, DType::I8),
    (7, DType::String),
    (9, DType::I64),
    (10, DType::Bool),
    (11, DType::I8),
    (12, DType::U8),
    (13, DType::I32),
    (14, DType::BF16),
    (15, DType::I16),
    (16, DType::U16),
    (17, DType::U16),
    (19, DType::F16),
    (22, DType::U32),
    (23, DType::U64),
    (24, DType::F8E5M2),
    (25, DType::F8E4M3FN),
];

/// Names of the types that are not in [`TYPES`], by number.
const FOREIGN_TYPES: &[(i32, &str)] =
    &[(8, "complex64"), (18, "complex128"), (20, "resource"), (21, "variant")];

/// What is added to the number of a type for a reference to a variable of it.
const REFERENCE: i32 = 100;

/// The element type with this number, or the name of one that is not supported.
pub(super) fn element_type(number: i32) -> Result<DType, String> {
    let number = if number > REFERENCE { number - REFERENCE } else { number };
    if let Some((_, dtype)) = TYPES.iter().find(|(n, _)| *n == number) {
        return Ok(*dtype);
    }
    match FOREIGN_TYPES.iter().find(|(n, _)| *n == number) {
        Some((_, name)) => Err((*name).to_string()),
        None => Err(format!("number {number}")),
    }
}

/// The number of an element type, where it has one.
pub(super) fn number_of(dtype: DType) -> Option<i32> {
    TYPES.iter().find(|(_, known)| *known == dtype).map(|(number, _)| *number)
}

/// Sizes that are all known.
pub(super) fn known_shape(shape: Option<&TensorShapeProto>) -> Option<Vec<usize>> {
    let Some(shape) = shape else { return Some(Vec::new()) };
    if shape.unknown_rank {
        return None;
    }
    shape.dim.iter().map(|dim| usize::try_from(dim.size).ok()).collect()
}

/// The tensor of numbers or text that a message describes.
pub(super) fn read(proto: &TensorProto, name: &str, budget: &Budget) -> Result<Value, Reason> {
    let refused = |reason: String| Reason::Tensor { name: name.to_string(), reason };
    let dtype = element_type(proto.dtype)
        .map_err(|name| refused(format!("elements of type {name} are not supported")))?;
    let shape = known_shape(proto.tensor_shape.as_ref());
    let count = shape.as_ref().and_then(|shape| element_count(shape));
    let (Some(shape), Some(count)) = (shape, count) else {
        return Err(refused(format!("its shape {:?} is none", proto.tensor_shape)));
    };
    if dtype == DType::String {
        return text(proto, &shape, count, budget).map_err(|error| match error {
            TextError::Reason(reason) => reason,
            TextError::Found(found) => refused(found),
        });
    }
    let size = count.checked_mul(dtype.size());
    if !proto.tensor_content.is_empty() {
        let found = proto.tensor_content.len();
        if Some(found) != size {
            return Err(refused(format!("{dtype}{shape:?} does not fit {found} bytes of data")));
        }
        budget.take(size)?;
        return dense(dtype, &shape, &proto.tensor_content).map_err(refused);
    }
    let (given, width) = (given(proto, dtype), dtype.size());
    if given.len() / width > count {
        let found = given.len() / width;
        return Err(refused(format!("{dtype}{shape:?} does not fit {found} elements")));
    }
    budget.take(size)?;
    dense(dtype, &shape, &filled(given, width, count)).map_err(refused)
}

/// A tensor of the bytes of its elements.
pub(super) fn dense(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Value, String> {
    let tensor = match dtype {
        // Any byte but 0 is true.
        DType::Bool => {
            let truths: Vec<u8> = bytes.iter().map(|&b| u8::from(b != 0)).collect();
            Tensor::from_bytes(dtype, shape, &truths)
        }
        _ => Tensor::from_bytes(dtype, shape, bytes),
    };
    tensor.map(Value::from).map_err(|error| error.to_string())
}

/// The elements that are there, in the bytes of their type.
fn given(proto: &TensorProto, dtype: DType) -> Vec<u8> {
    fn bytes<const N: usize, T: Copy>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|&value| to(value)).collect()
    }
    match dtype {
        DType::F32 => bytes(&proto.float_val, f32::to_le_bytes),
        DType::F64 => bytes(&proto.double_val, f64::to_le_bytes),
        DType::I64 => bytes(&proto.int64_val, i64::to_le_bytes),
        DType::U64 => bytes(&proto.uint64_val, u64::to_le_bytes),
        DType::U32 => bytes(&proto.uint32_val, u32::to_le_bytes),
        DType::I32 => bytes(&proto.int_val, i32::to_le_bytes),
        DType::I16 | DType::U16 => bytes(&proto.int_val, |v| (v as u16).to_le_bytes()),
        DType::F16 | DType::BF16 => bytes(&proto.half_val, |v| (v as u16).to_le_bytes()),
        DType::I8 | DType::U8 => bytes(&proto.int_val, |v| [v as u8]),
        DType::Bool => bytes(&proto.bool_val, |v| [u8::from(v)]),
        _ => Vec::new(),
    }
}

/// Elements up to a number of them, the last one that is given standing for the rest.
fn filled(mut given: Vec<u8>, width: usize, count: usize) -> Vec<u8> {
    if given.is_empty() {
        return vec![0; count * width];
    }
    let last = given[given.len() - width..].to_vec();
    let missing = count - given.len() / width;
    given.extend(std::iter::repeat_n(last, missing).flatten());
    given
}

enum TextError {
    Reason(Reason),
    Found(String),
}

fn text(
    proto: &TensorProto,
    shape: &[usize],
    count: usize,
    budget: &Budget,
) -> Result<Value, TextError> {
    let given = &proto.string_val;
    if given.len() > count {
        let found = format!("text{shape:?} does not fit {} elements", given.len());
        return Err(TextError::Found(found));
    }
    let last = given.last().cloned().unwrap_or_default();
    // Each takes a number beside its bytes.
    let rest = (last.len() + size_of::<usize>()).checked_mul(count - given.len());
    let own: usize = given.iter().map(|text| text.len() + size_of::<usize>()).sum();
    budget.take(rest.and_then(|rest| rest.checked_add(own))).map_err(TextError::Reason)?;
    let utf8 = |text: &Bytes| String::from_utf8(text.to_vec());
    let elements: Result<Vec<String>, _> =
        given.iter().chain(std::iter::repeat_n(&last, count - given.len())).map(utf8).collect();
    let elements =
        elements.map_err(|_| TextError::Found("it holds text that is not UTF-8".to_string()))?;
    let text = Text::new(shape, elements);
    text.map(Value::from).map_err(|error| TextError::Found(error.to_string()))
}
