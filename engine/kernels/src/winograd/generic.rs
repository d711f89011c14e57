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
use crate::floats::{Stored, Target, load, store};
use crate::matmul::{Block, Clamp, PANEL, Packed};
use crate::task::{Pieces, take};
use crate::{Floats, FloatsMut, SharedMut};
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
    transform_input(call, tiles.clone(), zeros, transformed);
    let kernel = call.weights.kernel(call.token.isa());
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
                // The panels of the next product lie behind those of this one.
                next: (product + 1 < products).then_some(k * PANEL),
                c: Target::F32(sums.as_mut_ptr().wrapping_add(product * rows * width)),
                c_stride: width,
                bias: std::ptr::null(),
                residual: None,
                residual_scale: 1.0,
                rounding: None,
                row_scales: std::ptr::null(),
                scales: std::ptr::null(),
                clamp: Clamp::of(None),
                steps: None,
            };
            // SAFETY: the token proves the ISA; the constructor checked the length of the
            // weights, and what else is read and written is scratch of this length.
            unsafe { block.run(&pointers[product * rows..]) };
        }
        let tiles = tiles.clone();
        match call.out {
            FloatsMut::F32(out) => {
                call.token.run(Output { call, tiles, columns: block, width, sums, out });
            }
            FloatsMut::Bf16(out) => {
                call.token.run_in_bf16(Output { call, tiles, columns: block, width, sums, out });
            }
            FloatsMut::U8(_) => unreachable!("the constructor refuses bytes"),
        }
    }
}

/// Where a tile's first output pixel is: image, row, column.
fn origin(call: &Winograd<'_>, tile: usize) -> [usize; 3] {
    let size = call.tile.outputs();
    let (down, across) = (call.shape.out_h.div_ceil(size), call.shape.out_w.div_ceil(size));
    [tile / across / down, tile / across % down * size, tile % across * size]
}

/// Transforms the input under some tiles to the lanes that the weights have.
fn transform_input(call: &Winograd<'_>, tiles: Range<usize>, zeros: &[f32], to: &mut [f32]) {
    let (token, stride) = (call.token, call.row_stride());
    match (call.input, call.weights) {
        (Floats::F32(input), Packed::F32(_)) => {
            token.run(Input { call, tiles, input, zeros, stride, to });
        }
        (Floats::F32(input), Packed::Bf16(_)) => {
            let to = bytemuck::cast_slice_mut::<f32, u16>(to);
            token.run_in_bf16(Input { call, tiles, input, zeros, stride: 2 * stride, to });
        }
        (Floats::Bf16(input), Packed::F32(_)) => {
            let zeros = bytemuck::cast_slice(zeros);
            token.run(Input { call, tiles, input, zeros, stride, to });
        }
        (Floats::Bf16(input), Packed::Bf16(_)) => {
            let zeros = bytemuck::cast_slice(zeros);
            let to = bytemuck::cast_slice_mut::<f32, u16>(to);
            token.run_in_bf16(Input { call, tiles, input, zeros, stride: 2 * stride, to });
        }
        _ => unreachable!("the constructor refuses bytes"),
    }
}

/// The transform of the input under some tiles.
struct Input<'c, T, U> {
    call: &'c Winograd<'c>,
    tiles: Range<usize>,
    input: &'c [T],
    /// The channels of a pixel of padding.
    zeros: &'c [T],
    /// Numbers from one tile to the next.
    stride: usize,
    /// `[product][tile][stride]`
    to: &'c mut [U],
}

impl<T: Stored, U: Stored> Vectorize for Input<'_, T, U> {
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

impl<T: Stored, U: Stored> Input<'_, T, U> {
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
                // SAFETY: every pixel has `channels` numbers, of which `count` are left; a row of
                // the result is a whole number of vectors.
                unsafe {
                    let to = to.add(channel);
                    if count == V::LANES {
                        chunk::<V, T, U, N, true>(&pixels, channel, count, to, product_stride);
                    } else {
                        chunk::<V, T, U, N, false>(&pixels, channel, count, to, product_stride);
                    }
                }
                channel += V::LANES;
            }
        }
    }

    /// The input pixels under a tile, by row.
    #[inline(always)]
    fn pixels<const N: usize>(&self, tile: usize) -> [[*const T; N]; N] {
        let shape = &self.call.shape;
        let [image, top, left] = origin(self.call, tile);
        let mut pixels = [[self.zeros.as_ptr(); N]; N];
        for (i, row) in pixels.iter_mut().enumerate() {
            let Some(y) = shape.source(0, top, i) else { continue };
            let line = (image * shape.in_h + y) * shape.in_w;
            for (j, pixel) in row.iter_mut().enumerate() {
                if let Some(x) = shape.source(1, left, j) {
                    *pixel = self.input[(line + x) * shape.in_c..].as_ptr();
                }
            }
        }
        pixels
    }
}

/// Transforms a vector of channels of one tile.
///
/// # Safety
/// The CPU has the ISA; `count` numbers, or `LANES` if `FULL`, can be read at `channel` of each
/// pixel; a vector can be written at each multiple of `stride` below N * N from `to`.
#[inline(always)]
unsafe fn chunk<V: F32Vector, T: Stored, U: Stored, const N: usize, const FULL: bool>(
    pixels: &[[*const T; N]; N],
    channel: usize,
    count: usize,
    to: *mut U,
    stride: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let zero = V::splat(0.0);
        let mut rows = [[zero; N]; N];
        for j in 0..N {
            let mut column = [zero; N];
            for (i, x) in column.iter_mut().enumerate() {
                *x = load::<V, T, FULL>(pixels[i][j].add(channel), count);
            }
            for (row, x) in rows.iter_mut().zip(transform::input(&column)) {
                row[j] = x;
            }
        }
        for (i, row) in rows.iter().enumerate() {
            for (j, x) in transform::input(row).into_iter().enumerate() {
                U::store(x, to.add((i * N + j) * stride));
            }
        }
    }
}

/// The transform of products to output pixels.
struct Output<'c, T> {
    call: &'c Winograd<'c>,
    tiles: Range<usize>,
    columns: Range<usize>,
    /// Floats from one tile to the next.
    width: usize,
    /// `[product][tile][width]`
    sums: &'c [f32],
    out: SharedMut<'c, T>,
}

impl<T: Stored> Vectorize for Output<'_, T> {
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

impl<T: Stored> Output<'_, T> {
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
                        let start = self.call.out.at(at);
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
                Some(bias) => load::<V, f32, FULL>(bias.as_ptr().add(channel), count),
                None => zero,
            };
            for (i, row) in rows.iter().enumerate().take(shape.out_h - top) {
                let line = (image * shape.out_h + top + i) * shape.out_w + left;
                let pixels = transform::output::<V, N, M>(row);
                for (j, sum) in pixels.into_iter().enumerate().take(shape.out_w - left) {
                    let at = (line + j) * shape.out_c + channel;
                    let mut y = sum.add(bias);
                    if let Some(residual) = call.epilogue.residual_at(at) {
                        y = y.add(residual.load::<V, FULL>(count));
                    }
                    y = high.min(low.max(y));
                    store::<V, T, FULL>(y, self.out.as_mut_ptr().add(at), count);
                }
            }
        }
    }
}
