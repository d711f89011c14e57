//! AVX2: one panel, up to 6 rows: 12 accumulators, 2 vectors of B and a broadcast in 16 registers.
//! Other products than those of f32 need some of these registers, and are slower for it.

use super::product::{Bf16, F32, Int8, Product};
use super::{TileCall, Tiles, generic};
use simd::x86_avx2::F32x8;

macro_rules! tiles {
    ($product:ident: $($rows:literal)*) => {
        Tiles {
            whole: &[&[$(tile::<$product, $rows, 2>),*]],
            halves: &[$(tile::<$product, $rows, 1>),*],
        }
    };
}

pub(crate) const F32_TILES: Tiles = tiles!(F32: 1 2 3 4 5 6);
pub(crate) const BF16_TILES: Tiles = tiles!(Bf16: 1 2 3 4);
pub(crate) const INT8_TILES: Tiles = tiles!(Int8: 1 2 3 4);

/// # Safety
/// See [`super::TileFn`]; the CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<P: Product<F32x8>, const R: usize, const N: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x8, P, R, N>(call) }
}

/// See [`super::narrow::NarrowFn`].
///
/// # Safety
/// As stated there; the CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn narrow(source: *const f32, count: usize, target: *mut u16) {
    // SAFETY: the caller's.
    unsafe { super::narrow::narrow::<F32x8>(source, count, target) }
}
