//! The product with a constant, packed matrix.

use super::{
    Block, Clamp, Epilogue, Grid, Kernel, PANEL, Packed, THREADS_MAX, block::offset, narrow,
};
use crate::task::{SharedMut, Task, scratch_for, take};
use simd::{Isa, Token};

/// `out[M][N] = activation(a[M][K] * b[K][N] + bias + residual)` with a packed `b`.
#[derive(Debug)]
pub struct MatMul<'a> {
    token: Token,
    m: usize,
    n: usize,
    k: usize,
    a: &'a [f32],
    a_stride: usize,
    b: Packed<'a>,
    epilogue: Epilogue<'a>,
    out: SharedMut<'a, f32>,
    grid: Grid,
}

impl<'a> MatMul<'a> {
    /// `a`: `m` rows of `k` floats, `a_stride >= k` floats apart. `b`: packed.
    /// `out`: `m * n` floats, dense.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [m, k, n]: [usize; 3],
        a: &'a [f32],
        a_stride: usize,
        b: Packed<'a>,
        epilogue: Epilogue<'a>,
        out: SharedMut<'a, f32>,
    ) -> MatMul<'a> {
        check_rows(a.len(), m, k, a_stride);
        assert_eq!(b.len(), b.len_for(k, n), "packed matrix: wrong length");
        assert_eq!(Some(out.len()), m.checked_mul(n), "result: M * N elements expected");
        epilogue.check(n, out.len());
        let grid = Grid::new(m, n, k, THREADS_MAX);
        MatMul { token: isa.require(), m, n, k, a, a_stride, b, epilogue, out, grid }
    }
}

impl MatMul<'_> {
    /// The same in pieces for so many threads, which change nothing but the time.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Self {
        MatMul { grid: Grid::new(self.m, self.n, self.k, threads), ..self }
    }
}

/// Do `m` rows of `k` floats, `stride` apart, lie within `len` floats?
fn check_rows(len: usize, m: usize, k: usize, stride: usize) {
    assert!(stride >= k, "rows of {k} floats overlap at a stride of {stride}");
    let last = m.saturating_sub(1).checked_mul(stride).and_then(|last| last.checked_add(k));
    assert!(m == 0 || last.is_some_and(|end| end <= len), "A has only {len} floats");
}

impl Task for MatMul<'_> {
    fn tasks(&self) -> usize {
        self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        let narrow = match self.b {
            Packed::F32(_) => 0,
            Packed::Bf16(_) => narrow::scratch_bytes(self.grid.rows(), self.k),
        };
        scratch_for::<*const f32>(self.grid.rows()) + narrow
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let (rows, columns) = self.grid.piece(task);
        assert!(rows.end <= self.m && columns.end <= self.n);
        let pointers = take::<*const f32>(&mut scratch, rows.len());
        for (pointer, row) in pointers.iter_mut().zip(rows.clone()) {
            *pointer = self.a.as_ptr().wrapping_add(row * self.a_stride);
        }
        let (kernel, pointers) = match self.b {
            Packed::F32(_) => (Kernel::of(self.token.isa()), &*pointers),
            Packed::Bf16(_) => {
                let bf16 = Kernel::bf16(self.token.isa());
                let (sizes, most) = ([rows.len(), 1, self.k], bf16.kernel.rows());
                // SAFETY: the token proves the ISA; each pointer is to a row of A.
                let narrowed = unsafe {
                    narrow::narrow_rows(bf16.narrow, sizes, most, pointers, &mut scratch)
                };
                (&bf16.kernel, narrowed)
            }
        };
        let k = self.b.lanes(self.k);
        let panel_stride = k * PANEL;
        let origin = rows.start * self.n + columns.start;
        let pointer = |part: Option<&[f32]>| part.map_or(std::ptr::null(), <[f32]>::as_ptr);
        let block = Block {
            kernel,
            token: self.token,
            rows: rows.len(),
            columns: columns.len(),
            taps: 1,
            k,
            b: self.b.as_ptr().wrapping_add(columns.start / PANEL * panel_stride),
            panel_stride,
            c: self.out.as_mut_ptr().wrapping_add(origin),
            c_stride: self.n,
            bias: offset(pointer(self.epilogue.bias), columns.start),
            residual: offset(pointer(self.epilogue.residual), origin),
            scale: 1.0,
            scales: std::ptr::null(),
            clamp: Clamp::of(self.epilogue.activation),
        };
        // SAFETY: the token proves the ISA; the constructor checked that all operands are as
        // long as the sizes say; the caller vouches for the output.
        unsafe { block.run(pointers) }
    }
}
