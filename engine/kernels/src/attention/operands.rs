//! What attention reads.

use crate::matmul::Matrix;

/// An operand of the products.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// Numbers of f32.
    F32(Matrix<'a>),
    /// Bits of bf16.
    Bf16(Matrix<'a, u16>),
}

/// The operands of an attention, each with a matrix for each batch.
#[derive(Debug, Clone, Copy)]
pub struct Operands<'a> {
    /// `[rows, depth]`, the elements of a row side by side.
    pub query: Operand<'a>,
    /// `[depth, keys]`
    pub key: Operand<'a>,
    /// `[keys, width]`
    pub value: Operand<'a>,
    /// `[rows, keys]`, the elements of a row side by side.
    pub mask: Option<Matrix<'a>>,
}

impl<'a> From<Matrix<'a>> for Operand<'a> {
    fn from(matrix: Matrix<'a>) -> Operand<'a> {
        Operand::F32(matrix)
    }
}

impl<'a> From<Matrix<'a, u16>> for Operand<'a> {
    fn from(matrix: Matrix<'a, u16>) -> Operand<'a> {
        Operand::Bf16(matrix)
    }
}

impl Operand<'_> {
    pub(super) fn is_bf16(&self) -> bool {
        matches!(self, Operand::Bf16(_))
    }

    /// Matrices.
    fn count(&self) -> usize {
        match self {
            Operand::F32(matrix) => matrix.offsets.len(),
            Operand::Bf16(matrix) => matrix.offsets.len(),
        }
    }

    fn column_stride(&self) -> usize {
        match self {
            Operand::F32(matrix) => matrix.column_stride,
            Operand::Bf16(matrix) => matrix.column_stride,
        }
    }

    fn check(&self, rows: usize, columns: usize, name: &str) {
        match self {
            Operand::F32(matrix) => matrix.check(rows, columns, name),
            Operand::Bf16(matrix) => matrix.check(rows, columns, name),
        }
    }
}

impl Operands<'_> {
    /// # Panics
    /// When a matrix leaves its buffer, numbers of batches differ, or elements of a row do not lie
    /// side by side.
    pub(super) fn check(&self, sizes: super::Sizes, batches: usize) {
        let super::Sizes { rows, keys, depth, width } = sizes;
        self.query.check(rows, depth, "queries");
        self.key.check(depth, keys, "keys");
        self.value.check(keys, width, "values");
        let is_dense = batches == 0 || self.query.column_stride() == 1;
        assert!(is_dense, "queries: elements do not lie side by side");
        if let Some(mask) = &self.mask {
            mask.check(rows, keys, "mask");
            let is_dense = batches == 0 || mask.column_stride == 1;
            assert!(is_dense, "mask: elements do not lie side by side");
            assert_eq!(mask.offsets.len(), batches, "mask: other batches");
        }
        let counts = [self.query, self.key, self.value].map(|operand| operand.count());
        assert_eq!(counts, [batches; 3], "operands differ in batches");
    }

    pub(super) fn has_bf16(&self) -> bool {
        [self.query, self.key, self.value].iter().any(Operand::is_bf16)
    }
}
