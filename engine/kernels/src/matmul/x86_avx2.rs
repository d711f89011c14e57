//! AVX2: one panel, up to 6 rows: 12 accumulators, 2 vectors of B and a broadcast in 16 registers.

use super::{TileCall, TileFn, generic};
use simd::x86_avx2::F32x8;

/// By rows.
pub(crate) const TILES: &[&[TileFn]] =
    &[&[tile::<1>, tile::<2>, tile::<3>, tile::<4>, tile::<5>, tile::<6>]];

/// Half a panel, by rows.
pub(crate) const HALVES: &[TileFn] =
    &[half::<1>, half::<2>, half::<3>, half::<4>, half::<5>, half::<6>];

/// # Safety
/// See [`TileFn`]; the CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const R: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x8, R, 2>(call) }
}

/// # Safety
/// See [`TileFn`]; the CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn half<const R: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x8, R, 1>(call) }
}
