//! Matrix products, and the building block of convolution: a batch-reduce tile kernel per ISA.
//!
//! Constant operands are packed ahead ([`pack`]) into panels of [`PANEL`] columns, the same on
//! every ISA, so that a plan serves any of them. [`MatMul`] multiplies by such an operand,
//! [`BatchMatMul`] packs a dynamic one on the fly.

mod batch;
mod block;
pub(crate) mod catalogue;
mod dense;
mod epilogue;
mod pack;

mod generic;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;

// On other CPUs no token of these ISAs exists; their rows still need functions to name.
#[cfg(not(target_arch = "x86_64"))]
use generic as x86_avx2;
#[cfg(not(target_arch = "x86_64"))]
use generic as x86_avx512;

pub use batch::{BatchMatMul, Matrix};
pub use dense::MatMul;
pub use epilogue::Epilogue;
pub use pack::{PANEL, pack, packed_len};

pub(crate) use block::{Block, Grid, tiles};
pub(crate) use epilogue::Clamp;
pub(crate) use pack::pack_columns;

use crate::Row;
use simd::Isa;

/// A tile kernel: its row of the catalogue and its entry points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// What the catalogue says of it.
    pub(crate) row: Row,
    /// `tiles[panels - 1][rows - 1]`
    pub(crate) tiles: &'static [&'static [TileFn]],
    /// `halves[rows - 1]`: tiles of half a panel, as many as there are of one panel.
    pub(crate) halves: &'static [TileFn],
}

impl Kernel {
    /// The kernel of an ISA.
    pub(crate) fn of(isa: Isa) -> &'static Kernel {
        &catalogue::ROWS[isa as usize]
    }

    /// The most rows of a tile, which tiles of one panel have; wider ones may have fewer.
    pub(crate) fn rows(&self) -> usize {
        self.tiles[0].len()
    }

    /// The most panels of a tile that sums `taps` products. Pointers of several taps lie tile by
    /// tile, so all tiles must have as many rows then.
    pub(crate) fn panels(&self, taps: usize) -> usize {
        let fits = |tiles: &&&[TileFn]| taps == 1 || tiles.len() == self.rows();
        self.tiles.iter().take_while(fits).count()
    }
}

/// Computes one tile.
///
/// # Safety
/// The CPU has the ISA of the kernel; the addresses in the call hold what [`TileCall`] says, for
/// the rows and panels of this entry point.
pub(crate) type TileFn = unsafe fn(&TileCall);

/// One tile of R rows: `c = clamp(sum over taps of a[tap] b[tap] * scale + bias + residual)`.
#[derive(Debug)]
pub(crate) struct TileCall {
    /// `taps x R` pointers to `k` floats each: the rows of A, by tap.
    pub(crate) a: *const *const f32,
    /// Matrices whose products are summed.
    pub(crate) taps: usize,
    /// Columns of each A, rows of each B.
    pub(crate) k: usize,
    /// The first panel: `taps x k x PANEL` floats.
    pub(crate) b: *const f32,
    /// Floats from one panel to the next.
    pub(crate) panel_stride: usize,
    /// Columns of the result that exist, at most those of the tile.
    pub(crate) columns: usize,
    /// The first element of the result.
    pub(crate) c: *mut f32,
    /// Floats from one row of the result to the next.
    pub(crate) c_stride: usize,
    /// `columns` floats, or null.
    pub(crate) bias: *const f32,
    /// Laid out as the result, or null.
    pub(crate) residual: *const f32,
    /// Factor of the sum.
    pub(crate) scale: f32,
    /// Lower bound of the result.
    pub(crate) low: f32,
    /// Upper bound of the result.
    pub(crate) high: f32,
}

#[cfg(test)]
mod tests;
