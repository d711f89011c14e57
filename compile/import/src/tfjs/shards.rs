//! The weights: one after another in files beside the description.

use super::damaged;
use crate::build::{Budget, byte_count};
use crate::error::{ImportError, Reason};
use crate::keras::Weights;
use crate::{Options, beside};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use tensor::{DType, Tensor, element_count};

/// Weights of a model, by their names.
pub(super) struct Shards {
    /// The bytes of the files of each group, one after another.
    groups: Vec<Vec<u8>>,
    names: Vec<String>,
    places: HashMap<String, Place>,
}

/// Where a weight lies, and as what.
struct Place {
    group: usize,
    start: usize,
    length: usize,
    shape: Vec<usize>,
    dtype: DType,
    stored: Stored,
}

/// How numbers are stored.
enum Stored {
    /// As they are.
    Plain,
    /// In 16 bits.
    Halves,
    /// As integers of a type: `x * scale + min`.
    Steps { dtype: DType, scale: f64, min: f64 },
}

impl Shards {
    /// Reads the files that a list of groups names.
    pub(super) fn open(manifest: &[Value], options: &Options) -> Result<Shards, ImportError> {
        let mut shards = Shards { groups: Vec::new(), names: Vec::new(), places: HashMap::new() };
        let mut left = options.memory;
        for group in manifest {
            let mut start = 0usize;
            for weight in list(group, "weights")? {
                let (name, place) = place(weight, shards.groups.len(), start)?;
                start = start.saturating_add(place.length);
                shards.names.push(name.clone());
                shards.places.insert(name, place);
            }
            let bytes = read(group, options, &mut left)?;
            if start > bytes.len() {
                let found = bytes.len();
                let text = format!("its weights take {start} bytes, the files hold {found}");
                return Err(damaged(text));
            }
            shards.groups.push(bytes);
        }
        Ok(shards)
    }
}

fn list<'v>(group: &'v Value, name: &str) -> Result<&'v Vec<Value>, ImportError> {
    let found = group.get(name).and_then(Value::as_array);
    found.ok_or_else(|| damaged(format!("a group of weights has no list `{name}`")))
}

/// The files of a group, one after another.
fn read(group: &Value, options: &Options, left: &mut usize) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    for path in list(group, "paths")? {
        let path = path.as_str().ok_or_else(|| damaged("a file of weights has no name"))?;
        let file = beside::open(options.folder.as_deref(), path);
        let file = file.map_err(|reason| damaged(format!("its weights are {reason}")))?;
        let before = bytes.len();
        let limit = u64::try_from(*left).unwrap_or(u64::MAX);
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| damaged(format!("its weights are in `{path}`: {error}")))?;
        let taken = bytes.len() - before;
        let needed = (options.memory - *left).saturating_add(taken) as u64;
        *left = left
            .checked_sub(taken)
            .ok_or(ImportError::TooLarge { bytes: needed, limit: options.memory })?;
    }
    Ok(bytes)
}

/// A weight of the list, in a group from a place on.
fn place(weight: &Value, group: usize, start: usize) -> Result<(String, Place), ImportError> {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_string);
    let name = text(weight, "name").ok_or_else(|| damaged("a weight has no name"))?;
    let refused = |what: String| damaged(format!("weight `{name}`: {what}"));
    let shape = weight.get("shape").and_then(Value::as_array);
    let shape: Option<Vec<usize>> = shape.and_then(|shape| {
        shape.iter().map(|size| size.as_u64().and_then(|size| usize::try_from(size).ok())).collect()
    });
    let shape = shape.ok_or_else(|| refused("it has no shape".to_string()))?;
    let kind = text(weight, "dtype").unwrap_or_default();
    let dtype = element_type(&kind);
    let dtype = dtype.ok_or_else(|| refused(format!("elements of type {kind}")))?;
    let (stored, width) = match weight.get("quantization") {
        None => (Stored::Plain, dtype.size()),
        Some(quantization) => {
            let kind = text(quantization, "dtype").unwrap_or_default();
            let number = |name: &str| quantization.get(name).and_then(Value::as_f64);
            match (element_type(&kind), number("scale"), number("min")) {
                (Some(DType::F16), ..) => (Stored::Halves, 2),
                (Some(steps @ (DType::U8 | DType::U16)), Some(scale), Some(min)) => {
                    (Stored::Steps { dtype: steps, scale, min }, steps.size())
                }
                _ => return Err(refused(format!("it is stored as {quantization}"))),
            }
        }
    };
    let length = element_count(&shape).and_then(|count| count.checked_mul(width));
    let length = length.ok_or_else(|| refused(format!("shape {shape:?}")))?;
    Ok((name, Place { group, start, length, shape, dtype, stored }))
}

fn element_type(name: &str) -> Option<DType> {
    Some(match name {
        "float32" => DType::F32,
        "float16" => DType::F16,
        "int32" => DType::I32,
        "uint8" => DType::U8,
        "uint16" => DType::U16,
        "bool" => DType::Bool,
        _ => return None,
    })
}

impl Weights for Shards {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn tensor(&self, name: &str, budget: &Budget) -> Result<Tensor, Reason> {
        let refused = |reason: String| Reason::Tensor { name: name.to_string(), reason };
        let place = self.places.get(name).ok_or_else(|| refused("is not there".to_string()))?;
        let Place { group, start, length, shape, dtype, stored } = place;
        let bytes = self.groups.get(*group).and_then(|group| group.get(*start..start + length));
        let bytes = bytes.ok_or_else(|| refused("lies outside of its files".to_string()))?;
        budget.take(byte_count(*dtype, shape))?;
        let made = match stored {
            Stored::Plain if *dtype == DType::Bool => {
                let truths: Vec<u8> = bytes.iter().map(|&byte| u8::from(byte != 0)).collect();
                Tensor::from_bytes(DType::Bool, shape, &truths)
            }
            Stored::Plain => Tensor::from_bytes(*dtype, shape, bytes),
            Stored::Halves => Tensor::from_bytes(DType::F16, shape, bytes),
            Stored::Steps { dtype: steps, scale, min } => {
                let number = |step: f64| step * scale + min;
                let numbers: Vec<f64> = match steps {
                    DType::U8 => bytes.iter().map(|&step| number(f64::from(step))).collect(),
                    _ => {
                        let steps = bytes.as_chunks::<2>().0.iter();
                        steps.map(|&step| number(f64::from(u16::from_le_bytes(step)))).collect()
                    }
                };
                match dtype {
                    DType::I32 => {
                        let whole: Vec<i32> = numbers.iter().map(|x| x.round() as i32).collect();
                        Tensor::from_slice(shape, &whole)
                    }
                    _ => {
                        let narrow: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
                        Tensor::from_slice(shape, &narrow)
                    }
                }
            }
        };
        made.map_err(|error| refused(error.to_string()))
    }
}
