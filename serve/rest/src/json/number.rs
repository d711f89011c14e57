//! JSON number tokens to elements of tensors, and back.

use half::{bf16, f16};
use tensor::DType;
use tensor::small::{self, Narrowing, Round};

/// Why a token is no element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAnElement {
    /// A number of another kind or out of range.
    Type,
    /// A number that the type can only hold changed.
    Lossy,
}

/// Appends the little-endian element that `token`, a valid JSON number or one of `NaN`,
/// `Infinity`, `-Infinity`, stands for. Decimals are rounded once, to the nearest element.
pub(crate) fn push(token: &str, dtype: DType, bytes: &mut Vec<u8>) -> Result<(), NotAnElement> {
    macro_rules! integer {
        ($rust:ty) => {
            bytes.extend_from_slice(
                &token.parse::<$rust>().map_err(|_| NotAnElement::Type)?.to_le_bytes(),
            )
        };
    }
    match dtype {
        DType::F32 => bytes.extend_from_slice(&float::<f32>(token, |v| v.into())?.to_le_bytes()),
        DType::F64 => bytes.extend_from_slice(&float::<f64>(token, |v| v)?.to_le_bytes()),
        DType::F16 => bytes.extend_from_slice(&float::<f16>(token, f16::to_f64)?.to_le_bytes()),
        DType::BF16 => bytes.extend_from_slice(&float::<bf16>(token, bf16::to_f64)?.to_le_bytes()),
        DType::I8 => integer!(i8),
        DType::I16 => integer!(i16),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        DType::U8 => integer!(u8),
        DType::U16 => integer!(u16),
        DType::U32 => integer!(u32),
        DType::U64 => integer!(u64),
        DType::Bool | DType::String | DType::Object => return Err(NotAnElement::Type),
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => {
            bytes.push(small_float(token, dtype)?);
        }
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            bytes.push(small_integer(token, dtype)?);
        }
    }
    Ok(())
}

/// The nearest float. As TensorFlow Serving does, integers that would change and finite numbers
/// that would become infinite are refused.
fn float<T: std::str::FromStr + Copy>(token: &str, widen: fn(T) -> f64) -> Result<T, NotAnElement> {
    let value = token.parse::<T>().map_err(|_| NotAnElement::Type)?;
    let wide = widen(value);
    let is_named = token.ends_with(['N', 'y']);
    let is_integer = !is_named && !token.bytes().any(|b| matches!(b, b'.' | b'e' | b'E'));
    if !is_named && wide.is_infinite() {
        return Err(NotAnElement::Lossy);
    }
    // Every float type here holds the integers up to 99 (bf16: 256), so short tokens pass.
    if is_integer && token.len() > 2 && token.parse::<i128>().ok() != Some(wide as i128) {
        return Err(NotAnElement::Lossy);
    }
    Ok(value)
}

/// The nearest float of 8 bits or 4. Refused are finite numbers beyond the largest, and what is not
/// finite where the type has no such element.
fn small_float(token: &str, dtype: DType) -> Result<u8, NotAnElement> {
    let wide = float::<f64>(token, |v| v)?;
    let byte =
        small::from_f64(dtype, wide, Narrowing { is_saturating: false, round: Round::Nearest });
    let made = small::to_f64(dtype, byte);
    // The one type that has no element for what is too large.
    let is_too_large = dtype == DType::F4E2M1 && wide.abs() >= 7.0;
    let is_beyond = wide.is_finite() && (!made.is_finite() || is_too_large);
    let is_absent = !wide.is_finite() && made.is_finite();
    if is_beyond || is_absent { Err(NotAnElement::Lossy) } else { Ok(byte) }
}

/// An integer of 4 bits or 2.
fn small_integer(token: &str, dtype: DType) -> Result<u8, NotAnElement> {
    let wide = token.parse::<i16>().map_err(|_| NotAnElement::Type)?;
    let byte = small::wrapped(dtype, wide as u8);
    let is_held = small::to_f64(dtype, byte) == f64::from(wide);
    if is_held { Ok(byte) } else { Err(NotAnElement::Type) }
}

/// Calls `write` with the JSON text of each element in little-endian `bytes`: the shortest
/// decimal that reads back as the same element, with the bare tokens for what is not finite.
pub(crate) fn each(dtype: DType, bytes: &[u8], mut write: impl FnMut(&str)) {
    let mut floats = ryu::Buffer::new();
    let mut integers = itoa::Buffer::new();
    macro_rules! elements {
        ($rust:ty, $element:ident => $text:expr) => {
            for chunk in bytes.chunks_exact(size_of::<$rust>()) {
                let mut raw = [0; size_of::<$rust>()];
                raw.copy_from_slice(chunk);
                let $element = <$rust>::from_le_bytes(raw);
                write($text);
            }
        };
    }
    macro_rules! integers {
        ($rust:ty) => {
            elements!($rust, v => integers.format(v))
        };
    }
    match dtype {
        DType::F32 => elements!(f32, v => text(&mut floats, v, v.into())),
        DType::F64 => elements!(f64, v => text(&mut floats, v, v)),
        DType::F16 => elements!(f16, v => text(&mut floats, v.to_f32(), v.to_f64())),
        DType::BF16 => elements!(bf16, v => text(&mut floats, v.to_f32(), v.to_f64())),
        DType::I8 => integers!(i8),
        DType::I16 => integers!(i16),
        DType::I32 => integers!(i32),
        DType::I64 => integers!(i64),
        DType::U8 => integers!(u8),
        DType::U16 => integers!(u16),
        DType::U32 => integers!(u32),
        DType::U64 => integers!(u64),
        DType::Bool => bytes.iter().for_each(|&b| write(if b == 0 { "false" } else { "true" })),
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => elements!(u8, v => {
            let wide = small::to_f64(dtype, v);
            text(&mut floats, wide as f32, wide)
        }),
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            elements!(u8, v => integers.format(small::to_f64(dtype, v) as i8))
        }
        // No tensor holds any.
        DType::String | DType::Object => {}
    }
}

fn text<F: ryu::Float>(buffer: &mut ryu::Buffer, value: F, wide: f64) -> &str {
    if wide.is_nan() {
        "NaN"
    } else if wide == f64::INFINITY {
        "Infinity"
    } else if wide == f64::NEG_INFINITY {
        "-Infinity"
    } else {
        buffer.format_finite(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `token` reads as and is written as again.
    fn check(dtype: DType, token: &str, expected: Result<&str, NotAnElement>) {
        let mut bytes = Vec::new();
        let found = push(token, dtype, &mut bytes).map(|()| {
            let mut text = String::new();
            each(dtype, &bytes, |t| text.push_str(t));
            text
        });
        assert_eq!(found.as_deref().map_err(|&e| e), expected, "{token} as {dtype}");
    }

    #[test]
    fn floats() {
        use DType::{BF16, F16, F32, F64};
        check(F32, "0.2", Ok("0.2"));
        check(F32, "-0", Ok("-0.0"));
        check(F32, "7", Ok("7.0"));
        check(F32, "1e-45", Ok("1e-45"));
        check(F32, "3.4028235e38", Ok("3.4028235e38"));
        check(F32, "1e39", Err(NotAnElement::Lossy));
        check(F32, "16777216", Ok("16777216.0"));
        check(F32, "16777217", Err(NotAnElement::Lossy));
        check(F32, "-16777217", Err(NotAnElement::Lossy));
        check(F64, "16777217", Ok("16777217.0"));
        check(F64, "9007199254740993", Err(NotAnElement::Lossy));
        check(F64, &"9".repeat(60), Err(NotAnElement::Lossy));
        check(F16, "0.1", Ok("0.099975586"));
        check(F16, "65504", Ok("65504.0"));
        check(F16, "70000.5", Err(NotAnElement::Lossy));
        check(BF16, "257", Err(NotAnElement::Lossy));
        for dtype in [F16, BF16, F32, F64] {
            check(dtype, "NaN", Ok("NaN"));
            check(dtype, "Infinity", Ok("Infinity"));
            check(dtype, "-Infinity", Ok("-Infinity"));
        }
    }

    #[test]
    fn integers_hold_their_whole_range_and_no_more() {
        for (dtype, low, high, past) in [
            (DType::I8, "-128", "127", "128"),
            (DType::I16, "-32768", "32767", "32768"),
            (DType::I32, "-2147483648", "2147483647", "2147483648"),
            (DType::I64, "-9223372036854775808", "9223372036854775807", "9223372036854775808"),
            (DType::U8, "0", "255", "256"),
            (DType::U16, "0", "65535", "-1"),
            (DType::U32, "0", "4294967295", "4294967296"),
            (DType::U64, "0", "18446744073709551615", "18446744073709551616"),
        ] {
            check(dtype, low, Ok(low));
            check(dtype, high, Ok(high));
            for refused in [past, "1.0", "1e2", "NaN"] {
                check(dtype, refused, Err(NotAnElement::Type));
            }
        }
    }

    #[test]
    fn small_elements_are_numbers() {
        check(DType::F8E4M3FN, "0.3", Ok("0.3125"));
        check(DType::F8E4M3FN, "-448", Ok("-448.0"));
        check(DType::F8E4M3FN, "480.5", Err(NotAnElement::Lossy));
        check(DType::F8E4M3FN, "NaN", Ok("NaN"));
        check(DType::F8E4M3FN, "Infinity", Ok("NaN"));
        check(DType::F8E5M2, "-Infinity", Ok("-Infinity"));
        check(DType::F8E5M2, "65000.5", Err(NotAnElement::Lossy));
        check(DType::F8E8M0, "2.5", Ok("2.0"));
        check(DType::F4E2M1, "-2.9", Ok("-3.0"));
        check(DType::F4E2M1, "7", Err(NotAnElement::Lossy));
        check(DType::F4E2M1, "NaN", Err(NotAnElement::Lossy));
        for (dtype, low, high, past) in [
            (DType::I4, "-8", "7", "8"),
            (DType::U4, "0", "15", "16"),
            (DType::I2, "-2", "1", "-3"),
            (DType::U2, "0", "3", "-1"),
        ] {
            check(dtype, low, Ok(low));
            check(dtype, high, Ok(high));
            check(dtype, past, Err(NotAnElement::Type));
            check(dtype, "1.5", Err(NotAnElement::Type));
        }
    }

    #[test]
    fn decimals_are_rounded_once() {
        // Halfway between two floats plus a little: rounding to f64 first would lose the little.
        let token = "1.00000005960464477540";
        let mut bytes = Vec::new();
        push(token, DType::F32, &mut bytes).unwrap();
        assert_eq!(bytes, 1.000_000_1f32.to_le_bytes());
    }
}
