//! Files of parameters: arrays with their names, the low byte first.

use crate::build::byte_count;
use std::collections::HashMap;
use std::sync::Arc;
use tensor::{DType, Tensor};

/// The beginning of a file of parameters.
const LIST: u64 = 0x112;

/// What arrays begin with, by version; those of the first one begin with their number of axes.
const V1: u32 = 0xf993_fac8;
const V2: u32 = 0xf993_fac9;
const V3: u32 = 0xf993_faca;

/// Most axes of an array.
const RANK_MAX: u32 = 32;

/// The arrays of a file, by name, without what says of which kind they are.
pub(super) fn parse(bytes: &[u8]) -> Result<HashMap<String, Arc<Tensor>>, String> {
    let mut reader = Reader { rest: bytes };
    if reader.u64()? != LIST {
        return Err("it does not begin as a file of parameters".to_string());
    }
    reader.u64()?;
    let count = reader.count()?;
    let mut arrays = Vec::new();
    for at in 0..count {
        arrays.push(reader.array().map_err(|reason| format!("array {at}: {reason}"))?);
    }
    let names = reader.count()?;
    if names != count {
        return Err(format!("it has {names} names for {count} arrays"));
    }
    let mut named = HashMap::new();
    for array in arrays {
        let length = reader.count()?;
        let name = std::str::from_utf8(reader.take(length)?).map_err(|e| e.to_string())?;
        let name = ["arg:", "aux:"].iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name);
        if let Some(array) = array {
            named.insert(name.to_string(), Arc::new(array));
        }
    }
    Ok(named)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(format!("it claims {count} bytes; {} are there", self.rest.len()));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut made = [0; N];
        made.copy_from_slice(self.take(N)?);
        Ok(made)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// How many things follow, each of a byte at least.
    fn count(&mut self) -> Result<usize, String> {
        let (count, there) = (self.u64()?, self.rest.len());
        let fitting = usize::try_from(count).ok().filter(|&count| count <= there);
        fitting.ok_or_else(|| format!("it claims {count} things; {there} bytes are left"))
    }

    /// An array; nothing where it has no shape.
    fn array(&mut self) -> Result<Option<Tensor>, String> {
        let first = self.u32()?;
        let shape = match first {
            V2 | V3 => {
                let storage = self.u32()?;
                // Files of before the kinds of storage said -1.
                if storage != 0 && storage != u32::MAX {
                    return Err("it is sparse; save it as a dense array".to_string());
                }
                self.shape(8)?
            }
            V1 => self.shape(8)?,
            rank => self.shape_of(rank, 4)?,
        };
        // Nothing has been said of an array without axes, save in the newest files.
        let is_none = if first == V3 { shape.is_none() } else { shape == Some(vec![]) };
        let Some(shape) = shape.filter(|_| !is_none) else { return Ok(None) };
        // Where the array lay: of no use here.
        self.take(8)?;
        let dtype = self.u32()?;
        let dtype = element_type(dtype.into())
            .ok_or_else(|| format!("its elements are of type {dtype}, which is not known"))?;
        let length =
            byte_count(dtype, &shape).ok_or("its shape is not one that memory can hold")?;
        let elements = self.take(length)?;
        Tensor::from_bytes(dtype, &shape, elements).map(Some).map_err(|e| e.to_string())
    }

    fn shape(&mut self, size: usize) -> Result<Option<Vec<usize>>, String> {
        let rank = self.u32()?;
        if rank == u32::MAX {
            return Ok(None);
        }
        self.shape_of(rank, size)
    }

    fn shape_of(&mut self, rank: u32, size: usize) -> Result<Option<Vec<usize>>, String> {
        if rank > RANK_MAX {
            return Err(format!("it has {rank} axes, more than {RANK_MAX}"));
        }
        let sizes = (0..rank).map(|_| {
            let found = if size == 4 { self.u32()?.into() } else { self.u64()? };
            usize::try_from(found).map_err(|_| format!("an axis of {found} elements"))
        });
        sizes.collect::<Result<Vec<usize>, String>>().map(Some)
    }
}

/// The type that a number stands for, in files and in attributes.
pub(super) fn element_type(number: i64) -> Option<DType> {
    Some(match number {
        0 => DType::F32,
        1 => DType::F64,
        2 => DType::F16,
        3 => DType::U8,
        4 => DType::I32,
        5 => DType::I8,
        6 => DType::I64,
        7 => DType::Bool,
        8 => DType::I16,
        9 => DType::U16,
        10 => DType::U32,
        11 => DType::U64,
        12 => DType::BF16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(arrays: &[&[u8]], names: &[&str]) -> Vec<u8> {
        let mut bytes = [LIST, 0, arrays.len() as u64].map(u64::to_le_bytes).concat();
        bytes.extend(arrays.concat());
        bytes.extend((names.len() as u64).to_le_bytes());
        for name in names {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn arrays_of_each_version_are_read() {
        let one = 1.0_f32.to_bits();
        let v2 = words(&[V2, 0, 1, 2, 0, 1, 0, 0, one, one]);
        let v1 = words(&[V1, 1, 1, 0, 1, 0, 0, one]);
        let v0 = words(&[2, 1, 1, 1, 0, 0, one]);
        let scalar = words(&[V3, 0, 0, 1, 0, 0, one]);
        let none = words(&[V2, 0, 0]);
        let arrays = [v2, v1, v0, scalar, none];
        let arrays: Vec<&[u8]> = arrays.iter().map(Vec::as_slice).collect();
        let bytes = list(&arrays, &["arg:a", "aux:b", "c", "d", "e"]);
        let made = parse(&bytes).unwrap();
        let shapes = [("a", vec![2]), ("b", vec![1]), ("c", vec![1, 1]), ("d", vec![])];
        assert_eq!(made.len(), shapes.len());
        for (name, shape) in shapes {
            assert_eq!(made[name].shape(), shape, "{name}");
            assert!(made[name].as_slice::<f32>().unwrap().iter().all(|&x| x == 1.0));
        }
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn what_is_claimed_is_held_to_the_bytes() {
        let error = |array: &[u32]| parse(&list(&[&words(array)], &["a"])).unwrap_err();
        assert!(error(&[V2, 1, 1, 1, 0]).contains("sparse"));
        assert!(error(&[V2, 0, 40]).contains("40 axes"));
        assert!(error(&[V2, 0, 2, 0, 1 << 20, 0, 1 << 20, 1, 0, 0]).contains("memory can hold"));
        assert!(error(&[V2, 0, 1, 1 << 20, 0, 1, 0, 0]).contains("claims 4194304 bytes"));
        assert!(error(&[V2, 0, 1, 1, 0, 1, 0, 99]).contains("of type 99"));
    }
}
