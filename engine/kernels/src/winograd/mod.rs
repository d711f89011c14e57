//! Convolution by 3x3 kernels of channels-last (NHWC) images with fewer multiplications: the
//! algorithm F(MxM, 3x3) of Winograd, as Lavin and Gray give it
//! (<https://arxiv.org/abs/1509.09308>).
//!
//! ```text
//! for each tile of MxM output pixels:
//!     d = the (M+2)x(M+2) input pixels under it            (padding: zeros)
//!     v = B^T d B                                          each channel by itself
//!     m[p] = v[p] u[p]    for each of the (M+2)^2 products a row of in_c by in_c x out_c
//!     y = A^T m A                                          each channel by itself
//! ```
//!
//! `u = G g G^T` are the weights, transformed ahead by [`pack_weights`]. M = 4 multiplies a
//! quarter as often as [`crate::conv`] does, and its weights are 36/9 of the size.
//!
//! **Error.** Beside the exact sum an element is off by at most
//! `growth * ULP * max |input| * sum |weights of its channel|`, with ULP = 2^-23 and growth as
//! [`Tile::error_growth`] gives it: measured with a margin, not proved; tests hold it. A NaN or an
//! infinity spreads over its tile.

pub(crate) mod catalogue;
mod generic;
mod pack;
mod transform;

pub use pack::{pack_weights, pack_weights_bf16, packed_bf16_len, packed_len};

use crate::conv::ConvShape;
use crate::matmul::{Clamp, Epilogue, Kernel, PANEL, Packed};
use crate::task::{Pieces, Task, scratch_for};
use crate::{Floats, FloatsMut};
use simd::{Isa, Token};

/// How many output pixels are made together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// F(2x2, 3x3): 16 products for 4 pixels, 36 multiplications become 16.
    Two,
    /// F(4x4, 3x3): 36 products for 16 pixels, 144 multiplications become 36.
    Four,
}

impl Tile {
    /// Rows, and columns, of output pixels.
    pub(crate) const fn outputs(self) -> usize {
        match self {
            Tile::Two => 2,
            Tile::Four => 4,
        }
    }

    /// Rows, and columns, of input pixels.
    pub(crate) const fn inputs(self) -> usize {
        self.outputs() + 2
    }

    /// Matrix products of a tile.
    pub(crate) const fn products(self) -> usize {
        self.inputs() * self.inputs()
    }

    /// The factor of the bound of errors; see the module. Measured on random numbers are 1.2 and
    /// 6.1 with one channel, 0.4 and 1.3 with 64 and more; the plain convolution has 0.9.
    pub const fn error_growth(self) -> f64 {
        match self {
            Tile::Two => 2.0,
            Tile::Four => 8.0,
        }
    }
}

/// `out[N][OH][OW][OC] = activation(conv(input[N][H][W][C], weights) + bias + residual)`.
#[derive(Debug)]
pub struct Winograd<'a> {
    token: Token,
    tile: Tile,
    shape: ConvShape,
    input: Floats<'a>,
    weights: Packed<'a>,
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: FloatsMut<'a>,
    tiles: Pieces,
    columns: Pieces,
}

/// Floats of transformed input that a piece makes: with the products of one block of columns and
/// the weights that stream by they stay in a 1 MiB second-level cache.
const BLOCK_FLOATS: usize = 3 << 16;
/// Tiles of a piece, at least: each of its weights is read from afar for so many multiply-adds.
const TILES_MIN: usize = 14;
/// Tiles of a piece, at most: beyond that weights cost nothing, and threads want pieces.
const TILES_MAX: usize = 56;
/// Columns of a piece: every piece of the same tiles transforms their input again, which costs
/// some percent of so many columns' products.
const PIECE_COLUMNS: usize = 128;

impl<'a> Winograd<'a> {
    /// `weights`: see [`pack_weights`] and [`pack_weights_bf16`].
    ///
    /// # Panics
    /// When a length does not fit the shape, the shape is no convolution by 3x3 kernels of one
    /// group without strides and dilations, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        tile: Tile,
        shape: &ConvShape,
        input: impl Into<Floats<'a>>,
        weights: Packed<'a>,
        epilogue: Epilogue<'a>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Winograd<'a> {
        let (input, out) = (input.into(), out.into());
        let has_bytes = [Some(input.size()), Some(out.size()), epilogue.residual.map(Floats::size)];
        assert!(!has_bytes.contains(&Some(1)), "no Winograd form of bytes");
        shape.check(input.len(), out.len());
        let expected = match weights {
            Packed::F32(_) => packed_len(tile, shape),
            Packed::Bf16(_) => packed_bf16_len(tile, shape),
            Packed::Int8(_) => panic!("no Winograd form of bytes"),
        };
        assert_eq!(weights.len(), expected, "packed weights: wrong length");
        epilogue.check(shape.out_c, out.len());
        let across = |size: usize| size.div_ceil(tile.outputs());
        let tiles = shape.batch * across(shape.out_h) * across(shape.out_w);
        let most =
            (BLOCK_FLOATS / (tile.products() * shape.in_c).max(1)).clamp(TILES_MIN, TILES_MAX);
        Winograd {
            token: isa.require(),
            tile,
            shape: *shape,
            input,
            weights,
            epilogue,
            clamp: Clamp::of(epilogue.activation),
            out,
            tiles: Pieces::about(tiles, tiles.div_ceil(most), 1),
            columns: Pieces::of_size(shape.out_c, PIECE_COLUMNS),
        }
    }

    /// Columns whose products are in scratch at a time: those of one tile kernel, so that the
    /// weights of the block are read as they lie, from the first product to the last.
    fn block_columns(&self) -> usize {
        Kernel::of(self.token.isa()).panels(1) * PANEL
    }

    /// Lanes from the transformed input of one tile to that of the next: whole vectors, and an
    /// odd number of cache lines, so that the rows of a product do not all fall into one set of
    /// the first-level cache.
    fn row_stride(&self) -> usize {
        self.weights.lanes(self.shape.in_c).div_ceil(2 * PANEL) * 2 * PANEL + PANEL
    }
}

/// Is it a convolution by 3x3 kernels of one group without strides and dilations?
pub fn is_possible(shape: &ConvShape) -> bool {
    (shape.kernel, shape.strides, shape.dilations, shape.groups) == ([3; 2], [1; 2], [1; 2], 1)
}

/// # Panics
/// When the shape is impossible or has no Winograd form.
fn check(shape: &ConvShape) {
    shape.check_sizes();
    assert!(is_possible(shape), "{shape:?} has no Winograd form");
}

impl Task for Winograd<'_> {
    fn tasks(&self) -> usize {
        self.tiles.count() * self.columns.count()
    }

    fn scratch_bytes(&self) -> usize {
        let (rows, products) = (self.tiles.size(), self.tile.products());
        scratch_for::<*const f32>(products * rows)
            + scratch_for::<f32>(self.shape.in_c)
            + scratch_for::<f32>(products * rows * self.row_stride())
            + scratch_for::<f32>(products * rows * self.block_columns())
    }

    unsafe fn run(&self, task: usize, scratch: &mut [u8]) {
        // Pieces that follow each other share weights.
        let tiles = self.tiles.range(task % self.tiles.count());
        let columns = self.columns.range(task / self.tiles.count());
        // SAFETY: the caller's.
        unsafe { generic::run(self, tiles, columns, scratch) }
    }
}

#[cfg(test)]
mod tests;
