//! A piece: some tiles by some output channels, over the vectors of any ISA.
//!
//! ```text
//! transform the input under the tiles                             -> v[product][tile][in_c]
//! for a block of columns:
//!     for each product: multiply by its weights, as a matrix      -> m[product][tile][column]
//!     transform m, add bias and residual, clamp                   -> out
//! ```
//! What an element is made of depends on its place in its image only: tiles start at the image's
//! origin, and each element of a product is one chain of multiply-adds.

use super::{Tile, Winograd, transform};
use crate::elementwise::activate;
use crate::matmul::{Block, Clamp, Kernel, PANEL, Packed, narrow};
use crate::task::{Pieces, take};
use simd::{F32Vector, Vectorize};
use std::ops::Range;

/// # Safety
/// As [`crate::Task::run`], for the piece of these tiles and columns.
pub(super) unsafe fn run(
    call: &Winograd<'_>,
    tiles: Range<usize>,
    columns: Range<usize>,
    mut scratch: &mut [u8],
) {
    let (in_c, rows, products) = (call.shape.in_c, tiles.len(), call.tile.products());
    let (stride, width) = (call.row_stride(), call.block_columns());
    let pointers = take::<*const f32>(&mut scratch, products * rows);
    let zeros = take::<f32>(&mut scratch, in_c);
    zeros.fill(0.0);
    let transformed = take::<f32>(&mut scratch, products * rows * stride);
    let sums = take::<f32>(&mut scratch, products * rows * width);
    for (row, pointer) in pointers.iter_mut().enumerate() {
        *pointer = transformed.as_ptr().wrapping_add(row * stride);
    }
    call.token.run(Input { call, tiles: tiles.clone(), zeros, stride, to: transformed });
    let isa = call.token.isa();
    let (kernel, pointers) = match call.weights {
        Packed::F32(_) => (Kernel::of(isa), &*pointers),
        Packed::Bf16(_) => {
            let bf16 = Kernel::bf16(isa);
            let (sizes, most) = ([products * rows, 1, in_c], bf16.kernel.rows());
            // SAFETY: the token proves the ISA; each pointer is to the channels of a tile.
            let narrowed =
                unsafe { narrow::narrow_rows(bf16.narrow, sizes, most, pointers, &mut scratch) };
            (&bf16.kernel, narrowed)
        }
    };
    let k = call.weights.lanes(in_c);
    let blocks = Pieces::of_size(columns.len(), width);
    for block in (0..blocks.count()).map(|block| blocks.range(block)) {
        let block = columns.start + block.start..columns.start + block.end;
        for product in 0..products {
            let panel = block.start / PANEL * products + product;
            let block = Block {
                kernel,
                token: call.token,
                rows,
                // Panels are whole, and so are the rows of the sums.
                columns: block.len().next_multiple_of(PANEL),
                taps: 1,
                k,
                b: call.weights.as_ptr().wrapping_add(panel * k * PANEL),
                panel_stride: products * k * PANEL,
                c: sums.as_mut_ptr().wrapping_add(product * rows * width),
                c_stride: width,
                bias: std::ptr::null(),
                residual: std::ptr::null(),
                scale: 1.0,
                scales: std::ptr::null(),
                clamp: Clamp::of(None),
            };
            // SAFETY: the token proves the ISA; the constructor checked the length of the
            // weights, and what else is read and written is scratch of this length.
            unsafe { block.run(&pointers[product * rows..]) };
        }
        call.token.run(Output { call, tiles: tiles.clone(), columns: block, width, sums });
    }
}

/// Where a tile's first output pixel is: image, row, column.
fn origin(call: &Winograd<'_>, tile: usize) -> [usize; 3] {
    let size = call.tile.outputs();
    let (down, across) = (call.shape.out_h.div_ceil(size), call.shape.out_w.div_ceil(size));
    [tile / across / down, tile / across % down * size, tile % across * size]
}

/// The transform of the input under some tiles.
struct Input<'c> {
    call: &'c Winograd<'c>,
    tiles: Range<usize>,
    /// The channels of a pixel of padding.
    zeros: &'c [f32],
    /// Floats from one tile to the next.
    stride: usize,
    /// `[product][tile][stride]`
    to: &'c mut [f32],
}

impl Vectorize for Input<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller's.
        unsafe {
            match self.call.tile {
                Tile::Two => self.tiles::<V, 4>(),
                Tile::Four => self.tiles::<V, 6>(),
            }
        }
    }
}

impl Input<'_> {
    /// # Safety
    /// The CPU has the ISA; tiles take N x N pixels of input.
    #[inline(always)]
    unsafe fn tiles<V: F32Vector, const N: usize>(self) {
        let product_stride = self.tiles.len() * self.stride;
        assert!(self.to.len() >= N * N * product_stride);
        let channels = self.call.shape.in_c;
        for (row, tile) in self.tiles.clone().enumerate() {
            let pixels = self.pixels::<N>(tile);
            let to = self.to.as_mut_ptr().wrapping_add(row * self.stride);
            let mut channel = 0;
            while channel < channels {
                let count = (channels - channel).min(V::LANES);
                // SAFETY: every pixel has `channels` floats, of which `count` are left; a row of
                // the result is a whole number of vectors.
                unsafe {
                    let to = to.add(channel);
                    if count == V::LANES {
                        chunk::<V, N, true>(&pixels, channel, count, to, product_stride);
                    } else {
                        chunk::<V, N, false>(&pixels, channel, count, to, product_stride);
                    }
                }
                channel += V::LANES;
            }
        }
    }

    /// The input pixels under a tile, by row.
    #[inline(always)]
    fn pixels<const N: usize>(&self, tile: usize) -> [[*const f32; N]; N] {
        let shape = &self.call.shape;
        let [image, top, left] = origin(self.call, tile);
        let mut pixels = [[self.zeros.as_ptr(); N]; N];
        for (i, row) in pixels.iter_mut().enumerate() {
            let Some(y) = shape.source(0, top, i) else { continue };
            let line = (image * shape.in_h + y) * shape.in_w;
            for (j, pixel) in row.iter_mut().enumerate() {
                if let Some(x) = shape.source(1, left, j) {
                    *pixel = self.call.input[(line + x) * shape.in_c..].as_ptr();
                }
            }
        }
        pixels
    }
}

/// Transforms a vector of channels of one tile.
///
/// # Safety
/// The CPU has the ISA; `count` floats, or `LANES` if `FULL`, can be read at `channel` of each
/// pixel; a vector can be written at each multiple of `stride` below N * N from `to`.
#[inline(always)]
unsafe fn chunk<V: F32Vector, const N: usize, const FULL: bool>(
    pixels: &[[*const f32; N]; N],
    channel: usize,
    count: usize,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let zero = V::splat(0.0);
        let mut rows = [[zero; N]; N];
        for j in 0..N {
            let mut column = [zero; N];
            for (i, x) in column.iter_mut().enumerate() {
                *x = load::<V, FULL>(pixels[i][j].add(channel), count);
            }
            for (row, x) in rows.iter_mut().zip(transform::input(&column)) {
                row[j] = x;
            }
        }
        for (i, row) in rows.iter().enumerate() {
            for (j, x) in transform::input(row).into_iter().enumerate() {
                x.store(to.add((i * N + j) * stride));
            }
        }
    }
}

/// The transform of products to output pixels.
struct Output<'c> {
    call: &'c Winograd<'c>,
    tiles: Range<usize>,
    columns: Range<usize>,
    /// Floats from one tile to the next.
    width: usize,
    /// `[product][tile][width]`
    sums: &'c [f32],
}

impl Vectorize for Output<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller's.
        unsafe {
            match self.call.tile {
                Tile::Two => self.tiles::<V, 4, 2>(),
                Tile::Four => self.tiles::<V, 6, 4>(),
            }
        }
    }
}

impl Output<'_> {
    /// # Safety
    /// The CPU has the ISA; the output may be written; tiles are of N * N products and M * M
    /// pixels.
    #[inline(always)]
    unsafe fn tiles<V: F32Vector, const N: usize, const M: usize>(self) {
        assert!(self.sums.len() >= N * N * self.tiles.len() * self.width);
        for row in 0..self.tiles.len() {
            let mut column = 0;
            while column < self.columns.len() {
                let count = (self.columns.len() - column).min(V::LANES);
                // SAFETY: the tile and the columns exist; the rest is the caller's.
                unsafe {
                    if count == V::LANES {
                        self.chunk::<V, N, M, true>(row, column, count);
                    } else {
                        self.chunk::<V, N, M, false>(row, column, count);
                    }
                }
                column += V::LANES;
            }
            if let Some(unary) = self.call.clamp.rest {
                let [image, top, left] = origin(self.call, self.tiles.start + row);
                let shape = &self.call.shape;
                for y in top..(top + M).min(shape.out_h) {
                    for x in left..(left + M).min(shape.out_w) {
                        let pixel = (image * shape.out_h + y) * shape.out_w + x;
                        let at = pixel * shape.out_c + self.columns.start;
                        let start = self.call.out.as_mut_ptr().wrapping_add(at);
                        // SAFETY: columns of a pixel that was just written.
                        unsafe { activate(self.call.token, unary, start, self.columns.len()) };
                    }
                }
            }
        }
    }

    /// Makes `count` columns from `column` of tile `row`, a whole vector if `FULL`.
    ///
    /// # Safety
    /// As [`Output::tiles`]; tile and columns exist.
    #[inline(always)]
    unsafe fn chunk<V: F32Vector, const N: usize, const M: usize, const FULL: bool>(
        &self,
        row: usize,
        column: usize,
        count: usize,
    ) {
        let call = self.call;
        let shape = &call.shape;
        let [image, top, left] = origin(call, self.tiles.start + row);
        let from = self.sums.as_ptr().wrapping_add(row * self.width + column);
        let stride = self.tiles.len() * self.width;
        let channel = self.columns.start + column;
        // SAFETY: the sums hold whole vectors; pixels outside of the image are left out.
        unsafe {
            let zero = V::splat(0.0);
            let mut rows = [[zero; N]; M];
            for j in 0..N {
                let mut column = [zero; N];
                for (i, x) in column.iter_mut().enumerate() {
                    *x = V::load(from.add((i * N + j) * stride));
                }
                for (row, x) in rows.iter_mut().zip(transform::output::<V, N, M>(&column)) {
                    row[j] = x;
                }
            }
            let (low, high) = (V::splat(call.clamp.low), V::splat(call.clamp.high));
            let bias = match call.epilogue.bias {
                Some(bias) => load::<V, FULL>(bias.as_ptr().add(channel), count),
                None => zero,
            };
            for (i, row) in rows.iter().enumerate().take(shape.out_h - top) {
                let line = (image * shape.out_h + top + i) * shape.out_w + left;
                let pixels = transform::output::<V, N, M>(row);
                for (j, sum) in pixels.into_iter().enumerate().take(shape.out_w - left) {
                    let at = (line + j) * shape.out_c + channel;
                    let mut y = sum.add(bias);
                    if let Some(residual) = call.epilogue.residual {
                        y = y.add(load::<V, FULL>(residual.as_ptr().add(at), count));
                    }
                    y = high.min(low.max(y));
                    let target = call.out.as_mut_ptr().add(at);
                    if FULL {
                        y.store(target);
                    } else {
                        y.store_partial(target, count);
                    }
                }
            }
        }
    }
}

/// # Safety
/// `count` floats can be read, and `LANES` when `FULL`.
#[inline(always)]
unsafe fn load<V: F32Vector, const FULL: bool>(source: *const f32, count: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if FULL { V::load(source) } else { V::load_partial(source, count) } }
}
