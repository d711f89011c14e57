//! Normalization of rows to mean 0 and variance 1, or to mean square 1.

use super::PIECE_WORK;
use crate::FloatsMut;
use crate::floats::{Stored, Target};
use crate::reduce::generic::{Sum, SumSquare, fold_row, fold_row_from};
use crate::task::{Pieces, SharedMut, Task};
use simd::{F32Vector, Isa, Token, Vectorize};

/// `out = (x - mean) / sqrt(variance + epsilon) * scale + bias`, row by row. The variance is the
/// mean square of the deviations, taken in a second pass: no cancellation.
#[derive(Debug)]
pub struct LayerNorm<'a>(Rows<'a>);

/// `out = x / sqrt(mean of x^2 + epsilon) * scale`, row by row.
#[derive(Debug)]
pub struct RmsNorm<'a>(Rows<'a>);

impl<'a> LayerNorm<'a> {
    /// `input` and `out`: `rows * width` numbers. `scale` and `bias`: `width` floats.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [rows, width]: [usize; 2],
        input: &'a [f32],
        scale: &'a [f32],
        bias: Option<&'a [f32]>,
        epsilon: f32,
        out: impl Into<FloatsMut<'a>>,
    ) -> LayerNorm<'a> {
        LayerNorm(Rows::new(isa, true, [rows, width], input, (scale, bias), epsilon, out.into()))
    }
}

impl<'a> RmsNorm<'a> {
    /// `input` and `out`: `rows * width` floats. `scale`: `width` floats.
    ///
    /// # Panics
    /// When a length does not fit, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        [rows, width]: [usize; 2],
        input: &'a [f32],
        scale: &'a [f32],
        epsilon: f32,
        out: SharedMut<'a, f32>,
    ) -> RmsNorm<'a> {
        RmsNorm(Rows::new(isa, false, [rows, width], input, (scale, None), epsilon, out.into()))
    }
}

#[derive(Debug)]
struct Rows<'a> {
    token: Token,
    is_centered: bool,
    width: usize,
    input: &'a [f32],
    scale: &'a [f32],
    bias: Option<&'a [f32]>,
    epsilon: f32,
    out: FloatsMut<'a>,
    pieces: Pieces,
}

impl<'a> Rows<'a> {
    fn new(
        isa: Isa,
        is_centered: bool,
        [rows, width]: [usize; 2],
        input: &'a [f32],
        (scale, bias): (&'a [f32], Option<&'a [f32]>),
        epsilon: f32,
        out: FloatsMut<'a>,
    ) -> Rows<'a> {
        let len = tensor::element_count(&[rows, width]);
        assert_eq!(Some(input.len()), len, "input: rows * width elements expected");
        assert_eq!(out.len(), input.len(), "input and output differ in length");
        assert_eq!(scale.len(), width, "scale: one number per column expected");
        assert!(bias.is_none_or(|bias| bias.len() == width), "bias: one number per column");
        let pieces = Pieces::of_size(rows, PIECE_WORK / width.max(1));
        Rows { token: isa.require(), is_centered, width, input, scale, bias, epsilon, out, pieces }
    }

    fn run(&self, task: usize) {
        for row in self.pieces.range(task) {
            let start = row * self.width;
            match self.out.at(start) {
                Target::F32(target) => self.token.run(Row { call: self, start, target }),
                Target::Bf16(target) => self.token.run_in_bf16(Row { call: self, start, target }),
                Target::U8(target) => self.token.run(Row { call: self, start, target }),
            }
        }
    }
}

struct Row<'c, T> {
    call: &'c Rows<'c>,
    start: usize,
    target: *mut T,
}

impl<T: Stored> Vectorize for Row<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let (call, width) = (self.call, self.call.width);
        // SAFETY: the row, scale and bias have `width` elements, as the constructor checked; the
        // caller vouches for the ISA and the output.
        unsafe {
            let source = call.input.as_ptr().add(self.start);
            let mut mean = 0.0;
            if call.is_centered {
                mean = fold_row::<V, Sum>(source, width) / width as f32;
            }
            let square = fold_row_from::<V, SumSquare>(source, width, mean);
            let factor = 1.0 / (square / width as f32 + call.epsilon).sqrt();
            let mut i = 0;
            while i < width {
                let count = (width - i).min(V::LANES);
                let x = V::load_partial(source.add(i), count);
                let scale = V::load_partial(call.scale.as_ptr().add(i), count);
                let mut y = x.sub(x.fill(mean)).mul(x.fill(factor)).mul(scale);
                if let Some(bias) = call.bias {
                    y = y.add(V::load_partial(bias.as_ptr().add(i), count));
                }
                T::store_partial(y, self.target.add(i), count);
                i += V::LANES;
            }
        }
    }
}

macro_rules! task {
    ($($Call:ident),*) => { $(
        impl Task for $Call<'_> {
            fn tasks(&self) -> usize {
                self.0.pieces.count()
            }

            unsafe fn run(&self, task: usize, _: &mut [u8]) {
                self.0.run(task);
            }
        }
    )* };
}
task!(LayerNorm, RmsNorm);
