//! Interpolation of channels-last (NHWC) images to another size.
//!
//! ```text
//! out[n][y][x][c] = sum over taps i of row y, j of column x of
//!     weight[i] * weight[j] * input[n][place[i]][place[j]][c]
//! ```

pub(crate) mod catalogue;
mod generic;

use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};
use std::ops::Range;

/// For each element of the result along one axis, the elements of the input that make it.
#[derive(Debug, Clone, Copy)]
pub struct Taps<'a> {
    /// Where the taps of each element begin; one entry more says where those of the last end.
    pub starts: &'a [u32],
    /// The element of the input that each tap reads.
    pub places: &'a [u32],
    /// What it is multiplied by.
    pub weights: &'a [f32],
}

impl Taps<'_> {
    /// Elements of the result.
    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The taps of an element.
    #[inline(always)]
    fn of(&self, element: usize) -> Range<usize> {
        self.starts[element] as usize..self.starts[element + 1] as usize
    }

    /// # Panics
    /// When the parts do not fit each other, or an axis of `size` elements.
    fn check(&self, size: usize) {
        let ends_well = self.starts.last().is_some_and(|&end| end as usize == self.places.len());
        assert!(self.starts.is_sorted() && ends_well, "taps: starts ascend to their number");
        assert_eq!(self.places.len(), self.weights.len(), "taps: a weight for each");
        assert!(self.places.iter().all(|&place| (place as usize) < size), "taps: beyond the axis");
    }
}

/// `out[N][OH][OW][C]` of `input[N][H][W][C]`.
#[derive(Debug)]
pub struct Resize<'a> {
    token: Token,
    shape: [usize; 4],
    rows: Taps<'a>,
    columns: Taps<'a>,
    input: &'a [f32],
    out: SharedMut<'a, f32>,
    pieces: Pieces,
}

/// Elements that a piece reads, about; it is some rows of the output.
const PIECE_WORK: usize = 1 << 16;

impl<'a> Resize<'a> {
    /// `shape`: of the input.
    ///
    /// # Panics
    /// When a length does not fit the shape and the taps, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        shape: [usize; 4],
        [rows, columns]: [Taps<'a>; 2],
        input: &'a [f32],
        out: SharedMut<'a, f32>,
    ) -> Resize<'a> {
        let [batch, height, width, channels] = shape;
        rows.check(height);
        columns.check(width);
        assert_eq!(Some(input.len()), tensor::element_count(&shape), "input: N * H * W * C");
        let made = tensor::element_count(&[batch, rows.count(), columns.count(), channels]);
        assert_eq!(Some(out.len()), made, "output: N * OH * OW * C elements expected");
        // What the taps of one line read, those of all its rows taken to be alike.
        let down = rows.places.len().div_ceil(rows.count().max(1));
        let line = columns.places.len().saturating_mul(channels).saturating_mul(down);
        let pieces = Pieces::of_size(batch * rows.count(), PIECE_WORK.div_ceil(line.max(1)));
        Resize { token: isa.require(), shape, rows, columns, input, out, pieces }
    }
}

impl Task for Resize<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        for line in self.pieces.range(task) {
            self.token.run(generic::Line { call: self, line });
        }
    }
}

#[cfg(test)]
mod tests;
