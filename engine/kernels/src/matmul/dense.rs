//! The product with a constant, packed matrix.

use super::{
    Bf16Kernel, Block, Clamp, Epilogue, Grid, Kernel, Left, PANEL, Packed, THREADS_MAX, narrow,
};
use crate::task::{Task, scratch_for, take};
use crate::{Floats, FloatsMut};
use simd::{Isa, Token};
use std::ops::Range;

/// `out[M][N] = activation(a[M][K] * b[K][N] + bias + residual)` with a packed `b`.
#[derive(Debug)]
pub struct MatMul<'a> {
    token: Token,
    m: usize,
    n: usize,
    k: usize,
    a: Floats<'a>,
    a_stride: usize,
    b: Packed<'a>,
    epilogue: Epilogue<'a>,
    clamp: Clamp,
    out: FloatsMut<'a>,
    grid: Grid,
}

impl<'a> MatMul<'a> {
    /// `a`: `m` rows of `k` numbers, `a_stride >= k` numbers apart; bf16 only beside a `b` of bf16,
    /// and bytes beside bytes. `b`: packed. `out`: `m * n` numbers, dense; bytes only of bytes.
    ///
    /// # Panics
    /// When a length or a type does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [m, k, n]: [usize; 3],
        a: impl Into<Floats<'a>>,
        a_stride: usize,
        b: Packed<'a>,
        epilogue: Epilogue<'a>,
        out: impl Into<FloatsMut<'a>>,
    ) -> MatMul<'a> {
        let (a, out) = (a.into(), out.into());
        b.check(a, k, n);
        check_rows(a.len(), m, k, a_stride);
        assert_eq!(b.len(), b.len_for(k, n), "packed matrix: wrong length");
        assert_eq!(Some(out.len()), m.checked_mul(n), "result: M * N elements expected");
        epilogue.check(n, out.len());
        let grid = Grid::with_target([m, k, n], Left::Read, 1);
        let token = isa.require();
        let clamp = b.clamp(&epilogue, k);
        let product = MatMul { token, m, n, k, a, a_stride, b, epilogue, clamp, out, grid };
        product.for_threads(THREADS_MAX)
    }
}

impl MatMul<'_> {
    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Self {
        let left = if self.is_direct() { Left::Read } else { Left::Copied };
        MatMul { grid: Grid::new([self.m, self.k, self.n], left, threads), ..self }
    }
}

/// Do `m` rows of `k` floats, `stride` apart, lie within `len` floats?
fn check_rows(len: usize, m: usize, k: usize, stride: usize) {
    assert!(stride >= k, "rows of {k} floats overlap at a stride of {stride}");
    let last = m.saturating_sub(1).checked_mul(stride).and_then(|last| last.checked_add(k));
    assert!(m == 0 || last.is_some_and(|end| end <= len), "A has only {len} floats");
}

impl MatMul<'_> {
    /// Are the rows of A read where they lie?
    fn is_direct(&self) -> bool {
        match (self.a, self.b) {
            (Floats::F32(_), Packed::Bf16(_)) => false,
            (Floats::F32(_), _) => true,
            // Whole lanes.
            (Floats::Bf16(_), _) => self.k.is_multiple_of(2) && self.a_stride.is_multiple_of(2),
            (Floats::U8(_), _) => self.k.is_multiple_of(4) && self.a_stride.is_multiple_of(4),
        }
    }

    /// Points at lanes of the rows of A, which are copied where they have to be.
    fn point<'s>(&self, rows: Range<usize>, scratch: &mut &'s mut [u8]) -> &'s [*const f32] {
        let (sizes, isa) = ([rows.len(), 1, self.k], self.token.isa());
        match self.a {
            Floats::F32(a) => {
                let pointers = point(a, rows, self.a_stride, scratch);
                if self.is_direct() {
                    return pointers;
                }
                let Bf16Kernel { kernel, narrow } = Kernel::bf16(isa);
                // SAFETY: the token proves the ISA; each pointer is to a row of A.
                unsafe { narrow::narrow_rows(*narrow, sizes, kernel.rows(), pointers, scratch) }
            }
            Floats::Bf16(a) if self.is_direct() => point(a, rows, self.a_stride, scratch),
            Floats::Bf16(a) => {
                let pointers: &[*const u16] = point(a, rows, self.a_stride, scratch);
                let most = self.b.kernel(isa).rows();
                // SAFETY: each pointer is to a row of A.
                unsafe { narrow::join_rows(sizes, most, pointers, scratch) }
            }
            Floats::U8(a) if self.is_direct() => point(a, rows, self.a_stride, scratch),
            Floats::U8(a) => {
                let pointers: &[*const u8] = point(a, rows, self.a_stride, scratch);
                let most = self.b.kernel(isa).rows();
                // SAFETY: each pointer is to a row of A.
                unsafe { narrow::join_rows(sizes, most, pointers, scratch) }
            }
        }
    }
}

/// Pointers to some rows.
fn point<'s, T, P>(
    a: &[T],
    rows: Range<usize>,
    stride: usize,
    scratch: &mut &'s mut [u8],
) -> &'s [*const P] {
    let pointers = take::<*const P>(scratch, rows.len());
    for (pointer, row) in pointers.iter_mut().zip(rows) {
        *pointer = a.as_ptr().wrapping_add(row * stride).cast();
    }
    pointers
}

impl Task for MatMul<'_> {
    fn tasks(&self) -> usize {
        self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        let rows = self.grid.rows();
        let lanes = self.b.lanes(self.k);
        let copies = if self.is_direct() { 0 } else { narrow::scratch_bytes(rows, lanes) };
        scratch_for::<*const f32>(rows) + copies
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let (rows, columns) = self.grid.piece(task);
        assert!(rows.end <= self.m && columns.end <= self.n);
        let k = self.b.lanes(self.k);
        let panel_stride = k * PANEL;
        let origin = rows.start * self.n + columns.start;
        let block = Block {
            kernel: self.b.kernel(self.token.isa()),
            token: self.token,
            rows: rows.len(),
            columns: columns.len(),
            taps: 1,
            k,
            b: self.b.as_ptr().wrapping_add(columns.start / PANEL * panel_stride),
            panel_stride,
            next: None,
            c: self.out.at(origin),
            c_stride: self.n,
            bias: self.epilogue.bias_at(columns.start),
            residual: self.epilogue.residual_at(origin),
            residual_scale: self.epilogue.residual_scale,
            rounding: self.epilogue.rounding,
            row_scales: std::ptr::null(),
            scales: self.b.scales_at(columns.start),
            clamp: self.clamp,
            steps: self.epilogue.steps,
        };
        let pointers = self.point(rows, &mut scratch);
        // SAFETY: the token proves the ISA; the constructor checked that all operands are as
        // long as the sizes say; the caller vouches for the output.
        unsafe { block.run(pointers) }
    }
}
