//! Pooling of the types that have no vectors.

use super::{PIECE_WORK, PoolKind, window_count};
use crate::Number;
use crate::conv::ConvShape;
use crate::task::{Pieces, SharedMut, Task};

/// As [`super::Pool`], element by element. The largest element of padding only is the lowest of
/// the type.
#[derive(Debug)]
pub struct ScalarPool<'a, T> {
    kind: PoolKind,
    shape: ConvShape,
    input: &'a [T],
    out: SharedMut<'a, T>,
    /// Output pixels.
    pieces: Pieces,
}

impl<'a, T: Number> ScalarPool<'a, T> {
    /// `shape`: with `groups == in_c == out_c`.
    ///
    /// # Panics
    /// When a length does not fit the shape, or the shape is no pooling.
    pub fn new(
        kind: PoolKind,
        shape: &ConvShape,
        input: &'a [T],
        out: SharedMut<'a, T>,
    ) -> ScalarPool<'a, T> {
        assert_eq!(shape.in_c, shape.out_c, "pooling keeps channels apart");
        shape.check(input.len(), out.len());
        let work = shape.in_c.saturating_mul(shape.taps()).max(1);
        let pieces = Pieces::of_size(shape.out_pixels(), PIECE_WORK / work);
        ScalarPool { kind, shape: *shape, input, out, pieces }
    }

    /// The elements of a channel that a window sees.
    fn window(&self, pixel: usize, channel: usize) -> impl Iterator<Item = T> {
        let shape = &self.shape;
        let (line, column) = (pixel / shape.out_w, pixel % shape.out_w);
        let (image, line) = (line / shape.out_h, line % shape.out_h);
        let rows = (0..shape.kernel[0]).filter_map(move |i| shape.source(0, line, i));
        rows.flat_map(move |y| {
            let row = (image * shape.in_h + y) * shape.in_w;
            let columns = (0..shape.kernel[1]).filter_map(move |j| shape.source(1, column, j));
            columns.map(move |x| self.input[(row + x) * shape.in_c + channel])
        })
    }
}

impl<T: Number> Task for ScalarPool<'_, T> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let shape = &self.shape;
        for pixel in self.pieces.range(task) {
            // SAFETY: pixels do not overlap; the caller vouches for the output.
            let made = unsafe { self.out.part(pixel * shape.out_c..(pixel + 1) * shape.out_c) };
            for (channel, made) in made.iter_mut().enumerate() {
                let window = self.window(pixel, channel);
                *made = match self.kind {
                    PoolKind::Max => window.fold(T::LOWEST, T::larger),
                    PoolKind::Average { count_include_pad } => {
                        let (line, column) = (pixel / shape.out_w, pixel % shape.out_w);
                        let count =
                            window_count(shape, line % shape.out_h, column, count_include_pad);
                        T::mean(window, count.max(1))
                    }
                };
            }
        }
    }
}
