//! AVX-512: up to 28 accumulators, 4 vectors of B and a broadcast in 32 registers. Four panels by
//! 7 rows are the best of these shapes: rows of A that lie 4 KiB apart, as those of 1024 channels
//! do, share one set of the first-level cache, which holds 8 lines. Where pointers are laid out
//! for tiles of 14 rows, two panels must do; what is left over at the side is narrower. Half a
//! panel goes by vectors of 8 lanes, of which Zen 4 multiplies two in the time of one of 16.
//!
//! Two bf16 or four bytes in each lane change neither registers nor addresses, so their tiles are
//! the same.

use super::product::{F32, Int8 as Bytes, Product};
use super::{TileCall, Tiles, generic};
use simd::F32Vector;
use simd::x86_avx2::F32x8;
use simd::x86_avx512::F32x16;
use simd::x86_dot;

/// The tiles of a product, with the functions that enter the ISA for them.
macro_rules! tiles {
    ($whole:ident $half:ident $product:ident) => {
        Tiles {
            whole: &[
                tiles!($whole $product 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
                tiles!($whole $product 2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
                tiles!($whole $product 3: 1 2 3 4 5 6 7 8 9),
                tiles!($whole $product 4: 1 2 3 4 5 6 7),
            ],
            halves: tiles!($half $product 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
        }
    };
    ($enter:ident $product:ident $panels:literal: $($rows:literal)*) => {
        &[$($enter::<$product, $rows, $panels>),*]
    };
}

pub(crate) const F32_TILES: Tiles = tiles!(f32_tile f32_half F32);
/// For CPUs that have AVX-512 BF16 too.
pub(crate) const BF16_TILES: Tiles = tiles!(bf16_tile bf16_half Bf16);
/// For CPUs that have AVX-512 VNNI too.
pub(crate) const INT8_TILES: Tiles = tiles!(int8_tile int8_half Int8);

/// By the instruction of AVX-512 BF16.
struct Bf16;

impl Product<F32x16> for Bf16 {
    #[inline(always)]
    unsafe fn add(a: F32x16, b: F32x16, sum: F32x16) -> F32x16 {
        // SAFETY: the caller's.
        unsafe { x86_dot::dot_bf16(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn store_bf16(x: F32x16, target: *mut u16, count: usize) {
        // SAFETY: the caller's.
        unsafe {
            if count == F32x16::LANES {
                x86_dot::store_bf16(x, target);
            } else {
                x86_dot::store_bf16_partial(x, target, count);
            }
        }
    }
}

impl Product<F32x8> for Bf16 {
    #[inline(always)]
    unsafe fn add(a: F32x8, b: F32x8, sum: F32x8) -> F32x8 {
        // SAFETY: the caller's.
        unsafe { x86_dot::dot_bf16_half(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn store_bf16(x: F32x8, target: *mut u16, count: usize) {
        // SAFETY: the caller's.
        unsafe { x86_dot::store_bf16_half(x, target, count) }
    }
}

/// By the instruction of AVX-512 VNNI.
struct Int8;

impl Product<F32x16> for Int8 {
    const GIVES_BYTES: bool = true;

    #[inline(always)]
    unsafe fn add(a: F32x16, b: F32x16, sum: F32x16) -> F32x16 {
        // SAFETY: the caller's.
        unsafe { x86_dot::dot_u8i8(a, b, sum) }
    }

    #[inline(always)]
    fn to_f32(sum: F32x16) -> F32x16 {
        Bytes::to_f32(sum)
    }
}

impl Product<F32x8> for Int8 {
    const GIVES_BYTES: bool = true;

    #[inline(always)]
    unsafe fn add(a: F32x8, b: F32x8, sum: F32x8) -> F32x8 {
        // SAFETY: the caller's.
        unsafe { x86_dot::dot_u8i8_half(a, b, sum) }
    }

    #[inline(always)]
    fn to_f32(sum: F32x8) -> F32x8 {
        Bytes::to_f32(sum)
    }
}

/// Enters the ISA with an extension: whole panels by vectors of 16 lanes, halves by those of 8.
macro_rules! enter {
    ($whole:ident $half:ident $features:literal) => {
        /// # Safety
        /// See [`super::TileFn`]; the CPU has what the product needs.
        #[target_feature(enable = $features)]
        unsafe fn $whole<P: Product<F32x16>, const R: usize, const N: usize>(call: &TileCall) {
            // SAFETY: the caller's.
            unsafe { generic::tile::<F32x16, P, R, N>(call) }
        }

        /// # Safety
        /// See [`super::TileFn`]; the CPU has what the product needs.
        #[target_feature(enable = $features)]
        unsafe fn $half<P: Product<F32x8>, const R: usize, const N: usize>(call: &TileCall) {
            // SAFETY: the caller's.
            unsafe { generic::tile::<F32x8, P, R, N>(call) }
        }
    };
}
enter!(f32_tile f32_half "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma");
enter!(bf16_tile bf16_half "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma");
enter!(int8_tile int8_half "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma");

/// See [`super::narrow::NarrowFn`].
///
/// # Safety
/// As stated there; the CPU has AVX-512 F, BW, DQ, VL and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
pub(crate) unsafe fn narrow(source: *const f32, count: usize, target: *mut u16) {
    let whole = count / F32x16::LANES * F32x16::LANES;
    // SAFETY: the caller's.
    unsafe {
        for at in (0..whole).step_by(F32x16::LANES) {
            x86_dot::store_bf16(F32x16::load(source.add(at)), target.add(at));
        }
        if whole < count {
            let last = F32x16::load_partial(source.add(whole), count - whole);
            x86_dot::store_bf16_partial(last, target.add(whole), count - whole);
        }
    }
}
