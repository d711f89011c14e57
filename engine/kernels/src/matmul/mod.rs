//! Matrix products, and the building block of convolution: a batch-reduce tile kernel per ISA.
//!
//! Constant operands are packed ahead ([`pack`]) into panels of [`PANEL`] columns, the same on
//! every ISA, so that a plan serves any of them. [`MatMul`] multiplies by such an operand,
//! [`BatchMatMul`] packs a dynamic one on the fly.
//!
//! A lane of 32 bits holds one f32, two bf16 or four bytes ([`Packed`]); the tile kernel is the
//! same for all of them but for the instruction that multiplies lanes.

mod batch;
mod block;
pub(crate) mod catalogue;
mod dense;
mod epilogue;
mod int8;
pub(crate) mod narrow;
mod pack;
mod packed;
mod product;
mod scalar;

#[cfg(target_arch = "aarch64")]
mod aarch64_neon;
mod generic;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;

// On other CPUs no token of these ISAs exists; their rows still need functions to name.
#[cfg(not(target_arch = "aarch64"))]
use generic as aarch64_neon;
#[cfg(not(target_arch = "x86_64"))]
use generic as x86_avx2;
#[cfg(not(target_arch = "x86_64"))]
use generic as x86_avx512;

pub use batch::{BatchMatMul, Matrix};
pub use dense::MatMul;
pub use epilogue::{Epilogue, Rounding, Steps};
pub use int8::{DEPTH_MAX, pack_int8, packed_int8_len};
pub use pack::{PANEL, pack, packed_len};
pub use packed::{Int8, Packed, pack_bf16, packed_bf16_len};
pub use scalar::ScalarMatMul;

pub(crate) use block::{Block, Grid, Left, THREADS_MAX, tiles};
pub(crate) use epilogue::Clamp;
pub(crate) use pack::pack_columns;
pub(crate) use packed::pack_lanes;

use crate::Row;
use crate::floats::{Source, Target};
use simd::Isa;

/// The entry points of a tile kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    /// `whole[panels - 1][rows - 1]`
    pub(crate) whole: &'static [&'static [TileFn]],
    /// `halves[rows - 1]`: tiles of half a panel, as many as there are of one panel.
    pub(crate) halves: &'static [TileFn],
}

/// A tile kernel: its row of the catalogue and its entry points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// What the catalogue says of it.
    pub(crate) row: Row,
    /// Its entry points.
    pub(crate) tiles: Tiles,
}

/// A tile kernel of bf16, and what makes the left operand bf16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Kernel {
    pub(crate) kernel: Kernel,
    pub(crate) narrow: narrow::NarrowFn,
}

impl Kernel {
    /// The kernel of f32 of an ISA.
    pub(crate) fn of(isa: Isa) -> &'static Kernel {
        &catalogue::F32[isa as usize]
    }

    /// The kernel of bf16 for an ISA.
    pub(crate) fn bf16(isa: Isa) -> &'static Bf16Kernel {
        &catalogue::BF16[extended(isa, simd::has_bf16) as usize]
    }

    /// The kernel of bytes for an ISA.
    pub(crate) fn int8(isa: Isa) -> &'static Kernel {
        &catalogue::INT8[extended(isa, simd::has_vnni) as usize]
    }

    /// The most rows of a tile, which tiles of one panel have; wider ones may have fewer.
    pub(crate) fn rows(&self) -> usize {
        self.tiles.whole[0].len()
    }

    /// The most panels of a tile that sums `taps` products. Pointers of several taps lie tile by
    /// tile, so all tiles must have as many rows then.
    pub(crate) fn panels(&self, taps: usize) -> usize {
        let fits = |tiles: &&&[TileFn]| taps == 1 || tiles.len() == self.rows();
        self.tiles.whole.iter().take_while(fits).count()
    }
}

/// The tile kernel by which products of f32 or of bf16 are computed on an ISA.
pub fn tile_row(isa: Isa, is_bf16: bool) -> &'static Row {
    if is_bf16 { &Kernel::bf16(isa).kernel.row } else { &Kernel::of(isa).row }
}

/// The tile kernel by which products of bytes are computed on an ISA.
pub fn int8_row(isa: Isa) -> &'static Row {
    &Kernel::int8(isa).row
}

/// The ISA itself, or AVX2 where AVX-512 lacks an extension.
fn extended(isa: Isa, has_extension: fn() -> bool) -> Isa {
    if isa == Isa::Avx512 && !has_extension() { Isa::Avx2 } else { isa }
}

/// Computes one tile.
///
/// # Safety
/// The CPU has the ISA of the kernel; the addresses in the call hold what [`TileCall`] says, for
/// the rows and panels of this entry point.
pub(crate) type TileFn = unsafe fn(&TileCall);

/// One tile of R rows: `c = clamp(sum over taps of a[tap] b[tap] * scales + bias + residual)`.
/// Operands are counted in lanes, each of the size of an f32, whatever a lane holds.
#[derive(Debug)]
pub(crate) struct TileCall {
    /// `taps x R` pointers to `k` lanes each, of any alignment: the rows of A, by tap.
    pub(crate) a: *const *const f32,
    /// Matrices whose products are summed.
    pub(crate) taps: usize,
    /// Columns of each A, rows of each B.
    pub(crate) k: usize,
    /// The first panel: `taps x k x PANEL` floats.
    pub(crate) b: *const f32,
    /// Floats from one panel to the next.
    pub(crate) panel_stride: usize,
    /// Floats from what is read of the first panel to what is brought into the cache meanwhile.
    pub(crate) ahead: usize,
    /// Columns of the result that exist, at most those of the tile.
    pub(crate) columns: usize,
    /// The first element of the result.
    pub(crate) c: Target,
    /// Elements from one row of the result to the next.
    pub(crate) c_stride: usize,
    /// `columns` floats, or null.
    pub(crate) bias: *const f32,
    /// As many rows and columns as the result has.
    pub(crate) residual: Option<Source>,
    /// Elements from one row of the residual to the next.
    pub(crate) residual_stride: usize,
    /// Factor of the residual.
    pub(crate) residual_scale: f32,
    /// Of products of bytes: as of [`Epilogue`].
    pub(crate) rounding: Option<Rounding>,
    /// A factor for each row, or null.
    pub(crate) row_scales: *const f32,
    /// `columns` factors of the sums beside it, or null.
    pub(crate) scales: *const f32,
    /// Lower bound of the result.
    pub(crate) low: f32,
    /// Upper bound of the result.
    pub(crate) high: f32,
    /// As of [`Clamp`].
    pub(crate) bytes: Option<[u8; 2]>,
}

#[cfg(test)]
pub(crate) mod tests;
