//! NumPy's format for several arrays: a zip archive of `NAME.npy`.

use super::npy;
use std::io::{Cursor, Read, Write};
use tensor::Value;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Arrays that are read from one file, and bytes that each may unpack to: above any batch of
/// inputs, below what fills a machine's memory from a small file.
const ARRAYS_MAX: usize = 1024;
const ARRAY_BYTES_MAX: u64 = 1 << 30;

/// The arrays of an archive with their names.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(Option<String>, Value)>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    if archive.len() > ARRAYS_MAX {
        return Err(format!("{} arrays, expected {ARRAYS_MAX} at most", archive.len()));
    }
    let mut tensors = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|e| e.to_string())?;
        let name = file.name().map_err(|e| e.to_string())?.trim_end_matches(".npy").to_string();
        let mut array = Vec::new();
        file.take(ARRAY_BYTES_MAX + 1)
            .read_to_end(&mut array)
            .map_err(|e| format!("array `{name}`: {e}"))?;
        if array.len() as u64 > ARRAY_BYTES_MAX {
            return Err(format!("array `{name}`: expected {ARRAY_BYTES_MAX} bytes at most"));
        }
        let tensor = npy::decode(&array).map_err(|reason| format!("array `{name}`: {reason}"))?;
        tensors.push((Some(name), tensor));
    }
    Ok(tensors)
}

/// An archive of these arrays, deflated.
pub(super) fn encode(tensors: &[(&str, &Value)]) -> Result<Vec<u8>, String> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, value) in tensors {
        let array = npy::encode(value)?;
        let options = SimpleFileOptions::default().large_file(array.len() > 1 << 31);
        archive.start_file(format!("{name}.npy"), options).map_err(|e| e.to_string())?;
        archive.write_all(&array).map_err(|e| e.to_string())?;
    }
    Ok(archive.finish().map_err(|e| e.to_string())?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    #[test]
    fn what_is_written_is_read_by_name() {
        let a = Value::from(Tensor::scalar(7i64));
        let b = Value::from(Tensor::from_slice(&[2], &[1.0f32, 2.0]).unwrap());
        let file = encode(&[("a", &a), ("layer/b", &b)]).unwrap();
        let expected = vec![(Some("a".to_string()), a), (Some("layer/b".to_string()), b)];
        assert_eq!(decode(&file), Ok(expected));
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let file = encode(&[("a", &Tensor::scalar(7i64).into())]).unwrap();
        decode(&file[..file.len() - 9]).unwrap_err();
        decode(b"PK\x03\x04").unwrap_err();
    }
}
