//! Scaled dot-product attention (Vaswani et al., "Attention Is All You Need", 2017, section
//! 3.2.1), with scores that never leave the cache:
//!
//! ```text
//! for a piece of the rows of a batch: pack its keys and values
//!     for a strip of rows: scores = scale * q k + mask; softmax of each row; out = scores v
//! ```
//!
//! What softmax divides by is a factor of the sum of values, of which there are fewer elements than
//! scores. In bf16, queries, keys, values and the exponentials are rounded before they are
//! multiplied; scores and sums are f32.

pub(crate) mod catalogue;
mod operands;
mod pairs;
mod softmax;

pub use operands::{Operand, Operands};

use crate::floats::Target;
use crate::matmul::{
    Block, Clamp, Kernel, Matrix, PANEL, THREADS_MAX, narrow, pack_columns, packed_len, tiles,
};
use crate::task::{Pieces, Task, scratch_for, take};
use crate::{FloatsMut, Row};
use simd::{Isa, Token};
use softmax::Softmax;

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
    is_bf16: bool,
    sizes: Sizes,
    scale: f32,
    operands: Operands<'a>,
    out: FloatsMut<'a>,
    places: Rows<'a>,
    pieces: Pieces,
}

/// Rows whose scores are in scratch at a time: whole tiles of every ISA but AVX2, and few enough
/// that they stay in a second-level cache with some thousand keys.
const STRIP: usize = 28;
/// Multiply-adds of a piece: some hundred times what packing its keys and values costs.
const PIECE_WORK: usize = 1 << 21;
/// Pieces for each thread, of all batches together.
const PIECES_PER_THREAD: usize = 4;

/// The kernel by which attention is computed on an ISA.
pub fn row(isa: Isa, is_bf16: bool) -> &'static Row {
    &catalogue::ROWS[usize::from(is_bf16)][isa as usize]
}

impl<'a> Attention<'a> {
    /// `is_bf16`: do the products multiply bf16? Only then may operands and results be bf16. Rows
    /// of results must not meet; the caller vouches for that.
    ///
    /// # Panics
    /// When a matrix leaves its buffer or has a type that it may not have, numbers of batches
    /// differ, elements of a row do not lie side by side, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        is_bf16: bool,
        sizes: Sizes,
        scale: f32,
        operands: Operands<'a>,
        out: impl Into<FloatsMut<'a>>,
        places: Rows<'a>,
    ) -> Attention<'a> {
        let (Sizes { rows, width, .. }, out) = (sizes, out.into());
        let batches = places.offsets.len();
        operands.check(sizes, batches);
        let has_bf16 = operands.has_bf16() || matches!(out, FloatsMut::Bf16(_));
        assert!(out.size() > 1, "attention gives no bytes");
        assert!(is_bf16 || !has_bf16, "numbers of bf16 beside products of f32");
        let last = |offset: usize| {
            let span = (rows.max(1) - 1).checked_mul(places.stride)?.checked_add(width)?;
            span.checked_add(offset)
        };
        let is_inside = |&offset: &usize| last(offset).is_some_and(|end| end <= out.len());
        assert!(places.offsets.iter().all(is_inside), "a result leaves its buffer");
        let pieces = pieces(sizes, batches, THREADS_MAX);
        let token = isa.require();
        Attention { token, is_bf16, sizes, scale, operands, out, places, pieces }
    }

    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Attention<'a> {
        Attention { pieces: pieces(self.sizes, self.places.offsets.len(), threads), ..self }
    }

    /// Bytes of scratch that one piece needs in any precision; nothing when they are too many to
    /// count.
    pub fn scratch_for(sizes: Sizes) -> Option<usize> {
        let Sizes { rows, keys, depth, width } = sizes;
        let up = |size: usize| size.checked_next_multiple_of(PANEL);
        let packed = depth.checked_mul(up(keys)?)?.checked_add(keys.checked_mul(up(width)?)?)?;
        let strip = rows.min(STRIP).checked_mul(up(keys)?.checked_add(depth)?.checked_add(1)?)?;
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
    Pieces::about(rows, work.div_ceil(PIECE_WORK).min(wanted), 1)
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
            let staging = packed.map(scratch_for::<f32>).into_iter();
            let shared = staging.chain([narrow::scratch_bytes(strip, depth)]).max().unwrap_or(0);
            pairs.map(scratch_for::<u32>).iter().sum::<usize>() + shared
        } else {
            packed.map(scratch_for::<f32>).iter().sum()
        };
        let scores = scratch_for::<f32>(strip * score_stride(keys)) + scratch_for::<f32>(strip);
        scratch_for::<*const f32>(strip) + scores + operands
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let Sizes { rows, keys, depth, width } = self.sizes;
        let (batch, stride) = (task / self.pieces.count(), score_stride(keys));
        let strip = rows.min(STRIP);
        let pointers = take::<*const f32>(&mut scratch, strip);
        let scores = take::<f32>(&mut scratch, strip * stride).as_mut_ptr();
        let factors = take::<f32>(&mut scratch, strip).as_mut_ptr();
        let packed_keys = self.pack(&self.operands.key, batch, [depth, keys], &mut scratch);
        let packed_values = self.pack(&self.operands.value, batch, [keys, width], &mut scratch);
        let piece = self.pieces.range(task % self.pieces.count());
        for (first, count) in tiles(piece.len(), STRIP) {
            let first = piece.start + first;
            let target = Target::F32(scores);
            let block = self.block([count, depth, keys], packed_keys, target, stride);
            let queries = self.queries(batch, first, &mut pointers[..count], &mut *scratch);
            // SAFETY: the token proves the ISA; the constructor checked all operands; scores
            // have room for a strip.
            unsafe { block.run(queries) };
            self.weigh([batch, first, count], scores, factors);
            point(&mut pointers[..count], scores, stride);
            let place = self.places.offsets[batch] + first * self.places.stride;
            let (target, stride) = (self.out.at(place), self.places.stride);
            let block = self.block([count, keys, width], packed_values, target, stride);
            let block = Block { row_scales: factors, ..block };
            // SAFETY: as above; the constructor checked the places of the results, and the
            // caller vouches for the output.
            unsafe { block.run(pointers) };
        }
    }
}

/// Floats from the scores of one row to those of the next: whole vectors.
fn score_stride(keys: usize) -> usize {
    keys.next_multiple_of(PANEL)
}

impl Attention<'_> {
    /// Packs an operand into scratch; gives its first lane.
    fn pack(
        &self,
        operand: &Operand<'_>,
        batch: usize,
        [rows, columns]: [usize; 2],
        scratch: &mut &mut [u8],
    ) -> *const f32 {
        if !self.is_bf16 {
            let packed = take::<f32>(scratch, packed_len(rows, columns));
            pack(floats(operand), batch, [rows, columns], packed);
            return packed.as_ptr();
        }
        let lanes = take::<u32>(scratch, pairs::len(rows, columns));
        match operand {
            Operand::F32(matrix) => {
                let mut rest = &mut **scratch;
                let packed = take::<f32>(&mut rest, packed_len(rows, columns));
                pack(matrix, batch, [rows, columns], packed);
                pairs::pair_rows(Kernel::bf16(self.token.isa()).narrow, packed, rows, lanes);
            }
            Operand::Bf16(matrix) => pairs::pack(matrix, batch, [rows, columns], lanes),
        }
        lanes.as_ptr().cast()
    }

    /// Points at the lanes of some queries, which are rounded where they have to be.
    fn queries<'s>(
        &self,
        batch: usize,
        first: usize,
        pointers: &'s mut [*const f32],
        mut scratch: &'s mut [u8],
    ) -> &'s [*const f32] {
        let bf16 = Kernel::bf16(self.token.isa());
        let (sizes, most) = ([pointers.len(), 1, self.sizes.depth], bf16.kernel.rows());
        match &self.operands.query {
            Operand::F32(query) => {
                point(pointers, query.row(batch, first), query.row_stride);
                if !self.is_bf16 {
                    return pointers;
                }
                // SAFETY: the token proves the ISA; the constructor checked the queries.
                unsafe { narrow::narrow_rows(bf16.narrow, sizes, most, pointers, &mut scratch) }
            }
            Operand::Bf16(query) => {
                for (row, pointer) in pointers.iter_mut().enumerate() {
                    *pointer = query.row(batch, first + row).cast();
                }
                if self.sizes.depth.is_multiple_of(2) {
                    return pointers;
                }
                // SAFETY: addresses of queries, which the constructor checked.
                unsafe {
                    let rows: &[*const u16] =
                        std::slice::from_raw_parts(pointers.as_ptr().cast(), pointers.len());
                    narrow::join_rows(sizes, most, rows, &mut scratch)
                }
            }
        }
    }

    /// Makes scores weights of values.
    fn weigh(&self, [batch, first, rows]: [usize; 3], scores: *mut f32, factors: *mut f32) {
        let keys = self.sizes.keys;
        let softmax = Softmax {
            scores,
            stride: score_stride(keys),
            rows,
            keys,
            scale: self.scale,
            mask: self.operands.mask.map(|mask| (mask.row(batch, first), mask.row_stride)),
            factors,
            is_bf16: self.is_bf16,
        };
        if self.is_bf16 {
            self.token.run_in_bf16(softmax);
        } else {
            self.token.run(softmax);
        }
    }

    fn block(
        &self,
        [rows, k, columns]: [usize; 3],
        packed: *const f32,
        c: Target,
        c_stride: usize,
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
            next: None,
            c,
            c_stride,
            bias: std::ptr::null(),
            residual: None,
            residual_scale: 1.0,
            rounding: None,
            row_scales: std::ptr::null(),
            scales: std::ptr::null(),
            clamp: Clamp::of(None),
            steps: None,
        }
    }
}

/// # Panics
/// When the operand is bf16, which the constructor has refused.
fn floats<'o, 'a>(operand: &'o Operand<'a>) -> &'o Matrix<'a> {
    match operand {
        Operand::F32(matrix) => matrix,
        Operand::Bf16(_) => unreachable!("refused beside products of f32"),
    }
}

fn pack(matrix: &Matrix<'_>, batch: usize, [rows, columns]: [usize; 2], packed: &mut [f32]) {
    if rows > 0 && columns > 0 {
        let data = &matrix.data[matrix.offsets[batch]..];
        pack_columns(data, rows, 0..columns, matrix.row_stride, matrix.column_stride, packed);
    }
}

fn point(pointers: &mut [*const f32], first: *const f32, stride: usize) {
    for (row, pointer) in pointers.iter_mut().enumerate() {
        *pointer = first.wrapping_add(row * stride);
    }
}

#[cfg(test)]
mod tests;
