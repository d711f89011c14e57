//! Views of matrices.

use super::Facts;
use crate::RunError;
use kernels::matmul::Matrix;
use plan::View;

/// Where the matrices of one operand start, and how they lie.
pub(super) struct Side {
    pub(super) offsets: Vec<usize>,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl Side {
    /// No matrix at all.
    pub(super) fn nothing() -> Side {
        Side { offsets: Vec::new(), row_stride: 0, column_stride: 0 }
    }

    pub(super) fn bind(
        view: &View,
        batch: &[usize],
        matrix: [usize; 2],
        facts: &Facts<'_>,
        buffer: &[usize],
    ) -> Result<Side, RunError> {
        let extents = [batch, &matrix].concat();
        facts.require(view.strides.len() == extents.len(), "a view of another rank")?;
        let mut start = facts.size(&view.offset)?;
        let mut strides: Vec<usize> =
            view.strides.iter().map(|d| facts.size(d)).collect::<Result<_, _>>()?;
        if extents.contains(&0) {
            // Matrices of nothing may lie anywhere, also where there is no memory.
            (start, strides) = (0, vec![0; extents.len()]);
        }
        let last = extents.iter().zip(&strides).try_fold(start, |last, (&extent, stride)| {
            extent.saturating_sub(1).checked_mul(*stride)?.checked_add(last)
        });
        let length = tensor::element_count(buffer).unwrap_or(0);
        let is_inside = extents.contains(&0) || last.is_some_and(|last| last < length);
        facts.require(is_inside, "a view leaves its buffer")?;
        let mut offsets = vec![start];
        for (&extent, &stride) in batch.iter().zip(&strides) {
            let along = |&from: &usize| (0..extent).map(move |i| from + i * stride);
            offsets = offsets.iter().flat_map(along).collect();
        }
        let (row_stride, column_stride) = (strides[batch.len()], strides[batch.len() + 1]);
        Ok(Side { offsets, row_stride, column_stride })
    }

    pub(super) fn matrix<'a, T>(&'a self, data: &'a [T]) -> Matrix<'a, T> {
        let &Side { ref offsets, row_stride, column_stride } = self;
        Matrix { data, offsets, row_stride, column_stride }
    }
}
