//! Products of small numbers, summed in one instruction each: extensions that only some CPUs with
//! AVX-512 have. A lane holds two bf16 or four bytes.

use crate::x86_avx2::F32x8;
use crate::x86_avx512::{F32x16, Wide};
use std::arch::x86_64::{
    __m128bh, __m128i, __m256, __m256bh, __m256i, __m512, __m512bh, __mmask8,
    _mm_mask_storeu_epi16, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cvtneps_pbh,
    _mm256_dpbf16_ps, _mm256_dpbusd_epi32, _mm256_mask_storeu_epi16, _mm256_storeu_si256,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtneps_pbh, _mm512_dpbf16_ps,
    _mm512_dpbusd_epi32,
};
use std::mem::transmute;

/// Does this CPU have AVX-512 BF16 beside what [`F32x16`] needs?
pub fn has_bf16() -> bool {
    crate::x86_avx512::is_available() && is_x86_feature_detected!("avx512bf16")
}

/// Does this CPU have AVX-512 VNNI beside what [`F32x16`] needs?
pub fn has_vnni() -> bool {
    crate::x86_avx512::is_available() && is_x86_feature_detected!("avx512vnni")
}

/// `sum` with the products of the two bf16 of each lane added to it. Numbers below the smallest
/// normal one count as zero.
///
/// # Safety
/// [`has_bf16`] holds.
#[inline(always)]
pub unsafe fn dot_bf16(a: F32x16, b: F32x16, sum: F32x16) -> F32x16 {
    // SAFETY: the caller vouches for the ISA; the types are registers of the same bits.
    Wide(unsafe {
        _mm512_dpbf16_ps(
            sum.0,
            transmute::<__m512, __m512bh>(a.0),
            transmute::<__m512, __m512bh>(b.0),
        )
    })
}

/// [`dot_bf16`] over 8 lanes.
///
/// # Safety
/// [`has_bf16`] holds.
#[inline(always)]
pub unsafe fn dot_bf16_half(a: F32x8, b: F32x8, sum: F32x8) -> F32x8 {
    // SAFETY: the caller vouches for the ISA; the types are registers of the same bits.
    F32x8(unsafe {
        _mm256_dpbf16_ps(
            sum.0,
            transmute::<__m256, __m256bh>(a.0),
            transmute::<__m256, __m256bh>(b.0),
        )
    })
}

/// Writes all lanes rounded to bf16; numbers below the smallest normal one become zero.
///
/// # Safety
/// [`has_bf16`] holds, and `target` is valid for writes of 16 numbers of 2 bytes.
#[inline(always)]
pub unsafe fn store_bf16(x: F32x16, target: *mut u16) {
    // SAFETY: the caller vouches for the ISA and the memory.
    unsafe {
        _mm256_storeu_si256(target.cast(), transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x.0)))
    }
}

/// As [`store_bf16`], the first `count <= 16` lanes only. Nothing beyond them is touched.
///
/// # Safety
/// [`has_bf16`] holds, and `target` is valid for writes of `count` numbers of 2 bytes.
#[inline(always)]
pub unsafe fn store_bf16_partial(x: F32x16, target: *mut u16, count: usize) {
    // SAFETY: the caller vouches for the ISA and the memory; masked lanes are not written.
    unsafe {
        let bits = transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x.0));
        _mm256_mask_storeu_epi16(target.cast(), crate::x86_avx512::first(count), bits);
    }
}

/// As [`store_bf16_partial`], of 8 lanes.
///
/// # Safety
/// [`has_bf16`] holds, and `target` is valid for writes of `count <= 8` numbers of 2 bytes.
#[inline(always)]
pub unsafe fn store_bf16_half(x: F32x8, target: *mut u16, count: usize) {
    // SAFETY: the caller vouches for the ISA and the memory; masked lanes are not written.
    unsafe {
        let bits = transmute::<__m128bh, __m128i>(_mm256_cvtneps_pbh(x.0));
        let mask = crate::x86_avx512::first(count) as __mmask8;
        _mm_mask_storeu_epi16(target.cast(), mask, bits);
    }
}

/// `sum` with the products of the 4 bytes of each lane, unsigned in `a` and signed in `b`, added
/// to it, in bits of `i32`.
///
/// # Safety
/// [`has_vnni`] holds.
#[inline(always)]
pub unsafe fn dot_u8i8(a: F32x16, b: F32x16, sum: F32x16) -> F32x16 {
    // SAFETY: the caller vouches for the ISA; only registers are touched.
    Wide(unsafe {
        let (a, b) = (_mm512_castps_si512(a.0), _mm512_castps_si512(b.0));
        _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(sum.0), a, b))
    })
}

/// [`dot_u8i8`] over 8 lanes.
///
/// # Safety
/// [`has_vnni`] holds.
#[inline(always)]
pub unsafe fn dot_u8i8_half(a: F32x8, b: F32x8, sum: F32x8) -> F32x8 {
    // SAFETY: the caller vouches for the ISA; only registers are touched.
    F32x8(unsafe {
        let (a, b) = (_mm256_castps_si256(a.0), _mm256_castps_si256(b.0));
        _mm256_castsi256_ps(_mm256_dpbusd_epi32(_mm256_castps_si256(sum.0), a, b))
    })
}
