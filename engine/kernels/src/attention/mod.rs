//! Scaled dot-product attention (Vaswani et al., "Attention Is All You Need", 2017, section
//! 3.2.1), with scores that never leave the cache:
//!
//! ```text
//! for a piece of the rows of a batch: pack its keys and values
//!     for a strip of rows: scores = scale * q k + mask; softmax of each row; out = scores v
//! ```
//!
//! Elements are computed by the kernels of the product and of the softmax in the order of those,
//! so the result is that of the steps one after another. In bf16, queries, keys, values and the
//! weights that softmax gives are rounded before they are multiplied; scores and sums are f32.

pub(crate) mod catalogue;
mod pairs;

use crate::floats::Target;
use crate::matmul::{
    Block, Clamp, Kernel, Matrix, PANEL, THREADS_MAX, narrow, pack_columns, packed_len,
};
use crate::norm::softmax_row;
use crate::task::{Pieces, SharedMut, Task, scratch_for, take};
use simd::{F32Vector, Isa, Token, Vectorize};

/// Sizes of one attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the queries and of the result.
    pub rows: usize,
    /// Keys, and values.
    pub keys: usize,
    /// Elements of a query and of a key.
    pub depth: usize,
    /// Elements of a value.
    pub width: usize,
}

/// Where the rows of the results go: `width` elements side by side.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Where the first row of each batch starts, in elements.
    pub offsets: &'a [usize],
    /// Elements from one row to the next.
    pub stride: usize,
}

/// `out[i] = softmax(scale * query[i] key[i] + mask[i]) value[i]` for each batch i, with queries
/// `[rows, depth]`, keys `[depth, keys]`, masks `[rows, keys]`, values `[keys, width]`.
#[derive(Debug)]
pub struct Attention<'a> {
    token: Token,
    sizes: Sizes,
    query: Matrix<'a>,
    key: Matrix<'a>,
    value: Matrix<'a>,
    mask: Option<Matrix<'a>>,
    scale: f32,
    out: SharedMut<'a, f32>,
    places: Rows<'a>,
    pieces: Pieces,
    is_bf16: bool,
}

/// Rows whose scores are in scratch at a time: whole tiles of every ISA but AVX2, and few enough
/// that they stay in a second-level cache with some thousand keys.
const STRIP: usize = 28;
/// Multiply-adds of a piece: some hundred times what packing its keys and values costs.
const PIECE_WORK: usize = 1 << 21;
/// Pieces for each thread, of all batches together.
const PIECES_PER_THREAD: usize = 4;

impl<'a> Attention<'a> {
    /// Elements of a row of queries and of masks must lie side by side. Rows of results must not
    /// meet; the caller vouches for that.
    ///
    /// # Panics
    /// When a matrix leaves its buffer, numbers of batches differ, elements of a row do not lie
    /// side by side, or this CPU has no `isa`.
    #[expect(clippy::too_many_arguments, reason = "each is an operand")]
    pub fn new(
        isa: Isa,
        sizes: Sizes,
        scale: f32,
        query: Matrix<'a>,
        key: Matrix<'a>,
        value: Matrix<'a>,
        mask: Option<Matrix<'a>>,
        out: SharedMut<'a, f32>,
        places: Rows<'a>,
    ) -> Attention<'a> {
        let Sizes { rows, keys, depth, width } = sizes;
        query.check(rows, depth, "queries");
        key.check(depth, keys, "keys");
        value.check(keys, width, "values");
        let batches = places.offsets.len();
        let is_dense = |matrix: &Matrix<'_>| batches == 0 || matrix.column_stride == 1;
        assert!(is_dense(&query), "queries: elements do not lie side by side");
        if let Some(mask) = &mask {
            mask.check(rows, keys, "mask");
            assert!(is_dense(mask), "mask: elements do not lie side by side");
        }
        let counts = [&query, &key, &value].map(|matrix| matrix.offsets.len());
        assert_eq!(counts, [batches; 3], "operands differ in batches");
        assert!(mask.is_none_or(|mask| mask.offsets.len() == batches), "mask: other batches");
        let last = |offset: usize| {
            let span = (rows.max(1) - 1).checked_mul(places.stride)?.checked_add(width)?;
            span.checked_add(offset)
        };
        let is_inside = |&offset: &usize| last(offset).is_some_and(|end| end <= out.len());
        assert!(places.offsets.iter().all(is_inside), "a result leaves its buffer");
        let pieces = pieces(sizes, batches, THREADS_MAX);
        let token = isa.require();
        let is_bf16 = false;
        Attention { token, sizes, query, key, value, mask, scale, out, places, pieces, is_bf16 }
    }

    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Attention<'a> {
        Attention { pieces: pieces(self.sizes, self.places.offsets.len(), threads), ..self }
    }

    /// The same with operands of products rounded to bf16.
    #[must_use]
    pub fn in_bf16(self) -> Attention<'a> {
        Attention { is_bf16: true, ..self }
    }

    /// Bytes of scratch that one piece needs in any precision; nothing when they are too many to
    /// count.
    pub fn scratch_for(sizes: Sizes) -> Option<usize> {
        let Sizes { rows, keys, depth, width } = sizes;
        let up = |size: usize| size.checked_next_multiple_of(PANEL);
        let packed = depth.checked_mul(up(keys)?)?.checked_add(keys.checked_mul(up(width)?)?)?;
        let strip = rows.min(STRIP).checked_mul(keys.checked_add(depth)?)?;
        // In bf16 there are half as many lanes, and one of the operands beside them as f32; an odd
        // number of rows takes one more.
        let lanes = packed.checked_add(strip)?.checked_add(up(keys)?)?.checked_add(up(width)?)?;
        let pointers = 2 * STRIP * size_of::<usize>();
        // Each part may be rounded up to a cache line.
        lanes.checked_mul(2 * size_of::<f32>())?.checked_add(pointers + 8 * 64)
    }
}

/// Pieces of the rows of a batch: no more than threads want, since each packs keys and values.
fn pieces(sizes: Sizes, batches: usize, threads: usize) -> Pieces {
    let Sizes { rows, keys, depth, width } = sizes;
    let work = rows.saturating_mul(keys).saturating_mul(depth.saturating_add(width));
    let wanted = (PIECES_PER_THREAD * threads).div_ceil(batches.max(1));
    Pieces::about(rows, work.div_ceil(PIECE_WORK).min(wanted), STRIP)
}

impl Task for Attention<'_> {
    fn tasks(&self) -> usize {
        self.places.offsets.len() * self.pieces.count()
    }

    fn scratch_bytes(&self) -> usize {
        let Sizes { rows, keys, depth, width } = self.sizes;
        let strip = rows.min(STRIP);
        let packed = [packed_len(depth, keys), packed_len(keys, width)];
        let operands = if self.is_bf16 {
            let pairs = [pairs::len(depth, keys), pairs::len(keys, width)];
            let staging = packed.map(scratch_for::<f32>);
            let narrowed = [depth, keys].map(|k| narrow::scratch_bytes(strip, k));
            let shared = staging.into_iter().chain(narrowed).max().unwrap_or(0);
            pairs.map(scratch_for::<u32>).iter().sum::<usize>() + shared
        } else {
            packed.map(scratch_for::<f32>).iter().sum()
        };
        scratch_for::<*const f32>(strip) + scratch_for::<f32>(strip * keys) + operands
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let Sizes { rows, keys, depth, width } = self.sizes;
        let batch = task / self.pieces.count();
        let pointers = take::<*const f32>(&mut scratch, rows.min(STRIP));
        let scores = take::<f32>(&mut scratch, rows.min(STRIP) * keys);
        let packed_keys = self.pack(&self.key, batch, [depth, keys], &mut scratch);
        let packed_values = self.pack(&self.value, batch, [keys, width], &mut scratch);
        let piece = self.pieces.range(task % self.pieces.count());
        for first in piece.clone().step_by(STRIP) {
            let count = (piece.end - first).min(STRIP);
            let query = self.query.row(batch, first);
            point(pointers, count, query, self.query.row_stride);
            let (start, stride) = (scores.as_mut_ptr(), keys);
            let block = self.block([count, depth, keys], packed_keys, start, stride, self.scale);
            // SAFETY: the token proves the ISA; the constructor checked all operands; scores
            // have room for a strip.
            unsafe { self.multiply(&block, pointers, depth, scratch) };
            let mask = self.mask.map(|mask| (mask.row(batch, first), mask.row_stride));
            self.token.run(Softmax { scores: start, rows: count, keys, mask });
            point(pointers, count, start, keys);
            let place = self.places.offsets[batch] + first * self.places.stride;
            let (out, stride) = (self.out.as_mut_ptr().wrapping_add(place), self.places.stride);
            let block = self.block([count, keys, width], packed_values, out, stride, 1.0);
            // SAFETY: as above; the constructor checked the places of the results, and the
            // caller vouches for the output.
            unsafe { self.multiply(&block, pointers, keys, scratch) };
        }
    }
}

impl Attention<'_> {
    /// Packs an operand into scratch; gives its first lane.
    fn pack(
        &self,
        matrix: &Matrix<'_>,
        batch: usize,
        [rows, columns]: [usize; 2],
        scratch: &mut &mut [u8],
    ) -> *const f32 {
        if !self.is_bf16 {
            let packed = take::<f32>(scratch, packed_len(rows, columns));
            pack(matrix, batch, [rows, columns], packed);
            return packed.as_ptr();
        }
        let lanes = take::<u32>(scratch, pairs::len(rows, columns));
        let mut rest = &mut **scratch;
        let packed = take::<f32>(&mut rest, packed_len(rows, columns));
        pack(matrix, batch, [rows, columns], packed);
        pairs::pair_rows(Kernel::bf16(self.token.isa()).narrow, packed, rows, lanes);
        lanes.as_ptr().cast()
    }

    /// Computes a block of rows of `k` elements each.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn multiply(&self, block: &Block, a: &[*const f32], k: usize, mut scratch: &mut [u8]) {
        if !self.is_bf16 {
            // SAFETY: the caller's.
            unsafe { block.run(a) };
            return;
        }
        let bf16 = Kernel::bf16(self.token.isa());
        let (sizes, most) = ([block.rows, 1, k], bf16.kernel.rows());
        // SAFETY: the token proves the ISA; the caller vouches for the rows and the block.
        unsafe {
            let narrowed = narrow::narrow_rows(bf16.narrow, sizes, most, a, &mut scratch);
            block.run(narrowed);
        }
    }

    fn block(
        &self,
        [rows, k, columns]: [usize; 3],
        packed: *const f32,
        c: *mut f32,
        c_stride: usize,
        scale: f32,
    ) -> Block {
        let isa = self.token.isa();
        let (kernel, k) = if self.is_bf16 {
            (&Kernel::bf16(isa).kernel, k.div_ceil(2))
        } else {
            (Kernel::of(isa), k)
        };
        Block {
            kernel,
            token: self.token,
            rows,
            columns,
            taps: 1,
            k,
            b: packed,
            panel_stride: k * PANEL,
            c: Target::F32(c),
            c_stride,
            bias: std::ptr::null(),
            residual: None,
            scale,
            scales: std::ptr::null(),
            clamp: Clamp::of(None),
        }
    }
}

fn pack(matrix: &Matrix<'_>, batch: usize, [rows, columns]: [usize; 2], packed: &mut [f32]) {
    if rows > 0 && columns > 0 {
        let data = &matrix.data[matrix.offsets[batch]..];
        pack_columns(data, rows, 0..columns, matrix.row_stride, matrix.column_stride, packed);
    }
}

fn point(pointers: &mut [*const f32], count: usize, first: *const f32, stride: usize) {
    for (row, pointer) in pointers[..count].iter_mut().enumerate() {
        *pointer = first.wrapping_add(row * stride);
    }
}

/// Adds the mask to rows of scores and makes each a softmax.
struct Softmax {
    scores: *mut f32,
    rows: usize,
    keys: usize,
    /// The first row, and floats from one row to the next.
    mask: Option<(*const f32, usize)>,
}

impl Vectorize for Softmax {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller vouches for the ISA, all rows of scores and those of the mask.
        unsafe {
            for row in 0..self.rows {
                let scores = self.scores.add(row * self.keys);
                if let Some((mask, stride)) = self.mask {
                    let mask = mask.add(row * stride);
                    let mut i = 0;
                    while i < self.keys {
                        let count = (self.keys - i).min(V::LANES);
                        let sum = V::load_partial(scores.add(i), count)
                            .add(V::load_partial(mask.add(i), count));
                        sum.store_partial(scores.add(i), count);
                        i += V::LANES;
                    }
                }
                softmax_row::<V>(scores, self.keys);
            }
        }
    }
}

#[cfg(test)]
mod tests;
