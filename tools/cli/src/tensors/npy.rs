//! NumPy's format for one array, versions 1 to 3.
//!
//! `\x93NUMPY`, major and minor version, the header's length (u16 in version 1, else u32), the
//! header as a Python dictionary, then the elements. Source: the NumPy manual, `numpy.lib.format`.

use tensor::{DType, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read, in bytes: NumPy itself refuses longer ones by default.
const HEADER_BYTES_MAX: usize = 10_000;

/// Elements start at a multiple of this, as NumPy writes them.
const ALIGNMENT: usize = 64;

/// NumPy's codes for element types, little-endian. There is none for BF16.
const TYPES: [(&str, DType); 12] = [
    ("<f4", DType::F32),
    ("<f8", DType::F64),
    ("<f2", DType::F16),
    ("|i1", DType::I8),
    ("<i2", DType::I16),
    ("<i4", DType::I32),
    ("<i8", DType::I64),
    ("|u1", DType::U8),
    ("<u2", DType::U16),
    ("<u4", DType::U32),
    ("<u8", DType::U64),
    ("|b1", DType::Bool),
];

/// The array in these bytes; the reason when it cannot be read.
pub(super) fn decode(bytes: &[u8]) -> Result<Tensor, String> {
    let damaged = || "the file is damaged: it ends within its header".to_string();
    let rest = bytes.strip_prefix(MAGIC).ok_or("expected a NumPy array, found something else")?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    if length > HEADER_BYTES_MAX {
        return Err(format!("a header of {length} bytes, expected {HEADER_BYTES_MAX} at most"));
    }
    let (header, data) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is not text")?;
    let dtype = dtype(header)?;
    let shape = shape(header)?;
    if value(header, "fortran_order")?.starts_with("True") && shape.len() > 1 {
        return Err("expected rows first, found columns first (fortran_order); save \
                    np.ascontiguousarray(x)"
            .to_string());
    }
    Tensor::from_bytes(dtype, &shape, data)
        .map_err(|e| format!("{e} ({} bytes after the header)", data.len()))
}

/// The array as a file of version 1.
pub(super) fn encode(tensor: &Tensor) -> Result<Vec<u8>, String> {
    let code = TYPES.iter().find(|(_, d)| *d == tensor.dtype()).map(|(code, _)| *code);
    let code = code.ok_or_else(|| format!("NumPy has no type for {}", tensor.dtype()))?;
    let sizes: Vec<String> = tensor.shape().iter().map(|d| format!("{d},")).collect();
    let mut header =
        format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({}), }}", sizes.join(" "));
    let fixed = MAGIC.len() + 4;
    let padded = (fixed + header.len() + 1).next_multiple_of(ALIGNMENT) - fixed;
    header.push_str(&" ".repeat(padded - header.len() - 1));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(|_| "the shape has too many axes")?;
    let mut file = MAGIC.to_vec();
    file.extend([1, 0]);
    file.extend(length.to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(tensor.bytes());
    Ok(file)
}

fn dtype(header: &str) -> Result<DType, String> {
    let value = value(header, "descr")?;
    let code = value.strip_prefix(['\'', '"']).and_then(|v| v.split(['\'', '"']).next());
    let code = code.ok_or("expected elements of one simple type, found a record")?;
    let is_code =
        |known: &str| known == code || (known[1..] == code[1..] && !code.starts_with('>'));
    let known = code.is_ascii() && code.len() == 3;
    TYPES.iter().find(|(k, _)| known && is_code(k)).map(|(_, d)| *d).ok_or_else(|| {
        let codes: Vec<&str> = TYPES.iter().map(|(code, _)| *code).collect();
        format!("expected elements of type {}, found `{code}`", codes.join(", "))
    })
}

fn shape(header: &str) -> Result<Vec<usize>, String> {
    let value = value(header, "shape")?;
    let inner = value.strip_prefix('(').and_then(|v| v.split_once(')')).map(|(inner, _)| inner);
    let inner = inner.ok_or("its shape is not a tuple")?;
    let sizes = inner.split(',').map(str::trim).filter(|s| !s.is_empty());
    sizes.map(|s| s.parse().map_err(|_| format!("its shape has a size `{s}`"))).collect()
}

/// What stands behind a key of the header.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let missing = || format!("its header has no `{key}`");
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let found = quoted.iter().find_map(|k| header.split_once(k.as_str()));
    let (_, rest) = found.ok_or_else(missing)?;
    Ok(rest.trim_start().strip_prefix(':').ok_or_else(missing)?.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for dtype in DType::ALL {
            for shape in [&[][..], &[0], &[3], &[2, 3, 4]] {
                let mut tensor = Tensor::zeros(dtype, shape).unwrap();
                tensor.bytes_mut().iter_mut().enumerate().for_each(|(i, b)| *b = i as u8);
                match encode(&tensor) {
                    Ok(file) => {
                        assert_eq!((file.len() - tensor.bytes().len()) % ALIGNMENT, 0);
                        assert_eq!(decode(&file), Ok(tensor));
                    }
                    Err(reason) => {
                        assert!(dtype == DType::BF16 || dtype.is_small(), "{reason}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_array_is_refused() {
        let file = encode(&Tensor::scalar(1.0f32)).unwrap();
        for (bytes, expected) in [
            (b"hello".to_vec(), "expected a NumPy array"),
            (file[..9].to_vec(), "ends within its header"),
            (file[..30].to_vec(), "ends within its header"),
            (file[..file.len() - 1].to_vec(), "but 0 were given"),
            (swap(&file, "<f4", ">f4"), "found `>f4`"),
            (swap(&file, "<f4", "<c8"), "found `<c8`"),
            (swap(&file, "shape", "shade"), "has no `shape`"),
            (swap(&file, "()", "(-1)"), "size `-1`"),
            (swap(&file, "()", "(99999999999, 99999999999)"), "memory can hold"),
        ] {
            let reason = decode(&bytes).unwrap_err();
            assert!(reason.contains(expected), "expected `{expected}`, found `{reason}`");
        }
    }

    /// The file with `from` in its header replaced, the header's length kept where it can be.
    fn swap(file: &[u8], from: &str, to: &str) -> Vec<u8> {
        let header = std::str::from_utf8(&file[10..file.len() - 4]).unwrap().replace(from, to);
        let mut swapped = file[..8].to_vec();
        swapped.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        swapped.extend(header.as_bytes());
        swapped.extend(&file[file.len() - 4..]);
        swapped
    }
}
