//! Portable vectors: eight numbers in an array, which the compiler may put into registers.

use crate::{F32Vector, Vectorize};

const LANES: usize = 8;

/// Eight numbers.
#[derive(Debug, Clone, Copy)]
pub struct F32x8([f32; LANES]);

/// Always.
pub fn is_available() -> bool {
    true
}

/// Runs `f` on these vectors.
///
/// # Safety
/// None to uphold: the vectors exist on every CPU.
pub unsafe fn enter<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: every CPU has these vectors.
    unsafe { f.run::<F32x8>() }
}

impl F32x8 {
    #[inline(always)]
    fn zip<T>(self, b: F32x8, f: impl Fn(f32, f32) -> T) -> [T; LANES] {
        std::array::from_fn(|i| f(self.0[i], b.0[i]))
    }
}

impl F32Vector for F32x8 {
    const LANES: usize = LANES;
    type Mask = [bool; LANES];

    #[inline(always)]
    unsafe fn splat(x: f32) -> F32x8 {
        F32x8([x; LANES])
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> F32x8 {
        // SAFETY: the caller vouches for `LANES` numbers; arrays of f32 need no more alignment.
        F32x8(unsafe { source.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> F32x8 {
        let mut lanes = [0.0; LANES];
        for (i, lane) in lanes.iter_mut().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` numbers.
            *lane = unsafe { source.add(i).read() };
        }
        F32x8(lanes)
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for `LANES` numbers.
        unsafe { target.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        for (i, &lane) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` numbers.
            unsafe { target.add(i).write(lane) };
        }
    }
    #[inline(always)]
    fn add(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| a + b))
    }
    #[inline(always)]
    fn sub(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| a - b))
    }
    #[inline(always)]
    fn mul(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| a * b))
    }
    #[inline(always)]
    fn div(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| a / b))
    }
    #[inline(always)]
    fn mul_add(self, b: F32x8, c: F32x8) -> F32x8 {
        // Without the instruction, `f32::mul_add` is a call that costs a hundred products.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            F32x8(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
        } else {
            F32x8(std::array::from_fn(|i| self.0[i] * b.0[i] + c.0[i]))
        }
    }
    #[inline(always)]
    fn fused_mul_add(self, b: F32x8, c: F32x8) -> F32x8 {
        F32x8(std::array::from_fn(|i| fused_mul_add(self.0[i], b.0[i], c.0[i])))
    }
    #[inline(always)]
    fn min(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| if a < b { a } else { b }))
    }
    #[inline(always)]
    fn max(self, b: F32x8) -> F32x8 {
        F32x8(self.zip(b, |a, b| if a > b { a } else { b }))
    }
    #[inline(always)]
    fn abs(self) -> F32x8 {
        F32x8(self.0.map(f32::abs))
    }
    #[inline(always)]
    fn neg(self) -> F32x8 {
        F32x8(self.0.map(|x| -x))
    }
    #[inline(always)]
    fn sqrt(self) -> F32x8 {
        F32x8(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn floor(self) -> F32x8 {
        F32x8(self.0.map(floor))
    }
    #[inline(always)]
    fn ceil(self) -> F32x8 {
        F32x8(self.0.map(|x| -floor(-x)))
    }
    #[inline(always)]
    fn round_even(self) -> F32x8 {
        F32x8(self.0.map(round_even))
    }
    #[inline(always)]
    fn copysign(self, sign: F32x8) -> F32x8 {
        F32x8(self.zip(sign, f32::copysign))
    }
    #[inline(always)]
    fn exp2_int(self) -> F32x8 {
        F32x8(self.0.map(|n| f32::from_bits(((n as i32).wrapping_add(127) << 23) as u32)))
    }
    #[inline(always)]
    fn split_exponent(self) -> (F32x8, F32x8) {
        let mantissa = self.0.map(|x| f32::from_bits((x.to_bits() & 0x007f_ffff) | 0x3f80_0000));
        let exponent = self.0.map(|x| ((x.to_bits() >> 23) as i32 - 127) as f32);
        (F32x8(mantissa), F32x8(exponent))
    }
    #[inline(always)]
    fn low_bf16(self) -> F32x8 {
        F32x8(self.0.map(|x| f32::from_bits(x.to_bits() << 16)))
    }
    #[inline(always)]
    fn high_bf16(self) -> F32x8 {
        F32x8(self.0.map(|x| f32::from_bits(x.to_bits() & 0xffff_0000)))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, target: *mut u16) {
        // SAFETY: the caller vouches for `LANES` numbers.
        unsafe { target.cast::<[u16; LANES]>().write_unaligned(self.0.map(round_bf16)) }
    }
    #[inline(always)]
    fn dot_u8i8(self, b: F32x8, sum: F32x8) -> F32x8 {
        F32x8(std::array::from_fn(|i| {
            let (a, b) = (self.0[i].to_bits().to_le_bytes(), b.0[i].to_bits().to_le_bytes());
            let products = a.into_iter().zip(b).map(|(a, b)| i32::from(a) * i32::from(b as i8));
            let dot: i32 = products.sum();
            f32::from_bits((sum.0[i].to_bits() as i32).wrapping_add(dot) as u32)
        }))
    }
    #[inline(always)]
    fn i32_bits_to_f32(self) -> F32x8 {
        F32x8(self.0.map(|x| x.to_bits() as i32 as f32))
    }
    #[inline(always)]
    fn eq(self, b: F32x8) -> [bool; LANES] {
        self.zip(b, |a, b| a == b)
    }
    #[inline(always)]
    fn gt(self, b: F32x8) -> [bool; LANES] {
        self.zip(b, |a, b| a > b)
    }
    #[inline(always)]
    fn ge(self, b: F32x8) -> [bool; LANES] {
        self.zip(b, |a, b| a >= b)
    }
    #[inline(always)]
    fn is_nan(self) -> [bool; LANES] {
        self.0.map(f32::is_nan)
    }
    #[inline(always)]
    fn select(mask: [bool; LANES], a: F32x8, b: F32x8) -> F32x8 {
        F32x8(std::array::from_fn(|i| if mask[i] { a.0[i] } else { b.0[i] }))
    }
}

/// `f32::mul_add` without a call into the C library: the product is exact in f64, and the sum,
/// rounded there to odd, loses nothing that the second rounding asks for (Boldo and Melquiond,
/// "Emulation of a FMA and correctly rounded sums", 2008).
#[inline(always)]
fn fused_mul_add(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let part = sum - product;
    let error = (product - (sum - part)) + (c - part);
    let is_even = sum.to_bits() & 1 == 0;
    // An error that is no number belongs to a sum that is none, or has no end.
    let is_below = error < 0.0;
    let is_inexact = is_below || error > 0.0;
    let towards_zero = is_below == (sum > 0.0);
    let step = if towards_zero { u64::MAX } else { 1 };
    let odd = sum.to_bits().wrapping_add(step);
    (if is_inexact && is_even { f64::from_bits(odd) } else { sum }) as f32
}

#[inline(always)]
pub(crate) fn round_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // A NaN whose payload lies in the lower half would become an infinity.
    (if x.is_nan() { (bits >> 16) | 0x40 } else { rounded }) as u16
}

/// From 2^23 upwards every f32 is an integer, and adding 2^23 to a smaller one pushes its
/// fraction out of the mantissa: this is `rint` without a call into the C library.
#[inline(always)]
fn round_even(x: f32) -> f32 {
    const INTEGERS_FROM: f32 = 8_388_608.0;
    let magnitude = x.abs();
    let rounded = (magnitude + INTEGERS_FROM) - INTEGERS_FROM;
    let result = if magnitude < INTEGERS_FROM { rounded } else { magnitude };
    result.copysign(x)
}

#[inline(always)]
fn floor(x: f32) -> f32 {
    let rounded = round_even(x);
    if rounded > x { rounded - 1.0 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulated_fused_product_is_that_of_the_standard() {
        let special = [0.0, -0.0, 1.0, -1.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::INFINITY];
        let mut bits = 1u32;
        let mut next = || {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Exponents near each other, so that sums cancel, and some of all.
            let exponent = if bits & 1 == 0 { 120 + (bits >> 8) % 16 } else { bits >> 24 };
            f32::from_bits(bits & 0x807f_ffff | (exponent & 0xff) << 23)
        };
        let random = (0..200_000).map(|_| [next(), next(), next()]);
        let each = special.iter().flat_map(|&a| special.iter().map(move |&b| (a, b)));
        let specials = each.flat_map(|(a, b)| special.iter().map(move |&c| [a, b, c]));
        for [a, b, c] in random.chain(specials) {
            let (found, expected) = (fused_mul_add(a, b, c), a.mul_add(b, c));
            let is_same = found.to_bits() == expected.to_bits();
            assert!(is_same || found.is_nan() && expected.is_nan(), "{a:e} * {b:e} + {c:e}");
        }
    }
}
