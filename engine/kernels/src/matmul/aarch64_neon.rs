//! NEON: one panel, up to 6 rows: 24 accumulators, 4 registers of B and a broadcast in 32.

use super::product::{Bf16, F32, Int8, Product};
use super::{TileCall, Tiles, generic};
use simd::aarch64_neon::F32x8;

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
/// See [`super::TileFn`]; the CPU has NEON.
#[target_feature(enable = "neon")]
unsafe fn tile<P: Product<F32x8>, const R: usize, const N: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x8, P, R, N>(call) }
}

/// See [`super::narrow::NarrowFn`].
///
/// # Safety
/// As stated there; the CPU has NEON.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn narrow(source: *const f32, count: usize, target: *mut u16) {
    // SAFETY: the caller's.
    unsafe { super::narrow::narrow::<F32x8>(source, count, target) }
}
