//! What the bytes of small elements stand for ([`DType::is_small`]), and which byte stands for a
//! number.
//!
//! Formats are those of ONNX: [floats of 8 bits], [floats of 4 bits] and [integers of 4 bits]; the
//! float of 4 bits and powers of two are those of the OCP Microscaling Formats (MX) Specification
//! 1.0. Conversions are those of ONNX Cast-25. Where the project's own tests say otherwise, they
//! count; each such place says so.
//!
//! [floats of 8 bits]: https://onnx.ai/onnx/technical/float8.html
//! [floats of 4 bits]: https://onnx.ai/onnx/technical/float4.html
//! [integers of 4 bits]: https://onnx.ai/onnx/technical/int4.html
//!
//! ```
//! use tensor::small::{Narrowing, from_f64, to_f64};
//! use tensor::DType;
//! // Halfway between 1 and 1.125: a tie goes to the even one.
//! assert_eq!(from_f64(DType::F8E4M3FN, 1.0625, Narrowing::default()), 0x38);
//! assert_eq!(to_f64(DType::F8E4M3FN, 0x38), 1.0);
//! assert_eq!(to_f64(DType::I4, 0xFF), -1.0);
//! ```

use crate::DType;
use serde::{Deserialize, Serialize};

/// How a number that a type does not have becomes one that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Narrowing {
    /// Does a number beyond the largest become the largest, or infinite (NaN where there is no
    /// infinity)? Concerns floats of 8 bits alone.
    pub is_saturating: bool,
    /// Which neighbor a number between two becomes. Concerns [`DType::F8E8M0`] alone: all other
    /// floats are rounded to the nearest, ties to even.
    pub round: Round,
}

/// Which of its two neighbors a number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// The larger one.
    Up,
    /// The smaller one.
    Down,
    /// The nearer one; in the middle between them, the larger.
    Nearest,
}

impl Default for Narrowing {
    /// What ONNX's Cast does unless it is told otherwise.
    fn default() -> Narrowing {
        Narrowing { is_saturating: true, round: Round::Up }
    }
}

/// The number that a byte stands for.
///
/// # Panics
/// When the type is not small.
pub fn to_f64(dtype: DType, byte: u8) -> f64 {
    match dtype {
        DType::I4 | DType::I2 => f64::from(wrapped(dtype, byte) as i8),
        DType::U4 | DType::U2 => f64::from(wrapped(dtype, byte)),
        DType::F8E8M0 if byte == 0xFF => f64::NAN,
        DType::F8E8M0 => power_of_two(i32::from(byte) - 127),
        _ => Float::of(dtype).number(byte),
    }
}

/// The byte that stands for a number.
///
/// Floats are rounded and saturated as [`Narrowing`] says; one that rounds to more than the largest
/// is beyond it. Without saturation what is too large becomes infinite, or NaN in a type without
/// infinities. NaN stays NaN and keeps its sign. A [`DType::F4E2M1`] always saturates, and NaN
/// becomes -0 there, as the tests have it (the text says 6).
///
/// A [`DType::F8E8M0`] holds magnitudes: signs are lost. What is below 2^-127, zero too, becomes
/// that; without saturation it becomes NaN.
///
/// Integers are rounded to the nearest, ties to even, and keep their low bits; what is not finite
/// becomes 0.
///
/// # Panics
/// When the type is not small.
pub fn from_f64(dtype: DType, x: f64, narrowing: Narrowing) -> u8 {
    match dtype {
        DType::I4 | DType::U4 | DType::I2 | DType::U2 if !x.is_finite() => 0,
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            wrapped(dtype, (x.round_ties_even() % 16.0) as i8 as u8)
        }
        DType::F8E8M0 => exponent_byte(x, narrowing),
        _ => Float::of(dtype).byte(x, narrowing.is_saturating),
    }
}

/// The byte of the element that is in the low bits of `byte`: what [`DType::bits`] leave over is
/// cut off, and the sign of a signed integer extended.
pub fn wrapped(dtype: DType, byte: u8) -> u8 {
    let unused = 8 - dtype.bits().min(8);
    match dtype {
        DType::I4 | DType::I2 => ((byte << unused) as i8 >> unused) as u8,
        _ => byte << unused >> unused,
    }
}

/// The number of each byte.
///
/// # Panics
/// When the type is not small.
pub fn table(dtype: DType) -> [f64; 256] {
    std::array::from_fn(|byte| to_f64(dtype, byte as u8))
}

/// A format of sign, exponent and mantissa.
struct Float {
    mantissa_bits: u32,
    bias: i32,
    /// The sign's bit.
    sign: u8,
    /// The largest finite number.
    largest: u8,
    special: Special,
}

/// Bytes of a format that stand for no finite number.
#[derive(PartialEq)]
enum Special {
    /// The infinities above the largest number, and NaN above them.
    Infinities,
    /// One NaN of each sign, above the largest number.
    Nans,
    /// One NaN, where the negative zero would be.
    OneNan,
    /// None.
    Nothing,
}

/// Beyond the largest number of every format, as infinity is.
const FAR: f64 = (1u32 << 20) as f64;

impl Float {
    fn of(dtype: DType) -> Float {
        let (mantissa_bits, bias, sign, largest, special) = match dtype {
            DType::F8E4M3FN => (3, 7, 0x80, 0x7E, Special::Nans),
            DType::F8E4M3FNUZ => (3, 8, 0x80, 0x7F, Special::OneNan),
            DType::F8E5M2 => (2, 15, 0x80, 0x7B, Special::Infinities),
            DType::F8E5M2FNUZ => (2, 16, 0x80, 0x7F, Special::OneNan),
            DType::F4E2M1 => (1, 1, 0x08, 0x07, Special::Nothing),
            _ => panic!("{dtype} is no small float"),
        };
        Float { mantissa_bits, bias, sign, largest, special }
    }

    fn number(&self, byte: u8) -> f64 {
        let magnitude = byte & (self.sign - 1);
        let is_negative = byte & self.sign != 0;
        let is_nan = match self.special {
            Special::Infinities => magnitude > self.largest + 1,
            Special::Nans => magnitude > self.largest,
            Special::OneNan => is_negative && magnitude == 0,
            Special::Nothing => false,
        };
        let field = i32::from(magnitude >> self.mantissa_bits);
        let ones = 1 << self.mantissa_bits;
        let mantissa = i32::from(magnitude) % ones + if field > 0 { ones } else { 0 };
        let exponent = field.max(1) - self.bias - self.mantissa_bits as i32;
        let number = match is_nan {
            true => f64::NAN,
            false if magnitude > self.largest => f64::INFINITY,
            false => f64::from(mantissa) * power_of_two(exponent),
        };
        if is_negative { -number } else { number }
    }

    fn byte(&self, x: f64, is_saturating: bool) -> u8 {
        let sign = if x.is_sign_negative() { self.sign } else { 0 };
        if x.is_nan() {
            return match self.special {
                Special::Infinities => sign | 0x7E,
                Special::Nans => sign | 0x7F,
                Special::OneNan => 0x80,
                Special::Nothing => self.sign,
            };
        }
        let x = x.clamp(-FAR, FAR);
        // Numbers of one exponent stand for as many bytes that follow each other, and those below
        // the smallest exponent have its distance.
        let smallest = 1 - self.bias;
        let exponent = floor_log2(x).max(smallest);
        let distance = power_of_two(exponent - self.mantissa_bits as i32);
        let steps = (x.abs() / distance).round_ties_even() as u32;
        let magnitude = steps + (((exponent - smallest) as u32) << self.mantissa_bits);
        let is_beyond = magnitude > u32::from(self.largest);
        match (is_beyond, &self.special) {
            (false, Special::OneNan) if magnitude == 0 => 0,
            (false, _) => sign | magnitude as u8,
            (true, Special::Nothing) => sign | self.largest,
            (true, _) if is_saturating => sign | self.largest,
            (true, Special::Infinities | Special::Nans) => sign | (self.largest + 1),
            (true, Special::OneNan) => 0x80,
        }
    }
}

fn exponent_byte(x: f64, narrowing: Narrowing) -> u8 {
    let is_saturating = narrowing.is_saturating;
    let below = floor_log2(x);
    if x.is_nan() || !is_saturating && (x.is_infinite() || below < -127) {
        return 0xFF;
    }
    if below < -127 {
        return 0;
    }
    let rest = x.abs() / power_of_two(below);
    let is_up = match narrowing.round {
        Round::Up => rest > 1.0,
        Round::Down => false,
        Round::Nearest => rest >= 1.5,
    };
    let beyond = if is_saturating { 254 } else { 255 };
    (below + 127 + i32::from(is_up)).min(beyond) as u8
}

/// The exponent of the largest power of two that is no larger than `|x|`; of numbers below the
/// smallest normal one, and of zero, a smaller one than of any other.
fn floor_log2(x: f64) -> i32 {
    (x.to_bits() >> 52 & 0x7FF) as i32 - 1023
}

/// `exponent` has to be one of a normal number.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOATS: [DType; 5] =
        [DType::F8E4M3FN, DType::F8E4M3FNUZ, DType::F8E5M2, DType::F8E5M2FNUZ, DType::F4E2M1];
    const INTEGERS: [DType; 4] = [DType::I4, DType::U4, DType::I2, DType::U2];

    /// The bytes of a type.
    fn bytes(dtype: DType) -> Vec<u8> {
        let all: std::collections::BTreeSet<u8> = (0..=255).map(|b| wrapped(dtype, b)).collect();
        all.into_iter().collect()
    }

    /// The finite non-negative numbers of a type with their bytes, ascending.
    fn ladder(dtype: DType) -> Vec<(f64, u8)> {
        let mut ladder: Vec<(f64, u8)> = bytes(dtype)
            .into_iter()
            .map(|byte| (to_f64(dtype, byte), byte))
            .filter(|(x, _)| x.is_finite() && x.is_sign_positive())
            .collect();
        ladder.sort_by(|a, b| a.0.total_cmp(&b.0));
        ladder
    }

    /// The nearest number by looking at all of them; of two, the one whose byte is even.
    fn nearest(dtype: DType, x: f64) -> f64 {
        let ladder = ladder(dtype);
        let distance = |&(y, byte): &(f64, u8)| ((x.abs() - y).abs(), byte % 2);
        let best = ladder.iter().min_by(|a, b| distance(a).partial_cmp(&distance(b)).unwrap());
        best.unwrap().0.copysign(x)
    }

    /// Every number of a type, the middles between neighbors, and what lies beside those.
    fn interesting(dtype: DType) -> Vec<f64> {
        let ladder = ladder(dtype);
        let middles = ladder.windows(2).map(|pair| (pair[0].0 + pair[1].0) / 2.0);
        let all: Vec<f64> = ladder.iter().map(|&(x, _)| x).chain(middles).collect();
        let around = all.iter().flat_map(|x| [x.next_down(), *x, x.next_up()]);
        around.flat_map(|x| [x, -x]).collect()
    }

    #[test]
    fn the_tables_of_the_standard() {
        let extremes = [
            (DType::F8E4M3FN, 448.0, 2f64.powi(-9)),
            (DType::F8E4M3FNUZ, 240.0, 2f64.powi(-10)),
            (DType::F8E5M2, 57344.0, 2f64.powi(-16)),
            (DType::F8E5M2FNUZ, 57344.0, 2f64.powi(-17)),
            (DType::F4E2M1, 6.0, 0.5),
        ];
        for (dtype, largest, smallest) in extremes {
            let ladder = ladder(dtype);
            assert_eq!((ladder[0].0, ladder[1].0), (0.0, smallest), "{dtype}");
            assert_eq!(ladder.last().unwrap().0, largest, "{dtype}");
        }
        let fours: Vec<f64> = ladder(DType::F4E2M1).iter().map(|&(x, _)| x).collect();
        assert_eq!(fours, [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]);
        let infinite = |byte| to_f64(DType::F8E5M2, byte);
        assert_eq!((infinite(0x7C), infinite(0xFC)), (f64::INFINITY, f64::NEG_INFINITY));
        let nans = |dtype| (0..=255).filter(move |&b| to_f64(dtype, b).is_nan()).collect();
        let nans = FLOATS.map(|dtype| -> Vec<u8> { nans(dtype) });
        let e5m2 = vec![0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF];
        assert_eq!(nans, [vec![0x7F, 0xFF], vec![0x80], e5m2, vec![0x80], vec![]]);
    }

    #[test]
    fn every_byte_reads_back() {
        for dtype in DType::ALL.into_iter().filter(|dtype| dtype.is_small()) {
            for byte in bytes(dtype) {
                let x = to_f64(dtype, byte);
                let back =
                    from_f64(dtype, x, Narrowing { is_saturating: false, ..Default::default() });
                let is_same = back == byte || x.is_nan() && to_f64(dtype, back).is_nan();
                assert!(is_same, "{dtype}: {byte:#x} is {x}, which is {back:#x}");
            }
        }
    }

    #[test]
    fn floats_become_the_nearest() {
        for dtype in FLOATS {
            let largest = ladder(dtype).last().unwrap().0;
            for x in interesting(dtype).into_iter().filter(|x| x.abs() <= largest) {
                let found = to_f64(dtype, from_f64(dtype, x, Narrowing::default()));
                assert_eq!(found, nearest(dtype, x), "{dtype}: {x}");
            }
        }
    }

    #[test]
    fn what_is_beyond_the_largest() {
        let strict = Narrowing { is_saturating: false, ..Default::default() };
        for dtype in FLOATS {
            let ladder = ladder(dtype);
            let (largest, step) = match *ladder.as_slice() {
                [.., (a, _), (b, _)] => (b, b - a),
                _ => unreachable!("a type of several numbers"),
            };
            // The last that still rounds to the largest: ties go to the even byte.
            let is_even = from_f64(dtype, largest, strict).is_multiple_of(2);
            let middle = largest + step / 2.0;
            let (inside, beyond) =
                if is_even { (middle, middle.next_up()) } else { (middle.next_down(), middle) };
            for sign in [1.0, -1.0] {
                for x in [inside, beyond, 1e300, f64::INFINITY] {
                    let found = to_f64(dtype, from_f64(dtype, sign * x, Narrowing::default()));
                    assert_eq!(found, sign * largest, "{dtype}: {x}");
                    let found = to_f64(dtype, from_f64(dtype, sign * x, strict));
                    match dtype {
                        _ if x == inside => assert_eq!(found, sign * largest, "{dtype}: {x}"),
                        DType::F4E2M1 => assert_eq!(found, sign * largest),
                        DType::F8E5M2 => assert_eq!(found, sign * f64::INFINITY),
                        _ => assert!(found.is_nan(), "{dtype}: {x} is {found}"),
                    }
                }
            }
        }
    }

    #[test]
    fn powers_of_two_are_rounded_as_told() {
        let byte = |x, round, is_saturating| {
            from_f64(DType::F8E8M0, x, Narrowing { is_saturating, round })
        };
        for exponent in -127..127 {
            let (x, code) = (2f64.powi(exponent), (exponent + 127) as u8);
            for (factor, up, down, nearest) in
                [(1.0, 0, 0, 0), (1.25, 1, 0, 0), (1.5, 1, 0, 1), (1.75, 1, 0, 1)]
            {
                for x in [factor * x, -factor * x] {
                    assert_eq!(byte(x, Round::Up, true), code + up, "{x}");
                    assert_eq!(byte(x, Round::Down, true), code + down, "{x}");
                    assert_eq!(byte(x, Round::Nearest, true), code + nearest, "{x}");
                }
            }
        }
        let beyond = 1.5 * 2f64.powi(127);
        assert_eq!((byte(beyond, Round::Up, true), byte(beyond, Round::Up, false)), (254, 255));
        assert_eq!(byte(beyond, Round::Down, false), 254);
        assert_eq!((byte(0.0, Round::Up, true), byte(1e-300, Round::Up, true)), (0, 0));
        assert_eq!((byte(0.0, Round::Up, false), byte(1e-300, Round::Up, false)), (255, 255));
        let infinite = byte(f64::INFINITY, Round::Up, true);
        assert_eq!((byte(f64::NAN, Round::Up, true), infinite), (255, 254));
        assert_eq!(byte(f64::INFINITY, Round::Up, false), 255);
    }

    #[test]
    fn integers_keep_their_low_bits() {
        for dtype in INTEGERS {
            let (bits, is_signed) = (dtype.bits() as u32, matches!(dtype, DType::I4 | DType::I2));
            for x in -600i32..600 {
                let wrapped = x.rem_euclid(1 << bits);
                let is_negative = is_signed && wrapped >= 1 << (bits - 1);
                let expected = if is_negative { wrapped - (1 << bits) } else { wrapped };
                let found = from_f64(dtype, f64::from(x), Narrowing::default());
                assert_eq!(to_f64(dtype, found), f64::from(expected), "{dtype}: {x}");
                assert_eq!(super::wrapped(dtype, x as u8), found, "{dtype}: {x}");
            }
        }
        let byte = |x| from_f64(DType::I4, x, Narrowing::default());
        assert_eq!(
            [byte(2.5), byte(3.5), byte(-0.5), byte(f64::NAN), byte(1e300)],
            [2, 4, 0, 0, 0]
        );
    }
}
