//! Loops over broadcast operands.

use std::ops::Range;

/// Axes that are left at most when neighbours that can be walked as one are joined.
pub(crate) const RANK_MAX: usize = 8;

/// Nested loops over a dense result and `N` operands that are broadcast to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nest<const N: usize> {
    /// Axes in use, innermost first.
    rank: usize,
    extents: [usize; RANK_MAX],
    strides: [[usize; N]; RANK_MAX],
    len: usize,
}

impl<const N: usize> Nest<N> {
    /// The loops over `shape`, to which `operands` are broadcast.
    ///
    /// # Panics
    /// When an operand cannot be broadcast, or more than [`RANK_MAX`] axes are left.
    pub(crate) fn new(shape: &[usize], operands: [&[usize]; N]) -> Nest<N> {
        let len = tensor::element_count(shape).expect("the result fits in memory");
        let mut nest = Nest { rank: 0, extents: [1; RANK_MAX], strides: [[0; N]; RANK_MAX], len };
        let mut dense = [1usize; N];
        for back in 0..shape.len() {
            let extent = shape[shape.len() - 1 - back];
            let mut strides = [0; N];
            for (i, operand) in operands.iter().enumerate() {
                let index = operand.len().checked_sub(back + 1);
                let size = index.map_or(1, |index| operand[index]);
                assert!(size == extent || size == 1, "{operand:?} is no part of {shape:?}");
                strides[i] = if size == 1 { 0 } else { dense[i] };
                dense[i] *= size.max(1);
            }
            nest.push(extent, strides);
        }
        assert!(operands.iter().all(|o| o.len() <= shape.len()), "operands outrank {shape:?}");
        nest.rank = nest.rank.max(1);
        nest
    }

    /// Adds an axis outside of the others, joined with the outermost when they make one run.
    fn push(&mut self, extent: usize, strides: [usize; N]) {
        if extent == 1 {
            return;
        }
        if self.rank > 0 {
            let (last, inner) = (self.rank - 1, self.extents[self.rank - 1]);
            if (0..N).all(|i| strides[i] == self.strides[last][i] * inner) {
                self.extents[last] *= extent;
                return;
            }
        }
        assert!(self.rank < RANK_MAX, "more than {RANK_MAX} axes are left");
        self.extents[self.rank] = extent;
        self.strides[self.rank] = strides;
        self.rank += 1;
    }

    /// Elements of the result.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Distance of neighbours on the innermost axis, per operand.
    pub(crate) fn inner(&self) -> [usize; N] {
        self.strides[0]
    }

    /// Calls `row(first element of the result, elements, first element of each operand)` for
    /// each run along the innermost axis that covers `range` of the result.
    #[inline(always)]
    pub(crate) fn rows(&self, range: Range<usize>, mut row: impl FnMut(usize, usize, [usize; N])) {
        let mut at = range.start;
        while at < range.end {
            let mut rest = at;
            let mut offsets = [0; N];
            for axis in 0..self.rank {
                let index = rest % self.extents[axis];
                rest /= self.extents[axis];
                for (offset, stride) in offsets.iter_mut().zip(self.strides[axis]) {
                    *offset += index * stride;
                }
            }
            let count = (self.extents[0] - at % self.extents[0]).min(range.end - at);
            row(at, count, offsets);
            at += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &[usize], operand: &[usize], rank: usize) {
        let nest = Nest::new(shape, [operand]);
        assert_eq!(nest.rank, rank, "{shape:?} {operand:?}");
        let mut found = vec![usize::MAX; nest.len()];
        for range in [0..nest.len() / 2, nest.len() / 2..nest.len()] {
            nest.rows(range, |at, count, [offset]| {
                for i in 0..count {
                    found[at + i] = offset + i * nest.inner()[0];
                }
            });
        }
        let expected: Vec<usize> = (0..nest.len())
            .map(|mut at| {
                let (mut offset, mut dense) = (0, 1);
                for back in 0..shape.len() {
                    let index = at % shape[shape.len() - 1 - back];
                    at /= shape[shape.len() - 1 - back];
                    let size = operand.len().checked_sub(back + 1).map_or(1, |i| operand[i]);
                    offset += if size == 1 { 0 } else { index * dense };
                    dense *= size;
                }
                offset
            })
            .collect();
        assert_eq!(found, expected, "{shape:?} {operand:?}");
    }

    #[test]
    fn axes_that_make_one_run_are_joined() {
        check(&[2, 3, 4], &[2, 3, 4], 1);
        check(&[2, 3, 4], &[4], 2);
        check(&[2, 3, 4], &[3, 1], 3);
        check(&[2, 3, 4], &[], 1);
        check(&[2, 1, 4, 5], &[2, 1, 1, 1], 2);
        check(&[], &[], 1);
        check(&[5, 2, 3, 1, 2], &[1, 2, 1, 1, 2], 4);
    }
}
