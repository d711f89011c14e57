//! Lists of numbers, read straight into the elements of a tensor.
//!
//! Given the text from a list's first bracket on:
//! 1. Brackets, commas and white space are stepped over; how the list nests does not matter.
//! 2. The digits of a number become one integer, the rest a power of ten.
//! 3. Where both are exact as `f64`, one multiplication or division gives the nearest `f64`, and
//!    rounding that gives the nearest `f32`, unless it lies exactly between two `f32`.
//! 4. Everything else is left to the standard library, which is right always and slower.

use std::str::from_utf8;
use tensor::{DType, Tensor};

/// Deepest nesting of lists. 64: no model has tensors of as many dimensions.
const MAX_DEPTH: usize = 64;

/// The powers of ten that `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

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
    match tensor.dtype() {
        DType::F32 => elements!(f32, float32),
        DType::F64 => elements!(f64, float64),
        DType::I8 => elements!(i8, integer::<i8>),
        DType::I16 => elements!(i16, integer::<i16>),
        DType::I32 => elements!(i32, integer::<i32>),
        DType::I64 => elements!(i64, integer::<i64>),
        DType::U8 => elements!(u8, integer::<u8>),
        DType::U16 => elements!(u16, integer::<u16>),
        DType::U32 => elements!(u32, integer::<u32>),
        DType::U64 => elements!(u64, integer::<u64>),
        DType::Bool => list(text, start, tensor.bytes_mut(), boolean),
        _ => Err(Fault::Value(start)),
    }
}

/// Can [`fill`] read elements of this type?
pub(crate) const fn has_numbers(dtype: DType) -> bool {
    matches!(dtype, DType::Bool | DType::F32 | DType::F64)
        || (dtype.is_number() && !dtype.is_float())
}

/// An element and the index behind it.
type Read<T> = Result<(T, usize), Fault>;

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

/// A JSON number in parts.
struct Decimal {
    is_negative: bool,
    /// All digits as one number; worthless when there are more than 19.
    mantissa: u64,
    digits: usize,
    /// The power of ten that the mantissa is to be multiplied by.
    exponent: i64,
    has_fraction_or_exponent: bool,
    end: usize,
}

/// Reads by JSON's grammar, to which the ends of floats in Rust would be foreign.
fn decimal(text: &[u8], start: usize) -> Option<Decimal> {
    let mut mantissa = 0u64;
    let mut take = |mut at: usize| {
        while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        at
    };
    let is_negative = text.get(start) == Some(&b'-');
    let first = start + usize::from(is_negative);
    let mut end = take(first);
    let mut digits = end - first;
    if digits == 0 || (digits > 1 && text[first] == b'0') {
        return None;
    }
    let (mut exponent, mut has_fraction_or_exponent) = (0, false);
    if text.get(end) == Some(&b'.') {
        let point = end;
        end = take(point + 1);
        let fraction = end - point - 1;
        if fraction == 0 {
            return None;
        }
        digits += fraction;
        exponent = -i64::try_from(fraction).ok()?;
        has_fraction_or_exponent = true;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let (power, behind) = power(text, end + 1)?;
        exponent += power;
        end = behind;
        has_fraction_or_exponent = true;
    }
    Some(Decimal { is_negative, mantissa, digits, exponent, has_fraction_or_exponent, end })
}

/// What stands behind `e`, and the index behind it.
fn power(text: &[u8], start: usize) -> Option<(i64, usize)> {
    let sign = text.get(start).filter(|b| matches!(b, b'+' | b'-'));
    let first = start + usize::from(sign.is_some());
    let (mut at, mut power) = (first, 0i64);
    while let Some(digit) = text.get(at).filter(|b| b.is_ascii_digit()) {
        // Far beyond what any float has; more digits change nothing.
        power = (power * 10 + i64::from(digit - b'0')).min(1 << 40);
        at += 1;
    }
    let power = if sign == Some(&b'-') { -power } else { power };
    (at > first).then_some((power, at))
}

impl Decimal {
    /// The nearest `f64`, when one operation on exact numbers gives it.
    fn nearest(&self) -> Option<f64> {
        let is_exact = self.digits <= 19 && self.mantissa <= 1 << 53;
        let power = POWERS.get(usize::try_from(self.exponent.unsigned_abs()).ok()?);
        let power = *power.filter(|_| is_exact)?;
        let mantissa = self.mantissa as f64;
        let value = if self.exponent < 0 { mantissa / power } else { mantissa * power };
        Some(if self.is_negative { -value } else { value })
    }
}

/// The nearest `f64`, by the standard library where it must be.
fn float64(text: &[u8], at: usize) -> Read<f64> {
    let Some(decimal) = decimal(text, at) else { return named(text, at) };
    let value = match decimal.nearest() {
        Some(value) => value,
        None => parse::<f64>(text, at, decimal.end)?,
    };
    if value.is_infinite() { Err(Fault::Infinite(at)) } else { Ok((value, decimal.end)) }
}

/// The nearest `f32`; a number between the largest `f32` and the largest `f64` is infinite.
fn float32(text: &[u8], at: usize) -> Read<f32> {
    /// The bits of an `f64` that an `f32` has no place for, and the middle of their range.
    const LOST: u64 = (1 << 29) - 1;
    const MIDDLE: u64 = 1 << 28;
    let Some(decimal) = decimal(text, at) else {
        return named(text, at).map(|(value, end)| (value as f32, end));
    };
    if let Some(value) = decimal.nearest() {
        // Below the smallest normal number other bits are lost.
        let is_normal = value == 0.0 || value.abs() >= f64::from(f32::MIN_POSITIVE);
        if is_normal && value.to_bits() & LOST != MIDDLE {
            return Ok((value as f32, decimal.end));
        }
    }
    let value = parse::<f32>(text, at, decimal.end)?;
    if value.is_infinite() && parse::<f64>(text, at, decimal.end)?.is_infinite() {
        return Err(Fault::Infinite(at));
    }
    Ok((value, decimal.end))
}

/// The tokens that JSON does not have.
fn named(text: &[u8], at: usize) -> Read<f64> {
    let tokens = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
    let rest = text.get(at..).unwrap_or_default();
    let found = tokens.iter().find(|(token, _)| rest.starts_with(token.as_bytes()));
    found.map(|(token, value)| (*value, at + token.len())).ok_or(Fault::Value(at))
}

fn integer<T: TryFrom<i128>>(text: &[u8], at: usize) -> Read<T> {
    let decimal = decimal(text, at).ok_or(Fault::Value(at))?;
    if decimal.has_fraction_or_exponent {
        return Err(Fault::Value(at));
    }
    let value = match decimal.digits {
        ..=19 if decimal.is_negative => -i128::from(decimal.mantissa),
        ..=19 => i128::from(decimal.mantissa),
        _ => parse(text, at, decimal.end).map_err(|_| Fault::Range(at))?,
    };
    T::try_from(value).map(|value| (value, decimal.end)).map_err(|_| Fault::Range(at))
}

fn boolean(text: &[u8], at: usize) -> Read<u8> {
    let rest = text.get(at..).unwrap_or_default();
    match rest {
        [b't', b'r', b'u', b'e', ..] => Ok((1, at + 4)),
        [b'f', b'a', b'l', b's', b'e', ..] => Ok((0, at + 5)),
        _ => Err(Fault::Value(at)),
    }
}

fn parse<T: std::str::FromStr>(text: &[u8], at: usize, end: usize) -> Result<T, Fault> {
    let token = from_utf8(&text[at..end]).map_err(|_| Fault::Value(at))?;
    token.parse().map_err(|_| Fault::Value(at))
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
}
