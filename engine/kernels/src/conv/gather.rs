//! Which input rows each output pixel sums, as pointers for the tile kernels.

use super::ConvShape;
use crate::floats::Stored;
use crate::matmul::tiles;
use crate::task::{Scratch, scratch_for, take};
use std::ops::Range;

/// How input rows are presented to the tile kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gather {
    /// One pointer per tap, each to the channels of one input pixel.
    Taps,
    /// One pointer per row of the kernel: with few channels, a row of taps is one run of
    /// `columns * channels` numbers of the input. Pixels that overhang the sides are copied.
    Runs,
}

/// Runs up to this length are worth the copies at the sides: some tens of multiply-adds must
/// amortise what each tap costs to start.
const RUN_LEN_MAX: usize = 96;

impl Gather {
    /// The better way for a shape.
    pub(crate) fn of(shape: &ConvShape) -> Gather {
        let run = shape.kernel[1] * shape.in_c;
        let joins = shape.groups == 1 && shape.kernel[1] > 1 && shape.dilations[1] == 1;
        if joins && run <= RUN_LEN_MAX { Gather::Runs } else { Gather::Taps }
    }

    /// Pointers per pixel, and numbers at each.
    pub(crate) fn runs(self, shape: &ConvShape) -> (usize, usize) {
        match self {
            Gather::Taps => (shape.taps(), shape.group_in()),
            Gather::Runs => (shape.kernel[0], shape.kernel[1] * shape.in_c),
        }
    }

    /// Numbers that copies may take.
    fn copied<T>(self, shape: &ConvShape, rows: usize) -> usize {
        let (runs, k) = self.runs(shape);
        match self {
            // Of the last pixels of a line, when their channels fill no whole lanes.
            Gather::Taps if lanes::<T>(k) == k => 0,
            Gather::Taps | Gather::Runs => rows * runs * lanes::<T>(k),
        }
    }

    /// Scratch of a piece of so many pixels.
    pub(crate) fn scratch_bytes<T>(self, shape: &ConvShape, rows: usize) -> usize {
        let (runs, k) = self.runs(shape);
        scratch_for::<*const T>(rows * runs)
            + scratch_for::<T>(lanes::<T>(k))
            + scratch_for::<T>(self.copied::<T>(shape, rows))
    }
}

/// `k` numbers as whole lanes of 4 bytes.
fn lanes<T>(k: usize) -> usize {
    k.next_multiple_of(size_of::<f32>() / size_of::<T>())
}

/// Pointers to the runs of some pixels, as [`crate::matmul::Block::run`] takes them: tile by tile
/// of at most `most` rows. A run of an odd number of bf16 is followed by another one, which is
/// finite if its line of the input is. `padding` is what lies around the input.
pub(super) fn point<'s, T: Stored + Scratch + Default>(
    shape: &ConvShape,
    (input, padding): (&[T], T),
    group: usize,
    pixels: Range<usize>,
    most: usize,
    scratch: &mut &'s mut [u8],
) -> &'s [*const T] {
    let gather = Gather::of(shape);
    let (runs, k) = gather.runs(shape);
    let pointers = take::<*const T>(scratch, pixels.len() * runs);
    let zeros = take::<T>(scratch, lanes::<T>(k));
    zeros.fill(padding);
    let copies = take::<T>(scratch, gather.copied::<T>(shape, pixels.len()));
    let spare = lanes::<T>(k) - k;
    if shape.is_pointwise() && spare == 0 {
        let start = pixels.start * shape.in_c + group * shape.group_in();
        for (row, pointer) in pointers.iter_mut().enumerate() {
            *pointer = input.as_ptr().wrapping_add(start + row * shape.in_c);
        }
        return pointers;
    }
    let mut rows = Rows { shape, input, group, zeros, padding, copies, spare };
    let mut pixel = Pixel::new(shape, pixels.start);
    for (first, count) in tiles(pixels.len(), most) {
        let table = &mut pointers[first * runs..(first + count) * runs];
        for row in 0..count {
            rows.point(&pixel, gather, row, count, table);
            pixel.step(shape);
        }
    }
    pointers
}

/// An output pixel.
struct Pixel {
    image: usize,
    line: usize,
    column: usize,
}

impl Pixel {
    fn new(shape: &ConvShape, index: usize) -> Pixel {
        let line = index / shape.out_w;
        Pixel { image: line / shape.out_h, line: line % shape.out_h, column: index % shape.out_w }
    }

    /// The next one.
    fn step(&mut self, shape: &ConvShape) {
        self.column += 1;
        if self.column == shape.out_w {
            (self.line, self.column) = (self.line + 1, 0);
            if self.line == shape.out_h {
                (self.image, self.line) = (self.image + 1, 0);
            }
        }
    }
}

/// Finds the input rows of output pixels.
struct Rows<'s, T> {
    shape: &'s ConvShape,
    input: &'s [T],
    group: usize,
    zeros: &'s [T],
    padding: T,
    copies: &'s mut [T],
    /// Numbers of the last lane of a run that are none of its own, and multiplied by zero.
    spare: usize,
}

impl<T: Stored + Default> Rows<'_, T> {
    /// Points `table[run * stride + row]` at what run `run` of an output pixel sees.
    fn point(
        &mut self,
        pixel: &Pixel,
        gather: Gather,
        row: usize,
        stride: usize,
        table: &mut [*const T],
    ) {
        let shape = self.shape;
        let [kernel_rows, kernel_columns] = shape.kernel;
        let inside = self.inside(pixel.column);
        for i in 0..kernel_rows {
            let line = shape.source(0, pixel.line, i);
            let line = line.map(|y| (pixel.image * shape.in_h + y) * shape.in_w);
            match (gather, line.zip(inside)) {
                (Gather::Runs, Some((line, first))) => {
                    let start = (line + first) * shape.in_c;
                    table[i * stride + row] = self.input.as_ptr().wrapping_add(start);
                }
                (Gather::Taps, Some((line, first))) => {
                    let start = (line + first) * shape.in_c + self.group * shape.group_in();
                    let mut tap = self.input.as_ptr().wrapping_add(start);
                    for j in 0..kernel_columns {
                        table[(i * kernel_columns + j) * stride + row] = tap;
                        tap = tap.wrapping_add(shape.dilations[1] * shape.in_c);
                    }
                }
                (Gather::Runs, None) => table[i * stride + row] = self.run(line, pixel.column),
                (Gather::Taps, None) => {
                    for j in 0..kernel_columns {
                        let at = line.zip(shape.source(1, pixel.column, j));
                        table[(i * kernel_columns + j) * stride + row] = self.tap(at);
                    }
                }
            }
        }
    }

    /// The column of the input under the first tap, when nothing that a row of taps reads of a line
    /// is padding or of the next line.
    fn inside(&self, column: usize) -> Option<usize> {
        let first = self.shape.source(1, column, 0)?;
        let last = self.shape.source(1, column, self.shape.kernel[1].saturating_sub(1))?;
        self.has_spare(last).then_some(first)
    }

    /// Are all numbers of the last lane of this pixel of a line?
    fn has_spare(&self, column: usize) -> bool {
        (self.shape.in_w - 1 - column) * self.shape.in_c >= self.spare
    }

    /// The channels of the group at an input pixel, or zeros.
    fn tap(&mut self, at: Option<(usize, usize)>) -> *const T {
        let Some((line, column)) = at else { return self.zeros.as_ptr() };
        let shape = self.shape;
        let first = (line + column) * shape.in_c + self.group * shape.group_in();
        let channels = &self.input[first..first + shape.group_in()];
        if self.has_spare(column) {
            return channels.as_ptr();
        }
        let copy = self.take(channels.len());
        copy[..channels.len()].copy_from_slice(channels);
        copy.as_ptr()
    }

    /// A copy of the run of input pixels under a row of taps, some of which are padding, or zeros.
    fn run(&mut self, line: Option<usize>, column: usize) -> *const T {
        let Some(line) = line else { return self.zeros.as_ptr() };
        let (shape, input) = (self.shape, self.input);
        let (taps, channels) = (shape.kernel[1], shape.in_c);
        let copy = self.take(taps * channels);
        for (tap, target) in copy.chunks_exact_mut(channels.max(1)).take(taps).enumerate() {
            if let Some(x) = shape.source(1, column, tap) {
                let start = (line + x) * channels;
                target.copy_from_slice(&input[start..start + channels]);
            }
        }
        copy.as_ptr()
    }

    /// Padding, room for a copy of `k` numbers, as whole lanes.
    fn take(&mut self, k: usize) -> &mut [T] {
        let (copy, rest) = std::mem::take(&mut self.copies).split_at_mut(lanes::<T>(k));
        self.copies = rest;
        copy.fill(self.padding);
        copy
    }
}
