//! The product of quantized matrices: bytes in, exact sums in between, f32 out.

use super::{Block, Clamp, Epilogue, Grid, Kernel, Left, PANEL, THREADS_MAX, pack_lanes};
use crate::floats::Target;
use crate::task::{SharedMut, Task, scratch_for, take};
use simd::{Isa, Token};

/// Bytes in a lane.
const GROUP: usize = 4;
/// Above this depth a sum of products of bytes could leave `i32`.
pub const DEPTH_MAX: usize = i32::MAX as usize / (255 * 128);

/// Bytes that a packed matrix of `k` rows and `n` columns takes.
///
/// # Panics
/// When the number does not fit in a `usize`.
pub fn packed_int8_len(k: usize, n: usize) -> usize {
    tensor::element_count(&[n.div_ceil(PANEL), k.div_ceil(GROUP), PANEL, GROUP])
        .expect("the matrix fits in memory")
}

/// Packs `b[K][N]` into `[ceil(n / 16)][ceil(k / 4)][16][4]`, filled up with zeros.
///
/// # Panics
/// When a length does not fit.
pub fn pack_int8(b: &[i8], k: usize, n: usize, out: &mut [i8]) {
    assert_eq!(b.len(), k * n, "matrix: K * N elements expected");
    assert_eq!(out.len(), packed_int8_len(k, n), "packed matrix: wrong length");
    pack_lanes::<GROUP, _>(k, n, |i, j| b[i * n + j], out);
}

/// What an [`Int8MatMul`] multiplies.
#[derive(Debug, Clone, Copy)]
pub struct Int8Operands<'a> {
    /// `m` rows of `k` bytes, dense.
    pub a: &'a [u8],
    /// See [`pack_int8`].
    pub b: &'a [i8],
    /// One factor for each column: the scale of A times that of the column of B.
    pub scales: &'a [f32],
}

/// `out[M][N] = activation(a[M][K] * b[K][N] * scales[N] + bias + residual)`. Sums are exact, so
/// they are the same on every ISA. A zero point of A is part of the bias:
/// `-zero_point * scales[n] * sum over k of b[k][n]`.
#[derive(Debug)]
pub struct Int8MatMul<'a> {
    token: Token,
    sizes: [usize; 3],
    operands: Int8Operands<'a>,
    epilogue: Epilogue<'a>,
    out: SharedMut<'a, f32>,
    grid: Grid,
}

impl<'a> Int8MatMul<'a> {
    /// `out`: `m * n` floats, dense.
    ///
    /// # Panics
    /// When a length does not fit, `k` is above [`DEPTH_MAX`], or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [m, k, n]: [usize; 3],
        operands: Int8Operands<'a>,
        epilogue: Epilogue<'a>,
        out: SharedMut<'a, f32>,
    ) -> Int8MatMul<'a> {
        assert!(k <= DEPTH_MAX, "sums of {k} products may leave i32");
        assert_eq!(Some(operands.a.len()), m.checked_mul(k), "A: M * K bytes expected");
        assert_eq!(operands.b.len(), packed_int8_len(k, n), "packed matrix: wrong length");
        assert_eq!(operands.scales.len(), n, "scales: one for each column expected");
        assert_eq!(Some(out.len()), m.checked_mul(n), "result: M * N elements expected");
        epilogue.check(n, out.len());
        let grid = Grid::new([m, k, n], Left::Copied, THREADS_MAX);
        Int8MatMul { token: isa.require(), sizes: [m, k, n], operands, epilogue, out, grid }
    }

    fn lanes(&self) -> usize {
        self.sizes[1].div_ceil(GROUP)
    }
}

impl Task for Int8MatMul<'_> {
    fn tasks(&self) -> usize {
        self.grid.count()
    }

    fn scratch_bytes(&self) -> usize {
        scratch_for::<*const f32>(self.grid.rows())
            + scratch_for::<u32>(self.grid.rows() * self.lanes())
    }

    unsafe fn run(&self, task: usize, mut scratch: &mut [u8]) {
        let [_, k, n] = self.sizes;
        let (rows, columns) = self.grid.piece(task);
        let lanes = self.lanes();
        let pointers = take::<*const f32>(&mut scratch, rows.len());
        let copies = take::<u32>(&mut scratch, rows.len() * lanes);
        for (at, (pointer, row)) in pointers.iter_mut().zip(rows.clone()).enumerate() {
            let copy: &mut [u8] = bytemuck::cast_slice_mut(&mut copies[at * lanes..][..lanes]);
            let (bytes, rest) = copy.split_at_mut(k);
            bytes.copy_from_slice(&self.operands.a[row * k..][..k]);
            rest.fill(0);
            *pointer = bytes.as_ptr().cast();
        }
        let panel_stride = lanes * PANEL;
        let origin = rows.start * n + columns.start;
        let b = self.operands.b.as_ptr().cast::<f32>();
        let block = Block {
            kernel: Kernel::int8(self.token.isa()),
            token: self.token,
            rows: rows.len(),
            columns: columns.len(),
            taps: 1,
            k: lanes,
            b: b.wrapping_add(columns.start / PANEL * panel_stride),
            panel_stride,
            next: None,
            c: Target::F32(self.out.as_mut_ptr().wrapping_add(origin)),
            c_stride: n,
            bias: self.epilogue.bias_at(columns.start),
            residual: self.epilogue.residual_at(origin),
            row_scales: std::ptr::null(),
            scales: self.operands.scales[columns].as_ptr(),
            clamp: Clamp::of(self.epilogue.activation),
        };
        // SAFETY: the token proves the ISA; the constructor checked that all operands are as
        // long as the sizes say; the caller vouches for the output.
        unsafe { block.run(pointers) }
    }
}
