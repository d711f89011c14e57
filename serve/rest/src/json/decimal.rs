//! Number tokens of JSON to the nearest elements.
//!
//! Given a text and where a token begins:
//! 1. Its digits become one integer, eight at a time, the rest a power of ten.
//! 2. One multiplication or division gives an `f64` that is the nearest, or among the nearest, of
//!    which rounding gives the nearest `f32`, unless it lies too near to the middle of two `f32`.
//! 3. Everything else is left to the standard library, which is right always and slower.

use super::list::Fault;
use std::str::from_utf8;

/// The powers of ten that `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Most digits that an `i64` surely holds.
const DIGITS_MAX: usize = 18;

/// An element and the index behind it.
pub(super) type Read<T> = Result<(T, usize), Fault>;

/// A JSON number in parts.
struct Decimal {
    /// 1 for a minus, else 0. It is only reckoned with: to choose by it would make the processor
    /// wait at every second number of a list whose signs it cannot foresee.
    minus: u32,
    /// All digits as one number; worthless when there are more than 19.
    mantissa: u64,
    digits: usize,
    /// How many of the digits stand behind the point.
    fraction: usize,
    /// What stands behind `e`.
    exponent: Option<i64>,
    end: usize,
}

/// The nearest `f64`, by the standard library where it must be. `EXACT`: integers that it would
/// change are values at fault, and so is what no finite element is near to.
#[inline]
pub(super) fn float64<const EXACT: bool>(text: &[u8], at: usize) -> Read<f64> {
    let Some(decimal) = decimal(text, at) else { return named(text, at) };
    if EXACT && decimal.is_long_integer(1 << 53) {
        return Err(Fault::Value(at));
    }
    let value = match decimal.quotient() {
        Some(value) if decimal.mantissa <= 1 << 53 => {
            f64::from_bits(value.to_bits() | u64::from(decimal.minus) << 63)
        }
        _ => parse::<f64>(text, at, decimal.end)?,
    };
    if value.is_infinite() { Err(Fault::Infinite(at)) } else { Ok((value, decimal.end)) }
}

/// The nearest `f32`; a number between the largest `f32` and the largest `f64` is infinite.
/// `EXACT` as for [`float64`].
#[inline]
pub(super) fn float32<const EXACT: bool>(text: &[u8], at: usize) -> Read<f32> {
    /// The bits of an `f64` that an `f32` has no place for, and the middle of their range.
    const LOST: u64 = (1 << 29) - 1;
    const MIDDLE: u64 = 1 << 28;
    /// How far a quotient is from the true number at most, in its last bits: half a bit for the
    /// rounded mantissa, which division may double, and half a bit for the division.
    const UNSURE: u64 = 2;
    let Some(decimal) = decimal(text, at) else {
        return named(text, at).map(|(value, end)| (value as f32, end));
    };
    if EXACT && decimal.is_long_integer(1 << 24) {
        return Err(Fault::Value(at));
    }
    if let Some(value) = decimal.quotient() {
        // Below the smallest normal number other bits are lost.
        let is_normal = value >= f64::from(f32::MIN_POSITIVE) || decimal.mantissa == 0;
        let from_middle = (value.to_bits() & LOST).abs_diff(MIDDLE);
        let nearest = value as f32;
        if is_normal && from_middle > UNSURE && !(EXACT && nearest.is_infinite()) {
            let bits = nearest.to_bits() | decimal.minus << 31;
            return Ok((f32::from_bits(bits), decimal.end));
        }
    }
    parsed32::<EXACT>(text, at, decimal.end)
}

#[cold]
#[inline(never)]
fn parsed32<const EXACT: bool>(text: &[u8], at: usize, end: usize) -> Read<f32> {
    let value = parse::<f32>(text, at, end)?;
    if value.is_infinite() && (EXACT || parse::<f64>(text, at, end)?.is_infinite()) {
        return Err(Fault::Infinite(at));
    }
    Ok((value, end))
}

/// An integer that the type holds, without fraction or exponent.
#[inline]
pub(super) fn integer<T: TryFrom<i64> + TryFrom<i128>>(text: &[u8], at: usize) -> Read<T> {
    let decimal = decimal(text, at).ok_or(Fault::Value(at))?;
    if !decimal.is_integer() {
        return Err(Fault::Value(at));
    }
    let out_of_range = Fault::Range(at);
    let value = if decimal.digits <= DIGITS_MAX {
        let minus = i64::from(decimal.minus);
        T::try_from((decimal.mantissa as i64 ^ -minus) + minus).ok()
    } else {
        let value = parse::<i128>(text, at, decimal.end).map_err(|_| out_of_range)?;
        T::try_from(value).ok()
    };
    value.map(|value| (value, decimal.end)).ok_or(out_of_range)
}

/// `true` or `false`.
pub(super) fn boolean(text: &[u8], at: usize) -> Read<u8> {
    let rest = text.get(at..).unwrap_or_default();
    match rest {
        [b't', b'r', b'u', b'e', ..] => Ok((1, at + 4)),
        [b'f', b'a', b'l', b's', b'e', ..] => Ok((0, at + 5)),
        _ => Err(Fault::Value(at)),
    }
}

/// The tokens that JSON does not have.
#[cold]
fn named(text: &[u8], at: usize) -> Read<f64> {
    let tokens = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
    let rest = text.get(at..).unwrap_or_default();
    let found = tokens.iter().find(|(token, _)| rest.starts_with(token.as_bytes()));
    found.map(|(token, value)| (*value, at + token.len())).ok_or(Fault::Value(at))
}

/// Reads by JSON's grammar, to which the ends of floats in Rust would be foreign.
#[inline]
fn decimal(text: &[u8], start: usize) -> Option<Decimal> {
    let minus = u32::from(text.get(start) == Some(&b'-'));
    let first = start + minus as usize;
    let lead = text.get(first)?.wrapping_sub(b'0');
    // Most numbers have one digit before the point, for which eight at a time are too many.
    let (mut mantissa, mut end) = match text.get(first + 1) {
        Some(b'.') if lead < 10 => (u64::from(lead), first + 1),
        _ => {
            let (mantissa, end) = digits(text, first, 0);
            if end == first || (end > first + 1 && lead == 0) {
                return None;
            }
            (mantissa, end)
        }
    };
    let mut digit_count = end - first;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        let point = end;
        (mantissa, end) = digits(text, point + 1, mantissa);
        fraction = end - point - 1;
        if fraction == 0 {
            return None;
        }
        digit_count += fraction;
    }
    let mut exponent = None;
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let (power, behind) = power(text, end + 1)?;
        (exponent, end) = (Some(power), behind);
    }
    Some(Decimal { minus, mantissa, digits: digit_count, fraction, exponent, end })
}

/// Appends the digits from `at` on to `number`, which wraps around; the index behind them.
#[inline]
fn digits(text: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    loop {
        let (value, count) = leading_digits(eight_bytes(text, at));
        number = number.wrapping_mul(TENS[count]).wrapping_add(value);
        at += count;
        if count < 8 {
            return (number, at);
        }
    }
}

/// The bytes from `at` on, the first one lowest; zeros behind the end of the text.
#[inline]
fn eight_bytes(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_bytes(text, at),
    }
}

#[cold]
fn last_bytes(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The number that the digits at the beginning of eight bytes are, and how many there are.
#[inline]
fn leading_digits(bytes: u64) -> (u64, usize) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Digits become their values. What is above nine then reaches the highest bit of its byte, or
    // has it set already.
    let values = bytes ^ (EACH * 0x30);
    let others = ((values & (EACH * 0x7f)) + EACH * (0x80 - 10)) | values;
    let count = ((others & (EACH * 0x80)).trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Zeros come in before the digits, so that the last digit is the highest byte. Then neighbors
    // are joined: eight digits, four pairs, two fours, one number.
    let values = values << (64 - 8 * count);
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    const OUTER: u64 = 0x0000_00ff_0000_00ff;
    let first_and_third = (pairs & OUTER).wrapping_mul(100 + (1_000_000 << 32));
    let second_and_fourth = (pairs >> 16 & OUTER).wrapping_mul(1 + (10_000 << 32));
    (first_and_third.wrapping_add(second_and_fourth) >> 32, count)
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
    /// The number without its sign as an `f64`: the nearest one when the mantissa is below 2^53,
    /// and else at most two of its last bits away.
    #[inline]
    fn quotient(&self) -> Option<f64> {
        if self.digits > DIGITS_MAX {
            return None;
        }
        let mantissa = self.mantissa as i64 as f64;
        match self.exponent {
            None => Some(mantissa / POWERS.get(self.fraction)?),
            Some(exponent) => {
                let exponent = exponent - i64::try_from(self.fraction).ok()?;
                let power = POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
                Some(if exponent < 0 { mantissa / power } else { mantissa * power })
            }
        }
    }

    #[inline]
    fn is_integer(&self) -> bool {
        self.fraction == 0 && self.exponent.is_none()
    }

    /// Is it an integer of more than this, or of so many digits that it may be?
    #[inline]
    fn is_long_integer(&self, limit: u64) -> bool {
        self.is_integer() && (self.mantissa > limit || self.digits > DIGITS_MAX)
    }
}

fn parse<T: std::str::FromStr>(text: &[u8], at: usize, end: usize) -> Result<T, Fault> {
    let token = from_utf8(&text[at..end]).map_err(|_| Fault::Value(at))?;
    token.parse().map_err(|_| Fault::Value(at))
}
