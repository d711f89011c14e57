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
    let inside = inside(shape, spare);
    let mut rows = Rows { shape, input, group, zeros, padding, copies, spare };
    let mut pixel = Pixel::new(shape, pixels.start);
    for (first, count) in tiles(pixels.len(), most) {
        let table = &mut pointers[first * runs..(first + count) * runs];
        let mut row = 0;
        while row < count {
            let table = Table { pointers: table, stride: count, row };
            let pixels = if inside.contains(&pixel.column) {
                let pixels = (inside.end - pixel.column).min(count - row);
                rows.point_inside(&pixel, pixels, gather, table);
                pixels
            } else {
                rows.point(&pixel, gather, table);
                1
            };
            pixel.advance(pixels, shape);
            row += pixels;
        }
    }
    pointers
}

/// The columns of the output for which nothing that a row of taps reads of a line is padding or,
/// of the `spare` numbers behind the last tap, of the next line.
fn inside(shape: &ConvShape, spare: usize) -> Range<usize> {
    let (stride, pad) = (shape.strides[1].max(1), shape.pads[1]);
    let reach = shape.kernel[1].saturating_sub(1) * shape.dilations[1];
    let beyond = reach + spare.div_ceil(shape.in_c.max(1));
    let end = (shape.in_w + pad).checked_sub(beyond + 1).map_or(0, |last| last / stride + 1);
    pad.div_ceil(stride)..end.min(shape.out_w)
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

    /// The one so many further on, on the same line or the first of the next.
    fn advance(&mut self, pixels: usize, shape: &ConvShape) {
        self.column += pixels;
        if self.column == shape.out_w {
            (self.line, self.column) = (self.line + 1, 0);
            if self.line == shape.out_h {
                (self.image, self.line) = (self.image + 1, 0);
            }
        }
    }
}

/// The pointers of a tile, run by run, `stride` pixels each: `row` is the first to be written.
struct Table<'t, T> {
    pointers: &'t mut [*const T],
    stride: usize,
    row: usize,
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
    /// Points at what the runs of output pixels see that follow each other on a line, all of them
    /// [`inside`].
    fn point_inside(&self, pixel: &Pixel, pixels: usize, gather: Gather, table: Table<'_, T>) {
        let shape = self.shape;
        let (taps, first) = match gather {
            Gather::Taps => (shape.kernel[1], self.group * shape.group_in()),
            Gather::Runs => (1, 0),
        };
        let step = shape.strides[1] * shape.in_c;
        let first = (pixel.column * shape.strides[1] - shape.pads[1]) * shape.in_c + first;
        let mut runs = table.pointers.chunks_exact_mut(table.stride);
        for i in 0..shape.kernel[0] {
            let line = self.line(pixel, i);
            for (tap, run) in runs.by_ref().take(taps).enumerate() {
                let run = &mut run[table.row..table.row + pixels];
                let Some(line) = line else {
                    run.fill(self.zeros.as_ptr());
                    continue;
                };
                let start = line * shape.in_c + first + tap * shape.dilations[1] * shape.in_c;
                for (at, pointer) in run.iter_mut().enumerate() {
                    *pointer = self.input.as_ptr().wrapping_add(start + at * step);
                }
            }
        }
    }

    /// Points at what the runs of an output pixel see.
    fn point(&mut self, pixel: &Pixel, gather: Gather, table: Table<'_, T>) {
        let columns = self.shape.kernel[1];
        for i in 0..self.shape.kernel[0] {
            let line = self.line(pixel, i);
            match gather {
                Gather::Runs => {
                    table.pointers[i * table.stride + table.row] = self.run(line, pixel.column)
                }
                Gather::Taps => {
                    for j in 0..columns {
                        let at = line.zip(self.shape.source(1, pixel.column, j));
                        table.pointers[(i * columns + j) * table.stride + table.row] = self.tap(at);
                    }
                }
            }
        }
    }

    /// The line of the input under row `i` of taps, in pixels; `None` in the padding.
    fn line(&self, pixel: &Pixel, i: usize) -> Option<usize> {
        let y = self.shape.source(0, pixel.line, i)?;
        Some((pixel.image * self.shape.in_h + y) * self.shape.in_w)
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
