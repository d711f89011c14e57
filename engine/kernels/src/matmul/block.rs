//! A block of the result: tile after tile over packed panels.

use super::{Clamp, Kernel, PANEL, Rounding, Steps, TileCall, TileFn};
use crate::elementwise::{activate, activate_short};
use crate::floats::{Source, Target, map};
use crate::task::Pieces;
use simd::{F32Vector, Token, Vectorize};
use std::mem::MaybeUninit;
use std::ops::Range;

/// How a result of `rows x columns` is cut into pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    rows: Pieces,
    columns: Pieces,
}

/// What a piece does with the rows of its left operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Reads them where they lie.
    Read,
    /// Copies them, such as to round them.
    Copied,
}

/// How much longer it takes to copy a number of A than to read one of B, which is asked for ahead.
const COPY_COST: f64 = 8.0;
/// Multiply-adds of a piece: some microseconds, well above the cost of handing it to a thread.
const PIECE_WORK: usize = 1 << 18;
/// Pieces for each thread: enough that a late one holds up few others. Every piece of the same rows
/// brings them into the cache again, or rounds them to bf16 again.
const PIECES_PER_THREAD: usize = 8;
/// More threads than this share no cache.
pub(crate) const THREADS_MAX: usize = 8;
/// Floats of A that a block of rows may span: a quarter of a 1 MiB second-level cache.
const BLOCK_FLOATS: usize = 1 << 16;
/// Rows of a block, but for the last: what is read of B is worth so many multiply-adds.
const ROWS_MIN: usize = 28;
/// Blocks of columns are a multiple of the four panels of an AVX-512 tile.
pub(crate) const COLUMN_UNIT: usize = 4 * PANEL;

impl Grid {
    /// The pieces of a result whose elements sum `depth` products each, for `threads` threads.
    pub(crate) fn new([rows, depth, columns]: [usize; 3], left: Left, threads: usize) -> Grid {
        let work = rows.saturating_mul(columns).saturating_mul(depth);
        let most = PIECES_PER_THREAD * threads.clamp(1, THREADS_MAX);
        let target = (work / PIECE_WORK).clamp(1, most);
        Grid::with_target([rows, depth, columns], left, target)
    }

    /// About `target` pieces.
    pub(crate) fn with_target(
        [rows, depth, columns]: [usize; 3],
        left: Left,
        target: usize,
    ) -> Grid {
        let cached = (BLOCK_FLOATS / depth.max(1)).max(ROWS_MIN);
        let cost = match left {
            Left::Read => 1.0,
            Left::Copied => COPY_COST,
        };
        // Each piece of the rows reads all of B from afar, each piece of the columns all of A: the
        // product of the numbers of pieces is given, and this share of it makes the sum smallest.
        let share = (cost * target as f64 * rows as f64 / columns.max(1) as f64).sqrt() as usize;
        let count = share.clamp(1, rows.div_ceil(ROWS_MIN).max(1)).max(rows.div_ceil(cached));
        let row_pieces = Pieces::about(rows, count, 1);
        let left = target.div_ceil(row_pieces.count().max(1));
        Grid { rows: row_pieces, columns: Pieces::about(columns, left, COLUMN_UNIT) }
    }

    /// The same rows, in blocks of at most `most` of `columns` columns.
    pub(crate) fn with_columns(self, columns: usize, most: usize) -> Grid {
        let size = (most / COLUMN_UNIT).max(1) * COLUMN_UNIT;
        Grid { columns: Pieces::of_size(columns, size), ..self }
    }

    /// The number of pieces.
    pub(crate) fn count(&self) -> usize {
        self.rows.count() * self.columns.count()
    }

    /// Rows of the largest piece.
    pub(crate) fn rows(&self) -> usize {
        self.rows.size()
    }

    /// Columns of the largest piece.
    pub(crate) fn columns(&self) -> usize {
        self.columns.size()
    }

    /// Rows and columns of a piece. Pieces that follow each other share columns, and so weights.
    pub(crate) fn piece(&self, index: usize) -> (Range<usize>, Range<usize>) {
        let rows = self.rows.count();
        (self.rows.range(index % rows), self.columns.range(index / rows))
    }
}

/// Cuts `rows` into tiles of at most `most` rows that differ by one row at most: a last tile of
/// one row would run at the speed of latency. Gives first row and number of rows.
pub(crate) fn tiles(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(most).max(1);
    let (base, longer) = (rows / count, rows % count);
    (0..count)
        .map(move |i| (i * base + i.min(longer), base + usize::from(i < longer)))
        .filter(|&(_, rows)| rows > 0)
}

/// Numbers of the largest tile of any ISA.
const STAGED_MAX: usize = 28 * PANEL;

/// A block of the result; fields as in [`TileCall`].
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kernel: &'static Kernel,
    pub(crate) token: Token,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) taps: usize,
    pub(crate) k: usize,
    pub(crate) b: *const f32,
    pub(crate) panel_stride: usize,
    /// Floats from a panel to what is multiplied next instead of it; the panels behind those of a
    /// tile where it is not said.
    pub(crate) next: Option<usize>,
    pub(crate) c: Target,
    pub(crate) c_stride: usize,
    pub(crate) bias: *const f32,
    /// In rows of the stride of `c`.
    pub(crate) residual: Option<Source>,
    pub(crate) residual_scale: f32,
    /// As of [`super::Epilogue`].
    pub(crate) rounding: Option<Rounding>,
    pub(crate) row_scales: *const f32,
    pub(crate) scales: *const f32,
    pub(crate) clamp: Clamp,
    /// As of [`super::Epilogue`].
    pub(crate) steps: Option<Steps>,
}

impl Block {
    /// Computes the block. `a` holds, for each tile that [`tiles`] gives for the most rows of the
    /// kernel, its `taps x rows` pointers, at `first row * taps`.
    ///
    /// # Safety
    /// As [`super::TileFn`], for all rows and columns of the block.
    pub(crate) unsafe fn run(&self, a: &[*const f32]) {
        assert!(a.len() >= self.rows * self.taps);
        let panels = self.columns.div_ceil(PANEL);
        // Of a last panel that is half empty, only the other half is computed.
        let is_half = (1..=PANEL / 2).contains(&(self.columns % PANEL));
        let whole = panels - usize::from(is_half);
        let widest = self.kernel.panels(self.taps);
        let mut panel = 0;
        while panel < whole {
            let left = whole - panel;
            // Not four and one: a tile of one panel loads as much for a quarter of the products.
            let width = left.div_ceil(left.div_ceil(widest));
            // SAFETY: the caller's.
            unsafe { self.column(a, panel, width * PANEL, self.kernel.tiles.whole[width - 1]) };
            panel += width;
        }
        if is_half {
            // SAFETY: the caller's.
            unsafe { self.column(a, panel, PANEL / 2, self.kernel.tiles.halves) };
        }
    }

    /// Computes `columns` columns from a panel on by tiles of so many, given by rows.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn column(&self, a: &[*const f32], panel: usize, columns: usize, by_rows: &[TileFn]) {
        let column = panel * PANEL;
        let count = (self.columns - column).min(columns);
        let mut staged = [const { MaybeUninit::<f32>::uninit() }; STAGED_MAX];
        let panels = columns.div_ceil(PANEL);
        let next = self.next.unwrap_or(panels * self.panel_stride);
        let staging = Target::F32(staged.as_mut_ptr().cast());
        let is_staged = self.clamp.rest.is_some();
        let mut call = TileCall {
            a: a.as_ptr(),
            taps: self.taps,
            k: self.k,
            b: self.b.wrapping_add(panel * self.panel_stride),
            panel_stride: self.panel_stride,
            ahead: 0,
            columns: count,
            c: staging,
            c_stride: if is_staged { count } else { self.c_stride },
            bias: offset(self.bias, column),
            residual: None,
            residual_stride: self.c_stride,
            residual_scale: self.residual_scale,
            rounding: self.rounding,
            row_scales: std::ptr::null(),
            scales: offset(self.scales, column),
            low: self.clamp.low,
            high: self.clamp.high,
            bytes: self.clamp.bytes,
        };
        for (at, (row, rows)) in tiles(self.rows, by_rows.len()).enumerate() {
            let origin = row * self.c_stride + column;
            let target = self.c.offset(origin);
            call.a = a[row * self.taps..].as_ptr();
            // The first tiles bring one of the next panels each into the cache. Behind the last
            // panel of all lies what the next piece or the next step multiplies by.
            call.ahead = if at < panels { next + at * self.panel_stride } else { 0 };
            call.c = if is_staged { staging } else { target };
            call.residual = self.residual.map(|residual| residual.offset(origin));
            call.row_scales = offset(self.row_scales, row);
            // SAFETY: the caller's; the call stays within the block.
            unsafe { by_rows[rows - 1](&call) };
            if let Some(unary) = self.clamp.rest {
                // SAFETY: the tile was written just now; its rows of the block exist, and the
                // caller vouches for them.
                unsafe {
                    let tile = staged[..rows * count].assume_init_mut();
                    let (start, len) = (tile.as_mut_ptr(), tile.len());
                    match target {
                        Target::F32(_) | Target::U8(_) => {
                            activate(self.token, unary, Target::F32(start), len);
                        }
                        Target::Bf16(_) => activate_short(self.token, unary, start, len),
                    }
                    self.put(tile, count, target);
                }
            }
        }
    }

    /// Writes rows of `columns` numbers.
    ///
    /// # Safety
    /// Rows of so many numbers, at the stride of the block, may be written from `target` on.
    unsafe fn put(&self, tile: &[f32], columns: usize, target: Target) {
        for (row, numbers) in tile.chunks_exact(columns.max(1)).enumerate() {
            let start = numbers.as_ptr();
            // SAFETY: the caller's; the token proves the ISA.
            unsafe {
                match target.offset(row * self.c_stride) {
                    Target::F32(floats) => floats.copy_from_nonoverlapping(start, columns),
                    Target::Bf16(halves) => {
                        (Kernel::bf16(self.token.isa()).narrow)(start, columns, halves);
                    }
                    Target::U8(target) => {
                        let steps = self.steps.unwrap_or(Steps { factor: 1.0, offset: 0.0 });
                        self.token.run(ToBytes { numbers, steps, target });
                    }
                }
            }
        }
    }
}

/// Writes as many bytes as there are numbers, which the caller vouches for.
struct ToBytes<'a> {
    numbers: &'a [f32],
    steps: Steps,
    target: *mut u8,
}

impl Vectorize for ToBytes<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the CPU has the ISA; the caller vouches for the bytes.
        unsafe {
            let (factor, offset) = (V::splat(self.steps.factor), V::splat(self.steps.offset));
            let stepped = |x: V| x.mul(factor).add(offset);
            map(self.numbers.as_ptr(), self.target, self.numbers.len(), stepped);
        }
    }
}

/// Null stays null.
pub(crate) fn offset(pointer: *const f32, floats: usize) -> *const f32 {
    if pointer.is_null() { pointer } else { pointer.wrapping_add(floats) }
}
