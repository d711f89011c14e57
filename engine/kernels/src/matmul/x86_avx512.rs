//! AVX-512: up to 28 accumulators, 4 vectors of B and a broadcast in 32 registers. Four panels by
//! 7 rows are the best of these shapes: rows of A that lie 4 KiB apart, as those of 1024 channels
//! do, share one set of the first-level cache, which holds 8 lines. Where pointers are laid out
//! for tiles of 14 rows, two panels must do; what is left over at the side is narrower. Half a
//! panel goes by vectors of 8 lanes, of which Zen 4 multiplies two in the time of one of 16.

use super::{TileCall, TileFn, generic};
use simd::x86_avx2::F32x8;
use simd::x86_avx512::F32x16;

macro_rules! rows {
    ($panels:literal: $($rows:literal)*) => { &[$(tile::<$rows, $panels>),*] };
    (half: $($rows:literal)*) => { &[$(half::<$rows>),*] };
}

/// By panels, then by rows.
pub(crate) const TILES: &[&[TileFn]] = &[
    rows!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
    rows!(2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
    rows!(3: 1 2 3 4 5 6 7 8 9),
    rows!(4: 1 2 3 4 5 6 7),
];

/// Half a panel, by rows.
pub(crate) const HALVES: &[TileFn] = rows!(half: 1 2 3 4 5 6 7 8 9 10 11 12 13 14);

/// # Safety
/// See [`TileFn`]; the CPU has AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn tile<const R: usize, const PANELS: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x16, R, PANELS>(call) }
}

/// # Safety
/// See [`TileFn`]; the CPU has AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn half<const R: usize>(call: &TileCall) {
    // SAFETY: the caller's.
    unsafe { generic::tile::<F32x8, R, 1>(call) }
}
