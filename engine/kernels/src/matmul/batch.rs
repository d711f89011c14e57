//! The product of two dynamic operands, batch by batch.

use super::block::COLUMN_UNIT;
use super::pack::pack_columns;
use super::{Block, Clamp, Grid, Kernel, Left, PANEL, packed_len};
use crate::floats::Target;
use crate::task::{SharedMut, Task, scratch_for, take};
use simd::{Isa, Token};

/// A dynamic operand: matrices of one shape at some places of a buffer. Transposed operands are
/// read through their strides.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    /// The buffer.
    pub data: &'a [T],
    /// Where the matrix of each batch starts, in elements; a broadcast one repeats.
    pub offsets: &'a [usize],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub column_stride: usize,
}

impl<T> Matrix<'_, T> {
    /// The start of a row of a batch.
    pub(crate) fn row(&self, batch: usize, row: usize) -> *const T {
        self.data.as_ptr().wrapping_add(self.offsets[batch] + row * self.row_stride)
    }

    /// # Panics
    /// When an element of a matrix of this size would leave the buffer.
    pub(crate) fn check(&self, rows: usize, columns: usize, name: &str) {
        if rows == 0 || columns == 0 {
            return;
        }
        let along = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        let span = along(rows, self.row_stride)
            .zip(along(columns, self.column_stride))
            .and_then(|(a, b)| a.checked_add(b));
        for &offset in self.offsets {
            let last = span.and_then(|span| span.checked_add(offset));
            assert!(
                last.is_some_and(|last| last < self.data.len()),
                "{name}: the matrix at {offset} leaves the buffer of {} elements",
                self.data.len()
            );
        }
    }
}

/// `out[i][M][N] = a[i][M][K] * b[i][K][N]`, for each batch i.
#[derive(Debug)]
pub struct BatchMatMul<'a> {
    token: Token,
    n: usize,
    k: usize,
    m: usize,
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: SharedMut<'a, f32>,
    grid: Grid,
}

/// Floats of B that a piece packs: with the rows of A they stay in a 1 MiB second-level cache.
const PACKED_FLOATS: usize = 1 << 17;
/// Multiply-adds of a piece. Larger than with packed weights, since each piece packs for itself.
const PIECE_WORK: usize = 1 << 20;
/// Pieces of one product at most, for the same reason.
const PIECES_MAX: usize = 16;

impl<'a> BatchMatMul<'a> {
    /// `out`: `batches * m * n` floats, dense, with as many batches as `a` and `b` have offsets.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [m, k, n]: [usize; 3],
        a: Matrix<'a>,
        b: Matrix<'a>,
        out: SharedMut<'a, f32>,
    ) -> BatchMatMul<'a> {
        assert_eq!(a.offsets.len(), b.offsets.len(), "A and B differ in batches");
        a.check(m, k, "A");
        b.check(k, n, "B");
        let len = tensor::element_count(&[a.offsets.len(), m, n]);
        assert_eq!(Some(out.len()), len, "result: batches * M * N elements expected");
        let work = m.saturating_mul(n).saturating_mul(k);
        let fitting = (PACKED_FLOATS / k.max(1)).max(COLUMN_UNIT);
        let wanted = (work / PIECE_WORK).clamp(1, PIECES_MAX).max(n.div_ceil(fitting));
        let mut grid = Grid::with_target([m, k, n], Left::Read, wanted);
        if grid.columns() > fitting.next_multiple_of(COLUMN_UNIT) {
            grid = grid.with_columns(n, fitting);
        }
        BatchMatMul { token: isa.require(), m, k, n, a, b, out, grid }
    }

    /// Points at the rows of A, copied first when their elements do not lie side by side.
    fn rows(&self, start: *const f32, rows: usize, pointers: &mut [*const f32], copy: &mut [f32]) {
        let stride = self.a.column_stride;
        if stride == 1 {
            for (row, pointer) in pointers.iter_mut().enumerate().take(rows) {
                *pointer = start.wrapping_add(row * self.a.row_stride);
            }
            return;
        }
        for (row, line) in copy.chunks_exact_mut(self.k.max(1)).enumerate().take(rows) {
            for (i, x) in line.iter_mut().enumerate() {
                // SAFETY: the constructor checked the last element of each matrix.
                *x = unsafe { *start.add(row * self.a.row_stride + i * stride) };
            }
            pointers[row] = line.as_ptr();
        }
    }

    fn copied(&self) -> usize {
        if self.a.column_stride == 1 { 0 } else { self.grid.rows() * self.k }
    }
}

impl Task for BatchMatMul<'_> {
    fn tasks(&self) -> usize {
        self.a.offsets.len() * self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        scratch_for::<*const f32>(self.grid.rows())
            + scratch_for::<f32>(self.copied())
            + scratch_for::<f32>(packed_len(self.k, self.grid.columns()))
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let batch = task / self.grid.count();
        let (rows, columns) = self.grid.piece(task % self.grid.count());
        let pointers = take::<*const f32>(&mut scratch, rows.len());
        let copy = take::<f32>(&mut scratch, self.copied());
        let packed = take::<f32>(&mut scratch, packed_len(self.k, columns.len()));
        let first = self.a.offsets[batch] + rows.start * self.a.row_stride;
        let start = self.a.data.as_ptr().wrapping_add(first);
        self.rows(start, rows.len(), pointers, copy);
        if self.k > 0 {
            let (row_stride, column_stride) = (self.b.row_stride, self.b.column_stride);
            let b = &self.b.data[self.b.offsets[batch]..];
            pack_columns(b, self.k, columns.clone(), row_stride, column_stride, packed);
        }
        let origin = (batch * self.m + rows.start) * self.n + columns.start;
        let block = Block {
            kernel: Kernel::of(self.token.isa()),
            token: self.token,
            rows: rows.len(),
            columns: columns.len(),
            taps: 1,
            k: self.k,
            b: packed.as_ptr(),
            panel_stride: self.k * PANEL,
            next: None,
            c: Target::F32(self.out.as_mut_ptr().wrapping_add(origin)),
            c_stride: self.n,
            bias: std::ptr::null(),
            residual: None,
            residual_scale: 1.0,
            rounding: None,
            row_scales: std::ptr::null(),
            scales: std::ptr::null(),
            clamp: Clamp::of(None),
            steps: None,
        };
        // SAFETY: the token proves the ISA; the constructor checked that all operands are as
        // long as the sizes say; the caller vouches for the output.
        unsafe { block.run(pointers) }
    }
}
