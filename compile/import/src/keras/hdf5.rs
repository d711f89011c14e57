//! HDF5 as Keras writes it: groups with attributes of text, and tensors of numbers.

use crate::build::Budget;
use crate::error::Reason;
use hdf5_pure::DatatypeByteOrder::LittleEndian;
use hdf5_pure::{DType as Stored, Dataset, Datatype, File, Group};
use std::collections::HashMap;
use tensor::{DType, Tensor, element_count};

/// Bytes that one byte of the file may stand for: no deflate stream grows by more than 1032.
const GROWTH_MAX: u64 = 1100;

/// Bytes of an integer once it is read, however few it has in the file, and of the widest float.
const WIDEST: u64 = 8;

/// Pieces that a list of names may be cut into: each takes some 64 KiB.
const PIECES_MAX: usize = 1 << 16;

/// A file that is open.
pub(super) struct Hdf5 {
    file: File,
    length: u64,
}

impl Hdf5 {
    /// Reads the file's head.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Hdf5, String> {
        let length = bytes.len() as u64;
        let file = File::from_bytes(bytes).map_err(|error| error.to_string())?;
        // What breaks off shows at the root.
        file.root().groups().map_err(|error| error.to_string())?;
        Ok(Hdf5 { file, length })
    }

    /// The attributes of a group that are text, by their names; `None` when there is no such group.
    pub(super) fn attributes(&self, group: &str) -> Option<Attributes> {
        let attributes = self.group(group)?.attrs().ok()?;
        let texts = attributes.into_iter().filter_map(|(name, value)| {
            let texts = value.as_strings()?.to_vec();
            Some((name, texts))
        });
        Some(Attributes(texts.collect()))
    }

    /// Is there a group of this path?
    pub(super) fn has(&self, group: &str) -> bool {
        self.group(group).is_some()
    }

    /// Is there a dataset of this path?
    pub(super) fn holds(&self, path: &str) -> bool {
        self.file.dataset(path).is_ok()
    }

    fn group(&self, path: &str) -> Option<Group> {
        if path.is_empty() { Some(self.file.root()) } else { self.file.group(path).ok() }
    }

    /// The tensor at a path.
    pub(super) fn tensor(&self, path: &str, budget: &Budget) -> Result<Tensor, Reason> {
        let refused = |reason: String| Reason::Tensor { name: path.to_string(), reason };
        let dataset = self.file.dataset(path).map_err(|error| refused(error.to_string()))?;
        let shape = dataset.shape().map_err(|error| refused(error.to_string()))?;
        let shape: Option<Vec<usize>> = shape.iter().map(|&d| usize::try_from(d).ok()).collect();
        let shape = shape.ok_or_else(|| refused("its shape is none".to_string()))?;
        let size = dataset.element_size().map_err(|error| refused(error.to_string()))?;
        let count = element_count(&shape).map(|count| count as u64);
        let bytes = count.and_then(|count| count.checked_mul(size));
        let limit = self.length.saturating_mul(GROWTH_MAX);
        let Some(bytes) = bytes.filter(|&bytes| bytes <= limit) else {
            let length = self.length;
            return Err(refused(format!("shape {shape:?} is more than a file of {length} bytes")));
        };
        let stored = dataset.dtype().map_err(|error| refused(error.to_string()))?;
        let memory = match stored {
            Stored::F32 | Stored::Other(_) => Some(bytes),
            _ => count.and_then(|count| count.checked_mul(WIDEST)),
        };
        budget.take(memory.and_then(|memory| usize::try_from(memory).ok()))?;
        read(&dataset, &stored, &shape).map_err(refused)
    }
}

/// The attributes of a group that are text.
pub(super) struct Attributes(HashMap<String, Vec<String>>);

impl Attributes {
    /// One text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    /// A list of texts, which Keras cuts into pieces `name0`, `name1`, … when it is long.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        if let Some(whole) = self.0.get(name) {
            return Some(whole.clone());
        }
        let pieces = (0..PIECES_MAX).map_while(|piece| self.0.get(&format!("{name}{piece}")));
        let all: Vec<String> = pieces.flatten().cloned().collect();
        (!all.is_empty()).then_some(all)
    }
}

/// The elements of a dataset; halves are read as they are stored.
fn read(dataset: &Dataset, stored: &Stored, shape: &[usize]) -> Result<Tensor, String> {
    let made = match stored {
        Stored::F32 => dataset.read_f32().map(|x| Tensor::from_slice(shape, &x)),
        Stored::F64 => dataset.read_f64().map(|x| Tensor::from_slice(shape, &x)),
        Stored::I64
        | Stored::I32
        | Stored::I16
        | Stored::I8
        | Stored::U8
        | Stored::U16
        | Stored::U32
        | Stored::U64 => dataset.read_i64().map(|x| Tensor::from_slice(shape, &x)),
        Stored::Other(kind) => {
            let dtype = half(dataset, kind)?;
            dataset.read_raw().map(|x| Tensor::from_bytes(dtype, shape, &x))
        }
        other => return Err(format!("elements of type {other} are not supported")),
    };
    made.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// The type of elements that HDF5 has no plain name for. Keras writes `bfloat16` as two bytes
/// without a meaning, and says in an attribute what they are.
fn half(dataset: &Dataset, stored: &Datatype) -> Result<DType, String> {
    let attributes = dataset.attrs().map_err(|error| error.to_string())?;
    let said = attributes.get("dtype").and_then(|value| value.as_strings()?.first().cloned());
    let said = said.unwrap_or_default();
    match stored {
        Datatype::Opaque { size: 2, .. } if said == "bfloat16" => Ok(DType::BF16),
        Datatype::FloatingPoint { size: 2, byte_order: LittleEndian, layout }
            if layout.exponent_size == 5 && said != "bfloat16" =>
        {
            Ok(DType::F16)
        }
        other => Err(format!(
            "expected elements of float16, or of two bytes whose attribute `dtype` is bfloat16, \
             found {other} with `dtype` {said:?}: save the weights as float32"
        )),
    }
}
