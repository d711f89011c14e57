//! Vectors of AVX-512: sixteen numbers in a zmm register, masks in mask registers.

use crate::{F32Vector, Vectorize};
use std::arch::x86_64::{
    __m128i, __m256, __m256bh, __m256i, __m512, __m512i, __mmask16, _CMP_EQ_OQ, _CMP_GE_OQ,
    _CMP_GT_OQ, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_FROUND_TO_NEG_INF,
    _MM_FROUND_TO_POS_INF, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128,
    _mm_mask_storeu_epi8, _mm_maskz_loadu_epi8, _mm_max_ps, _mm_max_ss, _mm_movehdup_ps,
    _mm_movehl_ps, _mm_storeu_si128, _mm256_add_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
    _mm256_loadu_si256, _mm256_mask_storeu_epi16, _mm256_maskz_loadu_epi16, _mm256_max_ps,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_and_ps, _mm512_and_si512,
    _mm512_andnot_ps, _mm512_castps_si512, _mm512_castps512_ps256, _mm512_castsi512_ps,
    _mm512_castsi512_si128, _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi16,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh,
    _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8, _mm512_div_ps, _mm512_extractf32x8_ps,
    _mm512_extracti32x4_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_madd_epi16,
    _mm512_mask_blend_epi32, _mm512_mask_blend_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_max_epu8, _mm512_max_ps, _mm512_min_epu8, _mm512_min_ps, _mm512_mul_ps, _mm512_or_ps,
    _mm512_or_si512, _mm512_packs_epi32, _mm512_packus_epi16, _mm512_permutexvar_epi32,
    _mm512_roundscale_ps, _mm512_scalef_ps, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_slli_epi16, _mm512_slli_epi32, _mm512_sqrt_ps,
    _mm512_srai_epi16, _mm512_srli_epi16, _mm512_srli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
    _mm512_sub_epi32, _mm512_sub_ps, _mm512_xor_ps,
};
use std::mem::transmute;

/// Sixteen numbers; exists only where AVX-512 does. With `BF16`, AVX-512 BF16 is there too.
#[derive(Debug, Clone, Copy)]
pub struct Wide<const BF16: bool>(pub(crate) __m512);

/// Sixteen numbers on any CPU that has AVX-512.
pub type F32x16 = Wide<false>;

/// Does this CPU have AVX-512 F, BW, DQ and VL?
pub fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

/// Runs `f` on these vectors.
///
/// # Safety
/// [`is_available`] holds.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub unsafe fn enter<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the caller vouches for the ISA.
    unsafe { f.run::<F32x16>() }
}

/// Runs `f` on vectors that are rounded to bf16 in one instruction.
///
/// # Safety
/// [`crate::x86_dot::has_bf16`] holds.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
pub unsafe fn enter_bf16<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the caller vouches for the ISA.
    unsafe { f.run::<Wide<true>>() }
}

/// The mask of the first `count` lanes, for masked loads and stores.
#[inline(always)]
pub(crate) fn first(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

/// Lane-wise methods that are one intrinsic each.
macro_rules! lanewise {
    ($(fn $name:ident($($arg:ident),*) = $intrinsic:ident;)*) => { $(
        #[inline(always)]
        fn $name(self $(, $arg: Wide<BF16>)*) -> Wide<BF16> {
            // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
            Wide(unsafe { $intrinsic(self.0 $(, $arg.0)*) })
        }
    )* };
}

/// Comparisons, by the predicate of `cmpps`.
macro_rules! compare {
    ($(fn $name:ident = $predicate:ident;)*) => { $(
        #[inline(always)]
        fn $name(self, b: Wide<BF16>) -> __mmask16 {
            // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
            unsafe { _mm512_cmp_ps_mask::<$predicate>(self.0, b.0) }
        }
    )* };
}

impl<const BF16: bool> F32Vector for Wide<BF16> {
    const LANES: usize = 16;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA.
        Wide(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and the memory.
        Wide(unsafe { _mm512_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and `count` numbers; masked lanes are not read.
        Wide(unsafe { _mm512_maskz_loadu_ps(first(count), source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for the memory.
        unsafe { _mm512_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        // SAFETY: the caller vouches for `count` numbers; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(target, first(count), self.0) }
    }

    lanewise! {
        fn add(b) = _mm512_add_ps;
        fn sub(b) = _mm512_sub_ps;
        fn mul(b) = _mm512_mul_ps;
        fn div(b) = _mm512_div_ps;
        fn mul_add(b, c) = _mm512_fmadd_ps;
        fn min(b) = _mm512_min_ps;
        fn max(b) = _mm512_max_ps;
        fn sqrt() = _mm512_sqrt_ps;
    }
    compare! {
        fn eq = _CMP_EQ_OQ;
        fn gt = _CMP_GT_OQ;
        fn ge = _CMP_GE_OQ;
    }

    #[inline(always)]
    fn abs(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_andnot_ps(_mm512_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn neg(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_xor_ps(_mm512_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn floor(self) -> Wide<BF16> {
        const MODE: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_roundscale_ps::<MODE>(self.0) })
    }
    #[inline(always)]
    fn ceil(self) -> Wide<BF16> {
        const MODE: i32 = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_roundscale_ps::<MODE>(self.0) })
    }
    #[inline(always)]
    fn round_even(self) -> Wide<BF16> {
        const MODE: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_roundscale_ps::<MODE>(self.0) })
    }
    #[inline(always)]
    fn copysign(self, sign: Wide<BF16>) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe {
            let bit = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_and_ps(bit, sign.0), _mm512_andnot_ps(bit, self.0))
        })
    }
    #[inline(always)]
    fn scale_exp2(self, n: Wide<BF16>) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_scalef_ps(self.0, n.0) })
    }

    #[inline(always)]
    fn exp2_int(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
        })
    }
    #[inline(always)]
    fn split_exponent(self) -> (Wide<BF16>, Wide<BF16>) {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe {
            let bits = _mm512_castps_si512(self.0);
            let fraction = _mm512_and_si512(bits, _mm512_set1_epi32(0x007f_ffff));
            let mantissa = _mm512_or_si512(fraction, _mm512_set1_epi32(0x3f80_0000));
            let exponent = _mm512_sub_epi32(_mm512_srli_epi32::<23>(bits), _mm512_set1_epi32(127));
            (Wide(_mm512_castsi512_ps(mantissa)), Wide(_mm512_cvtepi32_ps(exponent)))
        }
    }
    #[inline(always)]
    fn low_bf16(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(self.0))) })
    }
    #[inline(always)]
    fn high_bf16(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe {
            let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(self.0), upper))
        })
    }
    #[inline(always)]
    unsafe fn load_bf16(source: *const u16) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and the memory.
        unsafe { widened(_mm256_loadu_si256(source.cast())) }
    }
    #[inline(always)]
    unsafe fn load_bf16_partial(source: *const u16, count: usize) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and `count` numbers; masked lanes are not read.
        unsafe { widened(_mm256_maskz_loadu_epi16(first(count), source.cast())) }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, target: *mut u16) {
        // SAFETY: the caller vouches for the memory.
        unsafe { _mm256_storeu_si256(target.cast(), self.narrowed()) }
    }
    #[inline(always)]
    unsafe fn store_bf16_partial(self, target: *mut u16, count: usize) {
        // SAFETY: the caller vouches for `count` numbers; masked lanes are not written.
        unsafe { _mm256_mask_storeu_epi16(target.cast(), first(count), self.narrowed()) }
    }
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and the memory.
        unsafe { Wide(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(source.cast())))) }
    }
    #[inline(always)]
    unsafe fn load_u8_partial(source: *const u8, count: usize) -> Wide<BF16> {
        // SAFETY: the caller vouches for the ISA and `count` bytes; masked lanes are not read.
        unsafe {
            let bytes = _mm_maskz_loadu_epi8(first(count), source.cast());
            Wide(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)))
        }
    }
    #[inline(always)]
    unsafe fn store_u8(self, target: *mut u8) {
        // SAFETY: the caller vouches for the memory.
        unsafe { _mm_storeu_si128(target.cast(), self.bytes()) }
    }
    #[inline(always)]
    unsafe fn store_u8_partial(self, target: *mut u8, count: usize) {
        // SAFETY: the caller vouches for `count` bytes; masked lanes are not written.
        unsafe { _mm_mask_storeu_epi8(target.cast(), first(count), self.bytes()) }
    }
    #[inline(always)]
    unsafe fn store_u8s<const N: usize>(
        vectors: [Wide<BF16>; N],
        bounds: [u8; 2],
        target: *mut u8,
    ) {
        let blocks = vectors.chunks_exact(4);
        let rest = blocks.remainder();
        // SAFETY: the caller vouches for the memory; vectors exist, so the CPU has the ISA.
        unsafe {
            for (i, four) in blocks.enumerate() {
                let bytes = Self::packed([four[0], four[1], four[2], four[3]], bounds);
                _mm512_storeu_si512(target.add(i * 64).cast(), bytes);
            }
            let target = target.add(N / 4 * 64);
            match *rest {
                [a] => {
                    let bytes = Self::packed([a, a, a, a], bounds);
                    _mm_storeu_si128(target.cast(), _mm512_castsi512_si128(bytes));
                }
                [a, b] => {
                    let bytes = Self::packed([a, b, a, b], bounds);
                    _mm256_storeu_si256(target.cast(), _mm512_castsi512_si256(bytes));
                }
                [a, b, c] => {
                    let bytes = Self::packed([a, b, c, c], bounds);
                    _mm256_storeu_si256(target.cast(), _mm512_castsi512_si256(bytes));
                    let last = _mm512_extracti32x4_epi32::<2>(bytes);
                    _mm_storeu_si128(target.add(32).cast(), last);
                }
                _ => {}
            }
        }
    }
    #[inline(always)]
    fn dot_u8i8(self, b: Wide<BF16>, sum: Wide<BF16>) -> Wide<BF16> {
        // Sums of two products of bytes leave 16 bits, so each byte becomes 16 bits first.
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe {
            let (a, b) = (_mm512_castps_si512(self.0), _mm512_castps_si512(b.0));
            let a_even = _mm512_and_si512(a, _mm512_set1_epi16(0xff));
            let b_even = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(b));
            let even = _mm512_madd_epi16(a_even, b_even);
            let odd = _mm512_madd_epi16(_mm512_srli_epi16::<8>(a), _mm512_srai_epi16::<8>(b));
            let dot = _mm512_add_epi32(even, odd);
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(sum.0), dot))
        })
    }
    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe {
            let half = _mm256_add_ps(_mm512_castps512_ps256(self.0), upper(self.0));
            let quarter =
                _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half));
            let pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
        }
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe {
            if self.is_nan() != 0 {
                return f32::NAN;
            }
            let half = _mm256_max_ps(_mm512_castps512_ps256(self.0), upper(self.0));
            let quarter =
                _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half));
            let pair = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)))
        }
    }
    #[inline(always)]
    fn i32_bits_to_f32(self) -> Wide<BF16> {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_cvtepi32_ps(_mm512_castps_si512(self.0)) })
    }
    #[inline(always)]
    fn is_nan(self) -> __mmask16 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0) }
    }
    #[inline(always)]
    fn select(mask: __mmask16, a: Wide<BF16>, b: Wide<BF16>) -> Wide<BF16> {
        // SAFETY: `a` exists, so the CPU has the ISA; only registers are touched.
        Wide(unsafe { _mm512_mask_blend_ps(mask, b.0, a.0) })
    }
}

impl<const BF16: bool> Wide<BF16> {
    /// The numbers rounded to bytes, between 0 and 255; a NaN becomes 0.
    #[inline(always)]
    fn bytes(self) -> __m128i {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        unsafe {
            // Far beyond 255, where the conversion would give the least integer.
            let bounded = self.max(self.fill(0.0)).min(self.fill(1024.0));
            _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(bounded.0))
        }
    }

    /// Numbers of the range of an `i32`, or below it, rounded to bytes, in their order, and bounded
    /// by two of them.
    #[inline(always)]
    fn packed(vectors: [Wide<BF16>; 4], [low, high]: [u8; 2]) -> __m512i {
        // SAFETY: vectors exist, so the CPU has the ISA; only registers are touched.
        unsafe {
            let [a, b, c, d] = vectors.map(|of| _mm512_cvtps_epi32(of.0));
            let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
            let (low, high) = (_mm512_set1_epi8(low as i8), _mm512_set1_epi8(high as i8));
            let bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low), high);
            // Both pack quarters of their operands.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_permutexvar_epi32(order, bytes)
        }
    }

    /// The numbers rounded to bf16, to the nearest and ties to even; a NaN stays one. Where the
    /// CPU has an instruction for it, numbers below the smallest normal one become zero.
    #[inline(always)]
    fn narrowed(self) -> __m256i {
        // SAFETY: `self` exists, so the CPU has the ISA, and AVX-512 BF16 with `BF16`; only
        // registers are touched.
        unsafe {
            if BF16 {
                return transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(self.0));
            }
            let bits = _mm512_castps_si512(self.0);
            let upper = _mm512_srli_epi32::<16>(bits);
            let odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
            let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
            let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, half));
            let quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
            _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(self.is_nan(), rounded, quiet))
        }
    }
}

/// The upper half of the lanes.
///
/// # Safety
/// [`is_available`] holds.
#[inline(always)]
unsafe fn upper(lanes: __m512) -> __m256 {
    // SAFETY: the caller vouches for the ISA; only registers are touched.
    unsafe { _mm512_extractf32x8_ps::<1>(lanes) }
}

/// Sixteen bf16 as f32.
///
/// # Safety
/// [`is_available`] holds.
#[inline(always)]
unsafe fn widened<const BF16: bool>(halves: __m256i) -> Wide<BF16> {
    // SAFETY: the caller vouches for the ISA; only registers are touched.
    unsafe { Wide(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))) }
}
