//! NumPy's format for one array, versions 1 to 3.
//!
//! `\x93NUMPY`, major and minor version, the header's length (u16 in version 1, else u32), the
//! header as a Python dictionary, then the elements. Source: the NumPy manual, `numpy.lib.format`.

use std::borrow::Cow;
use tensor::{DType, Tensor, Text, TextRow, Value};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read, in bytes: NumPy itself refuses longer ones by default.
const HEADER_BYTES_MAX: usize = 10_000;

/// Bytes of a code point.
const CODE_POINT_BYTES: usize = 4;

/// Most texts of an array whose texts are all empty: such elements have no bytes that would bound
/// their number.
const EMPTY_MAX: usize = 1 << 20;

/// Elements start at a multiple of this, as NumPy writes them.
const ALIGNMENT: usize = 64;

/// NumPy's codes for numbers, little-endian. There is none for BF16. Texts are `<U` and their
/// length: so many code points of four bytes each, those that are not there zero.
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
pub(super) fn decode(bytes: &[u8]) -> Result<Value, String> {
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
    let kind = kind(header)?;
    let shape = shape(header)?;
    if value(header, "fortran_order")?.starts_with("True") && shape.len() > 1 {
        return Err("expected rows first, found columns first (fortran_order); save \
                    np.ascontiguousarray(x)"
            .to_string());
    }
    let made = match kind {
        Kind::Numbers(dtype) => Tensor::from_bytes(dtype, &shape, data).map(Value::from),
        Kind::Text(points) => texts(&shape, data, points)?.shaped(&shape).map(Value::from),
    };
    made.map_err(|e| format!("{e} ({} bytes after the header)", data.len()))
}

/// Elements of so many code points.
fn texts(shape: &[usize], data: &[u8], points: usize) -> Result<TextRow, String> {
    let size = points.saturating_mul(CODE_POINT_BYTES);
    if size == 0 {
        // Empty texts take no bytes, so that nothing but the shape says how many there are.
        let count = tensor::element_count(shape).filter(|&count| count <= EMPTY_MAX);
        let count = count.ok_or_else(|| format!("{shape:?} empty texts, expected fewer"))?;
        return Ok(std::iter::repeat_n("", count).collect());
    }
    let text = |element: &[u8]| {
        let points = element.chunks_exact(CODE_POINT_BYTES);
        let points = points.map(|p| u32::from_le_bytes([p[0], p[1], p[2], p[3]]));
        let text: Option<String> = points.map(char::from_u32).collect();
        let text = text.ok_or("its text is not Unicode")?;
        Ok::<String, String>(text.trim_end_matches('\0').to_string())
    };
    data.chunks_exact(size).map(text).collect()
}

/// The array as a file of version 1.
pub(super) fn encode(value: &Value) -> Result<Vec<u8>, String> {
    let dtype = value.dtype();
    let no_type = || format!("NumPy has no type for {dtype}");
    let (code, elements) = match value {
        Value::Tensor(tensor) => {
            let row = TYPES.iter().find(|(_, d)| *d == dtype).ok_or_else(no_type)?;
            (row.0.to_string(), Cow::Borrowed(tensor.bytes()))
        }
        Value::Text(text) => of_texts(text),
        Value::Sequence(_) | Value::Optional(_) => return Err(no_type()),
    };
    let sizes: Vec<String> = value.shape().iter().map(|d| format!("{d},")).collect();
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
    file.extend_from_slice(&elements);
    Ok(file)
}

/// Texts, each as long as the longest.
fn of_texts(text: &Text) -> (String, Cow<'static, [u8]>) {
    let longest = text.elements().map(|element| element.chars().count()).max().unwrap_or(0);
    let points = text.elements().flat_map(|element| {
        let points = element.chars().map(u32::from);
        points.chain(std::iter::repeat(0)).take(longest)
    });
    let bytes: Vec<u8> = points.flat_map(u32::to_le_bytes).collect();
    (format!("<U{longest}"), Cow::Owned(bytes))
}

/// What the elements are.
enum Kind {
    Numbers(DType),
    /// Of so many code points each.
    Text(usize),
}

fn kind(header: &str) -> Result<Kind, String> {
    let value = value(header, "descr")?;
    let code = value.strip_prefix(['\'', '"']).and_then(|v| v.split(['\'', '"']).next());
    let code = code.ok_or("expected elements of one simple type, found a record")?;
    if let Some(points) = code.strip_prefix("<U").and_then(|points| points.parse().ok()) {
        return Ok(Kind::Text(points));
    }
    let is_code =
        |known: &str| known == code || (known[1..] == code[1..] && !code.starts_with('>'));
    let known = code.is_ascii() && code.len() == 3;
    let found = TYPES.iter().find(|(k, _)| known && is_code(k));
    found.map(|(_, dtype)| Kind::Numbers(*dtype)).ok_or_else(|| {
        let codes: Vec<&str> = TYPES.iter().map(|(code, _)| *code).collect();
        format!("expected elements of type {} or <U, found `{code}`", codes.join(", "))
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
                let (tensor, size) = (Value::from(tensor.clone()), tensor.bytes().len());
                match encode(&tensor) {
                    Ok(file) => {
                        assert_eq!((file.len() - size) % ALIGNMENT, 0);
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
    fn text_that_is_written_is_read() {
        for words in [["größer", "🐈"], ["a", ""], ["", ""]] {
            let text = Value::from(Text::new(&[2, 1], words).unwrap());
            assert_eq!(decode(&encode(&text).unwrap()), Ok(text));
        }
        let file = encode(&Text::new(&[1], ["ab"]).unwrap().into()).unwrap();
        let text = [&file[..file.len() - 4], &0x11_0000u32.to_le_bytes()].concat();
        assert_eq!(decode(&text).unwrap_err(), "its text is not Unicode");
        decode(&file[..file.len() - 4]).unwrap_err();
        let empty = encode(&Text::new(&[1], [""]).unwrap().into()).unwrap();
        decode(&swap(&empty, "(1,)", "(99999999999,)")).unwrap_err();
    }

    #[test]
    fn what_is_no_array_is_refused() {
        let file = encode(&Tensor::scalar(1.0f32).into()).unwrap();
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
