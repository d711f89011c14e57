//! Tensors as `onnx.proto` stores them, read only after their shape agrees with the bytes that
//! are there.

use super::decode::{EXTERNAL, StringStringEntryProto, TensorProto};
use crate::beside;
use crate::build::Budget;
use crate::error::Reason;
use bytes::Bytes;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use tensor::{AlignedBytes, DType, Tensor, Text, Value, element_count, small};

/// Element types by their number in `TensorProto.DataType`.
const TYPES: &[(i32, DType)] = &[
    (1, DType::F32),
    (2, DType::U8),
    (3, DType::I8),
    (4, DType::U16),
    (5, DType::I16),
    (6, DType::I32),
    (7, DType::I64),
    (8, DType::String),
    (9, DType::Bool),
    (10, DType::F16),
    (11, DType::F64),
    (12, DType::U32),
    (13, DType::U64),
    (16, DType::BF16),
    (17, DType::F8E4M3FN),
    (18, DType::F8E4M3FNUZ),
    (19, DType::F8E5M2),
    (20, DType::F8E5M2FNUZ),
    (21, DType::U4),
    (22, DType::I4),
    (23, DType::F4E2M1),
    (24, DType::F8E8M0),
    (25, DType::U2),
    (26, DType::I2),
];

/// Names of the types that are not in [`TYPES`], by number.
const FOREIGN_TYPES: &[(i32, &str)] = &[(0, "undefined"), (14, "complex64"), (15, "complex128")];

/// The element type with this number, or the name of one that is not supported.
pub(crate) fn element_type(number: i64) -> Result<DType, String> {
    if let Some((_, dtype)) = TYPES.iter().find(|(n, _)| i64::from(*n) == number) {
        return Ok(*dtype);
    }
    match FOREIGN_TYPES.iter().find(|(n, _)| i64::from(*n) == number) {
        Some((_, name)) => Err((*name).to_string()),
        None => Err(format!("element type number {number}")),
    }
}

/// The number of an element type; `None` for that of values which are no tensors.
pub fn element_number(dtype: DType) -> Option<i32> {
    TYPES.iter().find(|(_, known)| *known == dtype).map(|(number, _)| *number)
}

/// A tensor as a message with its elements in [`TensorProto::raw_data`], those of less than 8 bits
/// packed, the first in the lowest bits.
pub fn write(name: &str, tensor: &Tensor) -> TensorProto {
    let dtype = tensor.dtype();
    let raw_data = match dtype.bits() {
        bits @ ..8 => packed(bits, tensor.bytes()).into(),
        _ => Bytes::copy_from_slice(tensor.bytes()),
    };
    TensorProto {
        name: name.to_string(),
        data_type: element_number(dtype).unwrap_or_default(),
        dims: tensor.shape().iter().map(|&size| size as i64).collect(),
        raw_data,
        ..TensorProto::default()
    }
}

/// The reverse of [`unpacked`].
fn packed(bits: usize, elements: &[u8]) -> Vec<u8> {
    let mask = (1u8 << bits) - 1;
    let byte =
        |group: &[u8]| group.iter().rev().fold(0, |byte, element| byte << bits | element & mask);
    elements.chunks(8 / bits).map(byte).collect()
}

/// The tensor of numbers or text that a message describes, as [`read`].
pub(crate) fn read_value(
    proto: &TensorProto,
    folder: Option<&Path>,
    budget: &Budget,
) -> Result<Value, Reason> {
    if element_type(i64::from(proto.data_type)) != Ok(DType::String) {
        return read(proto, folder, budget).map(Value::from);
    }
    let refused = |reason: String| Reason::Tensor { name: proto.name.clone(), reason };
    let shape: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape = shape.ok_or_else(|| refused(format!("shape {:?} is none", proto.dims)))?;
    let elements = proto.string_data.iter().map(|text| String::from_utf8(text.to_vec()));
    let elements: Result<Vec<String>, _> = elements.collect();
    let elements = elements.map_err(|_| refused("text that is not UTF-8".to_string()))?;
    budget.take(Some(elements.iter().map(String::len).sum()))?;
    let text = Text::new(&shape, elements).map_err(|error| refused(error.to_string()))?;
    Ok(text.into())
}

/// The tensor of numbers that a message describes. `folder` is where files with external data lie.
pub(crate) fn read(
    proto: &TensorProto,
    folder: Option<&Path>,
    budget: &Budget,
) -> Result<Tensor, Reason> {
    let refused = |reason: String| Reason::Tensor { name: proto.name.clone(), reason };
    let dtype = element_type(i64::from(proto.data_type))
        .map_err(|name| refused(format!("elements of type {name} are not supported")))?;
    let shape: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let size = shape.as_ref().and_then(|shape| stored_bytes(dtype, shape));
    let (Some(shape), Some(size)) = (shape, size) else {
        return Err(refused(format!("shape {:?} is not one that memory can hold", proto.dims)));
    };
    if proto.data_location == EXTERNAL {
        let mut file = external(&proto.external_data, size, folder).map_err(refused)?;
        budget.take(Some(size))?;
        let mut bytes = AlignedBytes::zeroed(size);
        file.read_exact(bytes.as_mut_slice()).map_err(|error| refused(error.to_string()))?;
        return from_bytes(dtype, &shape, bytes.as_slice()).map_err(refused);
    }
    let found = match proto.raw_data.len() {
        0 => stored(proto, dtype).saturating_mul(dtype.size()),
        found => found,
    };
    if found != size {
        return Err(refused(format!("{dtype}{shape:?} does not fit {found} bytes of data")));
    }
    budget.take(Some(size))?;
    let tensor = if proto.raw_data.is_empty() {
        typed(proto, dtype, &shape)
    } else {
        from_bytes(dtype, &shape, &proto.raw_data)
    };
    tensor.map_err(refused)
}

/// Elements in the field for their type; those of less than 8 bits share them as they share bytes.
fn stored(proto: &TensorProto, dtype: DType) -> usize {
    match dtype {
        DType::F32 => proto.float_data.len(),
        DType::F64 => proto.double_data.len(),
        DType::I64 => proto.int64_data.len(),
        DType::U32 | DType::U64 => proto.uint64_data.len(),
        DType::I32
        | DType::I16
        | DType::U16
        | DType::F16
        | DType::BF16
        | DType::I8
        | DType::U8
        | DType::Bool
        | DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => proto.int32_data.len(),
        DType::String | DType::Object => 0,
    }
}

/// Bytes that the elements take in a file, where several of less than 8 bits share one.
fn stored_bytes(dtype: DType, shape: &[usize]) -> Option<usize> {
    let count = element_count(shape)?;
    match dtype.bits() {
        bits @ ..8 => Some(count.div_ceil(8 / bits)),
        _ => count.checked_mul(dtype.size()),
    }
}

/// The elements of less than 8 bits that share bytes, the first in the lowest bits.
fn unpacked(dtype: DType, bytes: &[u8], count: usize) -> Vec<u8> {
    let elements = |&byte: &u8| {
        (0..8).step_by(dtype.bits()).map(move |shift| small::wrapped(dtype, byte >> shift))
    };
    bytes.iter().flat_map(elements).take(count).collect()
}

/// A tensor of raw bytes; a boolean's byte is made 0 or 1.
fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, String> {
    let refused = || format!("{dtype}{shape:?} does not fit {} bytes of data", bytes.len());
    if stored_bytes(dtype, shape) != Some(bytes.len()) {
        return Err(refused());
    }
    let made = if dtype.bits() < 8 {
        let count = element_count(shape).ok_or_else(refused)?;
        Tensor::from_bytes(dtype, shape, &unpacked(dtype, bytes, count))
    } else {
        Tensor::from_bytes(dtype, shape, bytes)
    };
    let mut tensor = made.map_err(|_| refused())?;
    if dtype == DType::Bool {
        tensor.bytes_mut().iter_mut().for_each(|b| *b = u8::from(*b != 0));
    }
    Ok(tensor)
}

/// A tensor whose elements stand in the field for their type.
fn typed(proto: &TensorProto, dtype: DType, shape: &[usize]) -> Result<Tensor, String> {
    let bytes: Vec<u8> = match dtype {
        DType::F32 => bytes_of(&proto.float_data, |v| v.to_le_bytes()),
        DType::F64 => bytes_of(&proto.double_data, |v| v.to_le_bytes()),
        DType::I64 => bytes_of(&proto.int64_data, |v| v.to_le_bytes()),
        DType::U64 => bytes_of(&proto.uint64_data, |v| v.to_le_bytes()),
        DType::U32 => bytes_of(&proto.uint64_data, |v| (v as u32).to_le_bytes()),
        DType::I32 => bytes_of(&proto.int32_data, |v| v.to_le_bytes()),
        DType::I16 | DType::U16 | DType::F16 | DType::BF16 => {
            bytes_of(&proto.int32_data, |v| (v as u16).to_le_bytes())
        }
        DType::I8
        | DType::U8
        | DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => bytes_of(&proto.int32_data, |v| [v as u8]),
        DType::Bool => bytes_of(&proto.int32_data, |v| [u8::from(v != 0)]),
        DType::String | DType::Object => return Err(format!("expected numbers, found {dtype}")),
    };
    from_bytes(dtype, shape, &bytes)
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&v| bytes(v)).collect()
}

/// Another file, which must lie in `folder` or below, at the place from which `size` bytes are the
/// tensor's; they are there.
fn external(
    entries: &[StringStringEntryProto],
    size: usize,
    folder: Option<&Path>,
) -> Result<File, String> {
    let entry = |key: &str| entries.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").ok_or("its data is in another file that is not named")?;
    let file = beside::open(folder, location);
    let mut file = file.map_err(|reason| format!("its data is {reason}"))?;
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| format!("{key} is `{text}`")),
    };
    let offset = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(size as u64);
    if length != size as u64 {
        return Err(format!("its shape takes {size} bytes, but {length} are stored"));
    }
    let failed = |error: std::io::Error| format!("its data is in `{location}`: {error}");
    let found = file.metadata().map_err(failed)?.len();
    if offset.checked_add(length).is_none_or(|end| end > found) {
        return Err(format!(
            "its data is {length} bytes from {offset} of `{location}`, which holds {found}"
        ));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proto(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto { name: "w".into(), data_type, dims: dims.to_vec(), ..Default::default() }
    }

    fn whole(proto: &TensorProto) -> Tensor {
        read(proto, None, &Budget::new(1 << 20)).unwrap()
    }

    #[track_caller]
    fn refused(proto: &TensorProto, expected: &str) {
        let error = read(proto, None, &Budget::new(1 << 20)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn elements_are_read_from_every_field() {
        let f32s = TensorProto { float_data: vec![1.5, -2.0], ..proto(1, &[2]) };
        assert_eq!(whole(&f32s).as_slice::<f32>().unwrap(), [1.5, -2.0]);
        let raw = TensorProto { raw_data: vec![1, 0, 0, 0, 2, 0, 0, 0].into(), ..proto(6, &[2]) };
        assert_eq!(whole(&raw).as_slice::<i32>().unwrap(), [1, 2]);
        let i8s = TensorProto { int32_data: vec![-1, 5], ..proto(3, &[2]) };
        assert_eq!(whole(&i8s).as_slice::<i8>().unwrap(), [-1, 5]);
        let bools = TensorProto { raw_data: vec![7, 0].into(), ..proto(9, &[2]) };
        assert_eq!(whole(&bools).bytes(), [1, 0]);
        let u32s = TensorProto { uint64_data: vec![9], ..proto(12, &[]) };
        assert_eq!(whole(&u32s).as_slice::<u32>().unwrap(), [9]);
        let floats = TensorProto { int32_data: vec![0x38, 0xFF], ..proto(17, &[2]) };
        assert_eq!(whole(&floats).bytes(), [0x38, 0xFF]);
    }

    #[test]
    fn elements_that_share_bytes_get_their_own() {
        let i4s = TensorProto { raw_data: vec![0x7F, 0x08].into(), ..proto(22, &[3]) };
        assert_eq!(whole(&i4s).bytes(), [0xFF, 7, 0xF8]);
        let u4s = TensorProto { int32_data: vec![0x7F], ..proto(21, &[2]) };
        assert_eq!(whole(&u4s).bytes(), [15, 7]);
        let i2s = TensorProto { raw_data: vec![0b1110_0100, 1].into(), ..proto(26, &[5]) };
        assert_eq!(whole(&i2s).bytes(), [0, 1, 0xFE, 0xFF, 1]);
        refused(&TensorProto { raw_data: vec![0; 2].into(), ..proto(25, &[9]) }, "does not fit");
        refused(&TensorProto { raw_data: vec![0; 2].into(), ..proto(25, &[4]) }, "does not fit");
        refused(&proto(22, &[1 << 40]), "does not fit 0 bytes");
    }

    #[test]
    fn what_is_written_reads_back() {
        let i4s = Tensor::from_bytes(DType::I4, &[3], &[0xFF, 7, 0xF8]).unwrap();
        let i2s = Tensor::from_bytes(DType::I2, &[5], &[0, 1, 0xFE, 0xFF, 1]).unwrap();
        let f32s = Tensor::from_slice(&[2, 1], &[1.5f32, -2.0]).unwrap();
        for tensor in [i4s, i2s, f32s] {
            let proto = write("w", &tensor);
            assert_eq!(proto.raw_data.len(), stored_bytes(tensor.dtype(), tensor.shape()).unwrap());
            assert_eq!(whole(&proto), tensor);
        }
    }

    #[test]
    fn a_shape_that_the_data_does_not_fill_is_refused_before_anything_is_allocated() {
        refused(&proto(1, &[1 << 40]), "does not fit 0 bytes");
        refused(&proto(1, &[i64::MAX, i64::MAX]), "not one that memory can hold");
        refused(&proto(1, &[-1]), "not one that memory can hold");
        refused(&proto(14, &[1]), "type complex64");
        refused(&proto(99, &[1]), "type number 99");
    }

    #[test]
    fn external_data_stays_in_the_folder() {
        let folder = std::env::temp_dir().join(format!("import-external-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("in")).unwrap();
        std::fs::write(folder.join("in/w.bin"), [0u8, 1, 2, 3]).unwrap();
        std::fs::write(folder.join("out.bin"), [0u8; 4]).unwrap();
        let inside = folder.join("in");
        let at = |location: &str, offset: &str| {
            let entry = |key: &str, value: &str| StringStringEntryProto {
                key: key.into(),
                value: value.into(),
            };
            let external_data = vec![entry("location", location), entry("offset", offset)];
            TensorProto { external_data, data_location: EXTERNAL, ..proto(2, &[2]) }
        };
        let budget = Budget::new(10);
        let read = |location, offset| read(&at(location, offset), Some(&inside), &budget);
        assert_eq!(read("w.bin", "1").unwrap().as_slice::<u8>().unwrap(), [1, 2]);
        assert_eq!(read("./w.bin", "2").unwrap().as_slice::<u8>().unwrap(), [2, 3]);
        for (location, offset, expected) in [
            ("w.bin", "3", "which holds 4"),
            ("w.bin", "18446744073709551615", "which holds 4"),
            ("w.bin", "x", "offset is `x`"),
            ("../out.bin", "0", "outside the model's folder"),
            ("/etc/passwd", "0", "outside the model's folder"),
            ("absent.bin", "0", "absent.bin"),
        ] {
            let error = read(location, offset).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        refused(&at("w.bin", "0"), "import the model by its path");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
