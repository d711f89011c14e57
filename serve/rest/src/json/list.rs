//! Lists of numbers, read straight into the elements of a tensor.

use super::decimal::{Read, boolean, float32, float64, integer};
use tensor::{DType, Tensor};

/// Deepest nesting of lists. 64: no model has tensors of as many dimensions.
const MAX_DEPTH: usize = 64;

/// Most bytes of elements for which memory is taken before they are read. 1 MiB: an image's; what
/// is longer grows.
const RESERVED_MAX: usize = 1 << 20;

/// `$with!(type, function that reads one)` for the type of numbers that `$dtype` is; `None` for
/// what JSON has no numbers for.
macro_rules! by_type {
    ($dtype:expr, $is_exact:literal, $with:ident) => {
        match $dtype {
            DType::F32 => Some($with!(f32, float32::<$is_exact>)),
            DType::F64 => Some($with!(f64, float64::<$is_exact>)),
            DType::I8 => Some($with!(i8, integer::<i8>)),
            DType::I16 => Some($with!(i16, integer::<i16>)),
            DType::I32 => Some($with!(i32, integer::<i32>)),
            DType::I64 => Some($with!(i64, integer::<i64>)),
            DType::U8 => Some($with!(u8, integer::<u8>)),
            DType::U16 => Some($with!(u16, integer::<u16>)),
            DType::U32 => Some($with!(u32, integer::<u32>)),
            DType::U64 => Some($with!(u64, integer::<u64>)),
            _ => None,
        }
    };
}

/// Why a list does not fill a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// At this index is no JSON, or a value that is no element of the tensor's type.
    Value(usize),
    /// At this index is an integer that the type does not hold.
    Range(usize),
    /// At this index is a number that is too large for 64 bits.
    Infinite(usize),
    /// More or fewer elements than the tensor has.
    Count,
}

/// Reads the list that begins at `start` into all elements of `tensor`, in order; the index behind
/// it. Only types that JSON has numbers for: no floats of 16 bits or less.
///
/// # Errors
/// See [`Fault`]; some elements may have been written.
pub(crate) fn fill(text: &[u8], start: usize, tensor: &mut Tensor) -> Result<usize, Fault> {
    macro_rules! elements {
        ($rust:ty, $read:expr) => {
            match tensor.as_mut_slice::<$rust>() {
                Ok(elements) => list(text, start, elements, $read),
                Err(_) => Err(Fault::Value(start)),
            }
        };
    }
    if tensor.dtype() == DType::Bool {
        return list(text, start, tensor.bytes_mut(), boolean);
    }
    by_type!(tensor.dtype(), false, elements).unwrap_or(Err(Fault::Value(start)))
}

/// A list that nests evenly, as a tensor's elements do.
pub(crate) struct Even {
    /// Its sizes, outermost first; none is zero.
    pub(crate) shape: Vec<usize>,
    /// The index behind it.
    pub(crate) end: usize,
}

/// Appends the elements of the list that begins at `start` to `elements`, little-endian. `None` for
/// a list that does not nest evenly or deeper than `rank_max`, holds nothing, or holds what is no
/// element of the type without change: `elements` is then as before, and whoever reads the list
/// value by value finds out what is wrong.
pub(crate) fn even(
    text: &[u8],
    start: usize,
    dtype: DType,
    rank_max: usize,
    elements: &mut Vec<u8>,
) -> Option<Even> {
    let before = elements.len();
    macro_rules! elements {
        ($rust:ty, $read:expr) => {{
            // Memory for as many as there are in texts of eight bytes each.
            let expected = (text.len() - start) / 8 * size_of::<$rust>();
            elements.reserve(expected.min(RESERVED_MAX));
            let mut take = |at| {
                let (element, end): ($rust, usize) = $read(text, at).ok()?;
                elements.extend_from_slice(&element.to_le_bytes());
                Some(end)
            };
            walk(text, start, rank_max, &mut take)
        }};
    }
    let found = match dtype {
        DType::Bool => elements!(u8, boolean),
        _ => by_type!(dtype, true, elements).flatten(),
    };
    if found.is_none() {
        elements.truncate(before);
    }
    found
}

/// Walks over an evenly nested list. `take` takes the element at an index and gives the index
/// behind it.
fn walk(
    text: &[u8],
    start: usize,
    rank_max: usize,
    take: &mut impl FnMut(usize) -> Option<usize>,
) -> Option<Even> {
    /// Values of one list.
    #[derive(Default)]
    struct Level {
        so_far: usize,
        /// In the lists before.
        size: Option<usize>,
    }
    let mut levels: Vec<Level> = Vec::new();
    // Lists that are open, and how many are wherever an element is.
    let (mut depth, mut rank) = (0, None);
    let mut at = start;
    loop {
        at = skip_space(text, at);
        if text.get(at) == Some(&b'[') {
            depth += 1;
            if depth > rank.unwrap_or(rank_max) {
                return None;
            }
            if levels.len() < depth {
                levels.push(Level::default());
            }
            at += 1;
            continue;
        }
        if depth == 0 || *rank.get_or_insert(depth) != depth {
            return None;
        }
        loop {
            at = skip_space(text, take(at)?);
            levels[depth - 1].so_far += 1;
            if text.get(at) != Some(&b',') {
                break;
            }
            at = skip_space(text, at + 1);
        }
        while text.get(at) == Some(&b']') {
            at += 1;
            depth -= 1;
            let level = &mut levels[depth];
            let found = std::mem::take(&mut level.so_far);
            if *level.size.get_or_insert(found) != found {
                return None;
            }
            if depth == 0 {
                let shape = levels.iter().filter_map(|level| level.size).collect();
                return Some(Even { shape, end: at });
            }
            levels[depth - 1].so_far += 1;
            at = skip_space(text, at);
        }
        if text.get(at) != Some(&b',') {
            return None;
        }
        at += 1;
    }
}

/// Can [`fill`] read elements of this type?
pub(crate) const fn has_numbers(dtype: DType) -> bool {
    matches!(dtype, DType::Bool | DType::F32 | DType::F64)
        || (dtype.is_number() && !dtype.is_float())
}

fn list<T>(
    text: &[u8],
    start: usize,
    elements: &mut [T],
    read: impl Fn(&[u8], usize) -> Read<T>,
) -> Result<usize, Fault> {
    let (mut at, mut depth) = (start, 0);
    let mut rest = elements.iter_mut();
    loop {
        at = skip_space(text, at);
        if text.get(at) == Some(&b'[') {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(Fault::Value(at));
            }
            at = skip_space(text, at + 1);
            if text.get(at) != Some(&b']') {
                continue;
            }
        } else if depth == 0 {
            return Err(Fault::Value(at));
        } else {
            let (element, end) = read(text, at)?;
            *rest.next().ok_or(Fault::Count)? = element;
            at = skip_space(text, end);
        }
        // Behind a value: lists end, or the next value comes.
        while text.get(at) == Some(&b']') {
            depth -= 1;
            if depth == 0 {
                let is_full = rest.next().is_none();
                return if is_full { Ok(at + 1) } else { Err(Fault::Count) };
            }
            at = skip_space(text, at + 1);
        }
        if text.get(at) != Some(&b',') {
            return Err(Fault::Value(at));
        }
        at += 1;
    }
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dtype: DType, shape: &[usize], text: &str) -> Result<Tensor, Fault> {
        let mut tensor = Tensor::zeros(dtype, shape).unwrap();
        let end = fill(text.as_bytes(), 0, &mut tensor)?;
        assert_eq!(end, text.trim_end().len(), "{text}");
        Ok(tensor)
    }

    /// Numbers by chance that look like those of clients: few digits, many, tiny, huge.
    fn tokens() -> Vec<String> {
        let mut random = testkit::Random(0x9e37_79b9_7f4a_7c15);
        let mut next = || random.bits();
        let mut tokens = Vec::new();
        for _ in 0..20_000 {
            let float = f32::from_bits(next() as u32);
            if float.is_finite() {
                tokens.push(format!("{float:?}"));
                tokens.push(format!("{:?}", f64::from(float)));
                // Exactly between two floats, and as near to it as `f64` has numbers.
                let above = f32::from_bits(float.to_bits() + 1);
                let middle = (f64::from(float) + f64::from(above)) / 2.0;
                let bits = middle.to_bits();
                let around = [bits - 1, bits, bits + 1].map(f64::from_bits);
                tokens
                    .extend(around.into_iter().filter(|v| v.is_finite()).map(|v| format!("{v:?}")));
            }
            let (digits, shift) = (next() % 10_u64.pow((next() % 19) as u32 + 1), next() % 60);
            tokens.push(format!("{digits}e{}", shift as i64 - 30));
            tokens.push(format!("-0.{digits}"));
            tokens.push(format!("{}.{:02}", next() % 1000, next() % 100));
            tokens.push(format!("{}", digits >> (next() % 64)));
        }
        tokens
    }

    #[test]
    fn floats_are_those_of_the_standard_library() {
        for token in tokens() {
            let text = format!("[{token}]");
            let wide: f64 = token.parse().unwrap();
            if wide.is_infinite() {
                continue;
            }
            let found = read(DType::F64, &[1], &text).unwrap();
            assert_eq!(found.as_slice::<f64>().unwrap()[0].to_bits(), wide.to_bits(), "{token}");
            let found = read(DType::F32, &[1], &text).unwrap();
            let expected: f32 = token.parse().unwrap();
            assert_eq!(
                found.as_slice::<f32>().unwrap()[0].to_bits(),
                expected.to_bits(),
                "{token}"
            );
        }
    }

    #[test]
    fn nesting_does_not_matter() {
        let flat = read(DType::I32, &[2, 2], "[1,2,3,4]").unwrap();
        for text in ["[[1,2],[3,4]]", " [ [1 , 2] ,[ 3,\n4 ] ] ", "[[[1],2],[],[[3,4]]]"] {
            assert_eq!(read(DType::I32, &[2, 2], text), Ok(flat.clone()), "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
        assert!(read(DType::I32, &[1], &deep(MAX_DEPTH)).is_ok());
        assert_eq!(read(DType::I32, &[1], &deep(MAX_DEPTH + 1)), Err(Fault::Value(MAX_DEPTH)));
        assert!(read(DType::I32, &[0], "[]").is_ok());
    }

    #[test]
    fn faults_name_their_place() {
        for (text, fault) in [
            ("[1,2]", Fault::Count),
            ("[1,2,3,4]", Fault::Count),
            ("[1,2,x]", Fault::Value(5)),
            ("[1,2,\"3\"]", Fault::Value(5)),
            ("[1,2,3", Fault::Value(6)),
            ("[1,2,3.5]", Fault::Value(5)),
            ("[1,2,01]", Fault::Value(5)),
            ("[1,2,]", Fault::Value(5)),
            ("[1 2,3]", Fault::Value(3)),
            ("[1,2,300]", Fault::Range(5)),
            ("[1,2,-129]", Fault::Range(5)),
            ("[1,2,99999999999999999999999]", Fault::Range(5)),
            ("[1,2,1e]", Fault::Value(5)),
            ("1", Fault::Value(0)),
            ("", Fault::Value(0)),
        ] {
            assert_eq!(read(DType::I8, &[3], text), Err(fault), "{text}");
        }
        assert_eq!(read(DType::F32, &[1], "[1e400]"), Err(Fault::Infinite(1)));
        assert_eq!(read(DType::F64, &[1], "[-1e400]"), Err(Fault::Infinite(1)));
        assert_eq!(read(DType::F32, &[1], "[.5]"), Err(Fault::Value(1)));
        assert_eq!(read(DType::Bool, &[1], "[1]"), Err(Fault::Value(1)));
    }

    #[test]
    fn tokens_that_json_does_not_have() {
        let found = read(DType::F32, &[3], "[NaN, Infinity,-Infinity]").unwrap();
        let found = found.as_slice::<f32>().unwrap();
        assert!(found[0].is_nan());
        assert_eq!(found[1..], [f32::INFINITY, f32::NEG_INFINITY]);
        let found = read(DType::Bool, &[2], "[true,false]").unwrap();
        assert_eq!(found.bytes(), [1, 0]);
    }

    #[test]
    fn integers_hold_their_whole_range() {
        let found = read(DType::U64, &[2], "[0,18446744073709551615]").unwrap();
        assert_eq!(found.as_slice::<u64>().unwrap(), [0, u64::MAX]);
        let found = read(DType::I64, &[2], "[-9223372036854775808,9223372036854775807]").unwrap();
        assert_eq!(found.as_slice::<i64>().unwrap(), [i64::MIN, i64::MAX]);
    }

    fn even_shape(text: &str, dtype: DType) -> Option<(Vec<usize>, Vec<u8>)> {
        let mut elements = vec![7];
        let found = even(text.as_bytes(), 0, dtype, 3, &mut elements);
        assert_eq!(elements[0], 7);
        assert!(found.is_some() || elements.len() == 1, "{text}");
        found.map(|even| {
            assert_eq!(even.end, text.trim_end().len(), "{text}");
            (even.shape, elements.split_off(1))
        })
    }

    #[test]
    fn lists_nest_evenly_or_not() {
        for (text, shape) in [
            ("[1]", &[1][..]),
            (" [[1,2,3], [4,5,6]] ", &[2, 3]),
            ("[ [[1],[2]] ,[[3],\n[4]] ]", &[2, 2, 1]),
        ] {
            let (found, elements) = even_shape(text, DType::U8).unwrap();
            assert_eq!((&*found, elements.len()), (shape, shape.iter().product()), "{text}");
        }
        for text in [
            "[]",
            "[[1],[]]",
            "[[1],[2,3]]",
            "[[1,2],[3]]",
            "[[1],2]",
            "[1,[2]]",
            "[[[[1]]]]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "[1.5]",
            "[256]",
            "[\"a\"]",
            "1",
            "",
        ] {
            assert_eq!(even_shape(text, DType::U8), None, "{text}");
        }
    }

    #[test]
    fn what_would_change_is_left_to_others() {
        for (token, dtype) in [
            ("16777217", DType::F32),
            ("-99999999999999999999", DType::F32),
            ("1e39", DType::F32),
            ("9007199254740993", DType::F64),
            ("1e400", DType::F64),
            ("1.0", DType::I32),
            ("1", DType::F16),
        ] {
            assert_eq!(even_shape(&format!("[{token}]"), dtype), None, "{token}");
        }
        let (_, elements) = even_shape("[16777216, 16777217.0, NaN]", DType::F32).unwrap();
        let expected = [16_777_216f32, 16_777_216.0, f32::NAN].map(f32::to_le_bytes).concat();
        assert_eq!(elements, expected);
    }

    #[test]
    fn both_readers_find_the_same() {
        for dtype in [DType::F32, DType::F64] {
            for token in tokens() {
                let text = format!("[{token}]");
                let Ok(tensor) = read(dtype, &[1], &text) else { continue };
                if let Some((_, elements)) = even_shape(&text, dtype) {
                    assert_eq!(tensor.bytes(), elements, "{token}");
                }
            }
        }
    }
}
