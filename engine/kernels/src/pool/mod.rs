//! Pooling of channels-last (NHWC) images.

pub(crate) mod catalogue;
mod generic;
mod scalar;

pub use scalar::ScalarPool;

use crate::conv::ConvShape;
use crate::floats::check_types;
use crate::task::{Pieces, Task};
use crate::{Floats, FloatsMut};
use simd::{Isa, Token};

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// Its largest element; padding does not take part. A window of padding only gives minus
    /// infinity, NaN gives NaN.
    Max,
    /// Its mean. A window of padding only gives 0.
    Average {
        /// Is padding counted, as zeros? Only the padding that the shape states is: what hangs
        /// over because sizes are rounded up never counts.
        count_include_pad: bool,
    },
}

/// `out[N][OH][OW][C]` of `input[N][H][W][C]`.
#[derive(Debug)]
pub struct Pool<'a> {
    token: Token,
    kind: PoolKind,
    shape: ConvShape,
    input: Floats<'a>,
    out: FloatsMut<'a>,
    pieces: Pieces,
}

/// Elements that a piece reads, about; it is some rows of the output.
const PIECE_WORK: usize = 1 << 16;

impl<'a> Pool<'a> {
    /// `shape`: with `groups == in_c == out_c`. Input and output are f32, or bytes of which the
    /// largest is sought.
    ///
    /// # Panics
    /// When a length or a type does not fit, the shape is no pooling, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        kind: PoolKind,
        shape: &ConvShape,
        input: impl Into<Floats<'a>>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Pool<'a> {
        let (input, out) = (input.into(), out.into());
        check_types(input, None, out);
        assert!(input.size() == 4 || input.size() == 1 && kind == PoolKind::Max, "no such pooling");
        assert_eq!(shape.in_c, shape.out_c, "pooling keeps channels apart");
        shape.check(input.len(), out.len());
        let row = shape.out_w * shape.in_c * shape.taps();
        let pieces = Pieces::of_size(shape.batch * shape.out_h, PIECE_WORK.div_ceil(row.max(1)));
        Pool { token: isa.require(), kind, shape: *shape, input, out, pieces }
    }
}

/// Elements of the window of an output pixel: of the input, or also of the padding.
fn window_count(shape: &ConvShape, line: usize, column: usize, with_padding: bool) -> usize {
    let along = |axis: usize, out: usize| {
        let size = if axis == 0 { shape.in_h } else { shape.in_w };
        let padded = size + shape.pads[axis] + shape.pads[axis + 2];
        (0..shape.kernel[axis])
            .filter(|&tap| {
                let at = out * shape.strides[axis] + tap * shape.dilations[axis];
                if with_padding { at < padded } else { shape.source(axis, out, tap).is_some() }
            })
            .count()
    };
    along(0, line) * along(1, column)
}

impl Task for Pool<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        for line in self.pieces.range(task) {
            match (self.input, self.out) {
                (Floats::F32(input), FloatsMut::F32(out)) => {
                    self.token.run(generic::Line { call: self, line, input, out });
                }
                (Floats::U8(input), FloatsMut::U8(out)) => {
                    self.token.run(generic::Line { call: self, line, input, out });
                }
                _ => unreachable!("the constructor refuses other types"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
