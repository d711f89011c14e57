//! AVX-512: two panels, up to 14 rows: 28 accumulators, 2 vectors of B and a broadcast in 32
//! registers. The last panel of an odd number runs alone.

use super::{TileCall, TileFn, generic};
use simd::x86_avx512::F32x16;

macro_rules! rows {
    ($panels:literal) => {
        &[
            tile::<1, $panels>,
            tile::<2, $panels>,
            tile::<3, $panels>,
            tile::<4, $panels>,
            tile::<5, $panels>,
            tile::<6, $panels>,
            tile::<7, $panels>,
            tile::<8, $panels>,
            tile::<9, $panels>,
            tile::<10, $panels>,
            tile::<11, $panels>,
            tile::<12, $panels>,
            tile::<13, $panels>,
            tile::<14, $panels>,
        ]
    };
}

/// By panels, then by rows.
pub(crate) const TILES: &[&[TileFn]] = &[rows!(1), rows!(2)];

/// # Safety
/// See [`TileFn`]; the CPU has AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn tile<const R: usize, const PANELS: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x16, R, PANELS>(call) }
}
