//! A constant right-hand operand, by the numbers that its lanes hold.

use super::{Clamp, Epilogue, Kernel, PANEL};
use crate::Floats;
use half::bf16;
use simd::Isa;

/// A packed matrix of `k` rows, in panels of 16 columns, the last one filled with zeros.
#[derive(Debug, Clone, Copy)]
pub enum Packed<'a> {
    /// `[panel][k][16]`: see [`super::pack`].
    F32(&'a [f32]),
    /// `[panel][ceil(k / 2)][16][2]`, a last odd row filled up with zeros: see [`pack_bf16`]. The
    /// left operand is rounded to bf16 as it is read, and sums are f32, so each product errs by
    /// less than 2^-7 of itself.
    Bf16(&'a [u16]),
    /// Bytes beside a left operand of bytes.
    Int8(Int8<'a>),
}

/// Integers that stand for the numbers of a constant operand, beside a left one of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Int8<'a> {
    /// `[panel][ceil(k / 4)][16][4]`: see [`super::pack_int8`]. Sums are exact, so they are the
    /// same on every ISA.
    pub weights: &'a [i8],
    /// A factor of the sums of each column: the scale of the left operand times that of the column.
    pub scales: &'a [f32],
    /// What stands for zero in the left operand. Only padding is made of it: it is part of the bias
    /// as `-zero * scale * (sum of the column's integers)`.
    pub zero: u8,
}

impl<'a> Packed<'a> {
    /// The number of elements.
    pub(crate) fn len(self) -> usize {
        match self {
            Packed::F32(floats) => floats.len(),
            Packed::Bf16(halves) => halves.len(),
            Packed::Int8(int8) => int8.weights.len(),
        }
    }

    /// Lanes that a column of `k` elements takes.
    pub(crate) fn lanes(self, k: usize) -> usize {
        match self {
            Packed::F32(_) => k,
            Packed::Bf16(_) => k.div_ceil(2),
            Packed::Int8(_) => k.div_ceil(4),
        }
    }

    /// Elements that a matrix of `k` rows and `n` columns takes in this form.
    pub(crate) fn len_for(self, k: usize, n: usize) -> usize {
        match self {
            Packed::F32(_) => super::packed_len(k, n),
            Packed::Bf16(_) => packed_bf16_len(k, n),
            Packed::Int8(_) => super::packed_int8_len(k, n),
        }
    }

    /// The first lane.
    pub(crate) fn as_ptr(self) -> *const f32 {
        match self {
            Packed::F32(floats) => floats.as_ptr(),
            Packed::Bf16(halves) => halves.as_ptr().cast(),
            Packed::Int8(int8) => int8.weights.as_ptr().cast(),
        }
    }

    /// The kernel that multiplies by it.
    pub(crate) fn kernel(self, isa: Isa) -> &'static Kernel {
        match self {
            Packed::F32(_) => Kernel::of(isa),
            Packed::Bf16(_) => &Kernel::bf16(isa).kernel,
            Packed::Int8(_) => Kernel::int8(isa),
        }
    }

    /// # Panics
    /// When products of `depth` numbers in a sum of `columns` do not exist of these operands: bf16
    /// is multiplied by bf16 only, and bytes by bytes.
    pub(crate) fn check(self, a: Floats<'_>, depth: usize, columns: usize) {
        let is_fit = match self {
            Packed::F32(_) => a.size() == 4,
            Packed::Bf16(_) => a.size() > 1,
            Packed::Int8(_) => a.size() == 1,
        };
        assert!(is_fit, "no products of these types");
        if let Packed::Int8(int8) = self {
            let most = super::DEPTH_MAX;
            assert!(depth <= most, "sums of {depth} products may leave i32");
            assert_eq!(int8.scales.len(), columns, "scales: one for each column expected");
        }
    }

    /// The bounds of results that each sum `depth` products.
    pub(crate) fn clamp(self, epilogue: &Epilogue<'_>, depth: usize) -> Clamp {
        match self {
            Packed::Int8(int8) => Clamp::of_bytes(epilogue, depth, int8.scales),
            Packed::F32(_) | Packed::Bf16(_) => Clamp::of(epilogue.activation),
        }
    }

    /// What stands for zero on the left of bytes.
    pub(crate) fn zero(self) -> u8 {
        match self {
            Packed::Int8(int8) => int8.zero,
            Packed::F32(_) | Packed::Bf16(_) => 0,
        }
    }

    /// The factors of the sums from a column on, or null.
    pub(crate) fn scales_at(self, column: usize) -> *const f32 {
        match self {
            Packed::Int8(int8) => int8.scales.as_ptr().wrapping_add(column),
            Packed::F32(_) | Packed::Bf16(_) => std::ptr::null(),
        }
    }

    /// The f32 of this form.
    ///
    /// # Panics
    /// When it has none.
    pub(crate) fn floats(self) -> &'a [f32] {
        match self {
            Packed::F32(floats) => floats,
            Packed::Bf16(_) | Packed::Int8(_) => panic!("weights of f32 expected"),
        }
    }
}

/// Numbers of 2 bytes that a packed matrix of `k` rows and `n` columns takes as bf16.
///
/// # Panics
/// When the number does not fit in a `usize`.
pub fn packed_bf16_len(k: usize, n: usize) -> usize {
    tensor::element_count(&[n.div_ceil(PANEL), k.div_ceil(2), PANEL, 2])
        .expect("the matrix fits in memory")
}

/// Packs the matrix whose element (row i, column j) is `b[i * n + j]`, rounded to the nearest
/// bf16, as [`Packed::Bf16`].
///
/// # Panics
/// When a length does not fit.
pub fn pack_bf16(b: &[f32], k: usize, n: usize, out: &mut [u16]) {
    assert_eq!(b.len(), k * n, "matrix: K * N elements expected");
    assert_eq!(out.len(), packed_bf16_len(k, n), "packed matrix: wrong length");
    pack_lanes::<2, _>(k, n, |i, j| bf16::from_f32(b[i * n + j]).to_bits(), out);
}

/// Packs `element(row, column)` as `[ceil(n / 16)][ceil(k / GROUP)][16][GROUP]`.
pub(crate) fn pack_lanes<const GROUP: usize, T: Copy + Default>(
    k: usize,
    n: usize,
    element: impl Fn(usize, usize) -> T,
    out: &mut [T],
) {
    let lanes = k.div_ceil(GROUP);
    for (at, group) in out.chunks_exact_mut(GROUP).enumerate() {
        let (panel, rest) = (at / (lanes * PANEL), at % (lanes * PANEL));
        let (lane, column) = (rest / PANEL, panel * PANEL + rest % PANEL);
        for (i, x) in group.iter_mut().enumerate() {
            let row = lane * GROUP + i;
            *x = if row < k && column < n { element(row, column) } else { T::default() };
        }
    }
}
