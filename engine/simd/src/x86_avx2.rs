//! Vectors of AVX2 with FMA: eight numbers in a ymm register.

use crate::{F32Vector, Vectorize};
use std::arch::x86_64::{
    __m256, __m256i, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_UNORD_Q, _MM_FROUND_NO_EXC,
    _MM_FROUND_TO_NEAREST_INT, _mm_loadl_epi64, _mm_loadu_si128, _mm_packs_epi32, _mm_packus_epi16,
    _mm_storel_epi64, _mm_storeu_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps,
    _mm256_and_si256, _mm256_andnot_ps, _mm256_blendv_epi8, _mm256_blendv_ps, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_ceil_ps, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_cvtepu16_epi32, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_extracti128_si256, _mm256_floor_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_or_si256, _mm256_packus_epi32,
    _mm256_permute4x64_epi64, _mm256_round_ps, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_slli_epi16, _mm256_slli_epi32, _mm256_sqrt_ps, _mm256_srai_epi16,
    _mm256_srli_epi16, _mm256_srli_epi32, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps,
    _mm256_xor_ps,
};

/// Eight numbers; exists only where AVX2 and FMA do.
#[derive(Debug, Clone, Copy)]
pub struct F32x8(pub(crate) __m256);

/// Does this CPU have AVX2, FMA and F16C?
pub fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

/// Runs `f` on these vectors.
///
/// # Safety
/// [`is_available`] holds.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn enter<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the caller vouches for the ISA.
    unsafe { f.run::<F32x8>() }
}

/// The mask of the first `count` lanes, for masked loads and stores.
#[inline(always)]
fn first(count: usize) -> __m256i {
    const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let start = 8 - count.min(8);
    // SAFETY: `start + 8 <= 16`; a plain load of memory that exists.
    unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(start).cast()) }
}

/// Lane-wise methods that are one intrinsic each.
macro_rules! lanewise {
    ($(fn $name:ident($($arg:ident),*) = $intrinsic:ident;)*) => { $(
        #[inline(always)]
        fn $name(self $(, $arg: F32x8)*) -> F32x8 {
            // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
            F32x8(unsafe { $intrinsic(self.0 $(, $arg.0)*) })
        }
    )* };
}

/// Comparisons, by the predicate of `cmpps`.
macro_rules! compare {
    ($(fn $name:ident = $predicate:ident;)*) => { $(
        #[inline(always)]
        fn $name(self, b: F32x8) -> __m256 {
            // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
            unsafe { _mm256_cmp_ps::<$predicate>(self.0, b.0) }
        }
    )* };
}

impl F32Vector for F32x8 {
    const LANES: usize = 8;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn splat(x: f32) -> F32x8 {
        // SAFETY: the caller vouches for the ISA.
        F32x8(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> F32x8 {
        // SAFETY: the caller vouches for the ISA and the memory.
        F32x8(unsafe { _mm256_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> F32x8 {
        // SAFETY: the caller vouches for the ISA and `count` numbers; masked lanes are not read.
        F32x8(unsafe { _mm256_maskload_ps(source, first(count)) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for the memory.
        unsafe { _mm256_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        // SAFETY: the caller vouches for `count` numbers; masked lanes are not written.
        unsafe { _mm256_maskstore_ps(target, first(count), self.0) }
    }

    lanewise! {
        fn add(b) = _mm256_add_ps;
        fn sub(b) = _mm256_sub_ps;
        fn mul(b) = _mm256_mul_ps;
        fn div(b) = _mm256_div_ps;
        fn mul_add(b, c) = _mm256_fmadd_ps;
        fn min(b) = _mm256_min_ps;
        fn max(b) = _mm256_max_ps;
        fn sqrt() = _mm256_sqrt_ps;
        fn floor() = _mm256_floor_ps;
        fn ceil() = _mm256_ceil_ps;
    }
    compare! {
        fn eq = _CMP_EQ_OQ;
        fn gt = _CMP_GT_OQ;
        fn ge = _CMP_GE_OQ;
    }

    #[inline(always)]
    fn abs(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn neg(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_xor_ps(_mm256_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn round_even(self) -> F32x8 {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_round_ps::<NEAREST>(self.0) })
    }
    #[inline(always)]
    fn copysign(self, sign: F32x8) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_and_ps(bit, sign.0), _mm256_andnot_ps(bit, self.0))
        })
    }
    #[inline(always)]
    fn exp2_int(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        })
    }
    #[inline(always)]
    fn split_exponent(self) -> (F32x8, F32x8) {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff));
            let mantissa = _mm256_or_si256(fraction, _mm256_set1_epi32(0x3f80_0000));
            let exponent = _mm256_sub_epi32(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(127));
            (F32x8(_mm256_castsi256_ps(mantissa)), F32x8(_mm256_cvtepi32_ps(exponent)))
        }
    }
    #[inline(always)]
    fn low_bf16(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(self.0))) })
    }
    #[inline(always)]
    fn high_bf16(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe {
            _mm256_castsi256_ps(_mm256_and_si256(
                _mm256_castps_si256(self.0),
                _mm256_set1_epi32(0xffff_0000_u32 as i32),
            ))
        })
    }
    #[inline(always)]
    unsafe fn load_bf16(source: *const u16) -> F32x8 {
        // SAFETY: the caller vouches for the ISA and the memory.
        F32x8(unsafe {
            let lanes = _mm256_cvtepu16_epi32(_mm_loadu_si128(source.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(lanes))
        })
    }
    #[inline(always)]
    unsafe fn store_bf16(self, target: *mut u16) {
        // SAFETY: `self` exists, so the CPU has the ISA; the caller vouches for the memory.
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let upper = _mm256_srli_epi32::<16>(bits);
            let odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
            let half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
            let rounded = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, half));
            let quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
            let is_nan = _mm256_castps_si256(self.is_nan());
            let chosen = _mm256_blendv_epi8(rounded, quiet, is_nan);
            let packed = _mm256_packus_epi32(chosen, chosen);
            let ordered = _mm256_permute4x64_epi64::<0b1000>(packed);
            _mm_storeu_si128(target.cast(), _mm256_castsi256_si128(ordered));
        }
    }
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> F32x8 {
        // SAFETY: the caller vouches for the ISA and the memory.
        unsafe { F32x8(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(source.cast())))) }
    }
    #[inline(always)]
    unsafe fn store_u8(self, target: *mut u8) {
        // SAFETY: the caller vouches for the memory.
        unsafe {
            let bounded = self.max(self.fill(0.0)).min(self.fill(255.0));
            let integers = _mm256_cvtps_epi32(bounded.0);
            let low = _mm256_castsi256_si128(integers);
            let halves = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(integers));
            _mm_storel_epi64(target.cast(), _mm_packus_epi16(halves, halves));
        }
    }
    #[inline(always)]
    fn dot_u8i8(self, b: F32x8, sum: F32x8) -> F32x8 {
        // Sums of two products of bytes leave 16 bits, so each byte becomes 16 bits first.
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe {
            let (a, b) = (_mm256_castps_si256(self.0), _mm256_castps_si256(b.0));
            let a_even = _mm256_and_si256(a, _mm256_set1_epi16(0xff));
            let b_even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(b));
            let even = _mm256_madd_epi16(a_even, b_even);
            let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(a), _mm256_srai_epi16::<8>(b));
            let dot = _mm256_add_epi32(even, odd);
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sum.0), dot))
        })
    }
    #[inline(always)]
    fn i32_bits_to_f32(self) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_cvtepi32_ps(_mm256_castps_si256(self.0)) })
    }
    #[inline(always)]
    fn is_nan(self) -> __m256 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0) }
    }
    #[inline(always)]
    fn select(mask: __m256, a: F32x8, b: F32x8) -> F32x8 {
        // SAFETY: `a` exists, so the CPU has the ISA; only registers are touched.
        F32x8(unsafe { _mm256_blendv_ps(b.0, a.0, mask) })
    }
}
