//! Which input rows each output pixel sums, as pointers for the tile kernels.
//!
//! ```text
//! for a block of output pixels:
//!     point at the input under each tap of each pixel (padding: at zeros)
//!     run the tiles of the block over taps
//! ```

use super::{Conv, ConvShape};
use crate::matmul::{Block, Kernel, PANEL, Packed, narrow, tiles};
use crate::task::{scratch_for, take};

/// How input rows are presented to the tile kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gather {
    /// One pointer per tap, each to the channels of one input pixel.
    Taps,
    /// One pointer per row of the kernel: with few channels, a row of taps is one run of
    /// `columns * channels` floats of the input. Pixels that overhang the sides are copied.
    Runs,
}

/// Runs up to this length are worth the copies at the sides: some tens of multiply-adds must
/// amortise what each tap costs to start.
const RUN_FLOATS_MAX: usize = 96;

impl Gather {
    /// The better way for a shape.
    pub(crate) fn of(shape: &ConvShape) -> Gather {
        let run = shape.kernel[1] * shape.in_c;
        let joins = shape.groups == 1 && shape.kernel[1] > 1 && shape.dilations[1] == 1;
        if joins && run <= RUN_FLOATS_MAX { Gather::Runs } else { Gather::Taps }
    }

    /// Pointers per pixel, and floats at each.
    fn sizes(self, shape: &ConvShape) -> (usize, usize) {
        match self {
            Gather::Taps => (shape.taps(), shape.group_in()),
            Gather::Runs => (shape.kernel[0], shape.kernel[1] * shape.in_c),
        }
    }

    /// Floats that copies may take.
    fn copied(self, shape: &ConvShape, rows: usize) -> usize {
        let (taps, k) = self.sizes(shape);
        match self {
            Gather::Taps => 0,
            Gather::Runs => rows * taps * k,
        }
    }

    /// Scratch of a piece of so many pixels.
    pub(crate) fn scratch_bytes(self, shape: &ConvShape, rows: usize) -> usize {
        let (taps, k) = self.sizes(shape);
        scratch_for::<*const f32>(rows * taps)
            + scratch_for::<f32>(k)
            + scratch_for::<f32>(self.copied(shape, rows))
    }
}

/// # Safety
/// As [`crate::Task::run`].
pub(super) unsafe fn run(conv: &Conv<'_>, task: usize, mut scratch: &mut [u8]) {
    let shape = &conv.shape;
    let (group, piece) = (task / conv.grid.count(), task % conv.grid.count());
    let (pixels, columns) = conv.grid.piece(piece);
    let isa = conv.token.isa();
    let most = match conv.weights {
        Packed::F32(_) => Kernel::of(isa).rows(),
        Packed::Bf16(_) => Kernel::bf16(isa).kernel.rows(),
    };
    let (taps, k) = conv.gather.sizes(shape);
    let pointers = take::<*const f32>(&mut scratch, pixels.len() * taps);
    let zeros = take::<f32>(&mut scratch, k);
    zeros.fill(0.0);
    let copies = take::<f32>(&mut scratch, conv.gather.copied(shape, pixels.len()));
    let mut rows = Rows { conv, group, zeros, copies };
    if shape.is_pointwise() {
        rows.point_pointwise(pixels.start, pointers);
    }
    let tiles = tiles(pixels.len(), most).filter(|_| !shape.is_pointwise());
    for (first, count) in tiles {
        let table = &mut pointers[first * taps..(first + count) * taps];
        for row in 0..count {
            rows.point(pixels.start + first + row, row, count, table);
        }
    }
    let (kernel, pointers, taps, k) = match conv.weights {
        Packed::F32(_) => (Kernel::of(isa), &*pointers, taps, k),
        Packed::Bf16(_) => {
            let bf16 = Kernel::bf16(isa);
            let sizes = [pixels.len(), taps, k];
            // SAFETY: the token proves the ISA; every pointer is to `k` floats of the input, of
            // zeros or of a copy.
            let narrowed =
                unsafe { narrow::narrow_rows(bf16.narrow, sizes, most, pointers, &mut scratch) };
            (&bf16.kernel, narrowed, 1, conv.weights.lanes(taps * k))
        }
    };
    let group_out = shape.group_out();
    let panel_stride = conv.weights.lanes(shape.depth()) * PANEL;
    let panel = group * group_out.div_ceil(PANEL) + columns.start / PANEL;
    let channel = group * group_out + columns.start;
    let origin = pixels.start * shape.out_c + channel;
    let at = |part: Option<&[f32]>, start: usize| match part {
        Some(part) => part.as_ptr().wrapping_add(start),
        None => std::ptr::null(),
    };
    let block = Block {
        kernel,
        token: conv.token,
        rows: pixels.len(),
        columns: columns.len(),
        taps,
        k,
        b: conv.weights.as_ptr().wrapping_add(panel * panel_stride),
        panel_stride,
        c: conv.out.as_mut_ptr().wrapping_add(origin),
        c_stride: shape.out_c,
        bias: at(conv.epilogue.bias, channel),
        residual: at(conv.epilogue.residual, origin),
        scale: 1.0,
        scales: std::ptr::null(),
        clamp: conv.clamp,
    };
    // SAFETY: the token proves the ISA; the constructor checked all lengths against the shape,
    // and every pointer is to `k` floats of the input, of zeros or of a copy.
    unsafe { block.run(pointers) }
}

/// Finds the input rows of output pixels.
struct Rows<'c, 's> {
    conv: &'c Conv<'c>,
    group: usize,
    zeros: &'s [f32],
    copies: &'s mut [f32],
}

impl Rows<'_, '_> {
    /// Each output pixel sees the input pixel of its own place.
    fn point_pointwise(&self, first: usize, table: &mut [*const f32]) {
        let shape = &self.conv.shape;
        let start = first * shape.in_c + self.group * shape.group_in();
        for (row, pointer) in table.iter_mut().enumerate() {
            *pointer = self.conv.input.as_ptr().wrapping_add(start + row * shape.in_c);
        }
    }

    /// Points `table[tap * stride + row]` at what tap `tap` of output pixel `pixel` sees.
    fn point(&mut self, pixel: usize, row: usize, stride: usize, table: &mut [*const f32]) {
        let shape = &self.conv.shape;
        let column = pixel % shape.out_w;
        let line = pixel / shape.out_w % shape.out_h;
        let image = pixel / shape.out_w / shape.out_h;
        let [kernel_rows, kernel_columns] = shape.kernel;
        for i in 0..kernel_rows {
            let source_line =
                shape.source(0, line, i).map(|y| (image * shape.in_h + y) * shape.in_w);
            match self.conv.gather {
                Gather::Runs => table[i * stride + row] = self.run(source_line, column),
                Gather::Taps => {
                    for j in 0..kernel_columns {
                        let at = source_line.zip(shape.source(1, column, j));
                        table[(i * kernel_columns + j) * stride + row] = self.tap(at);
                    }
                }
            }
        }
    }

    /// The channels of the group at an input pixel, or zeros.
    fn tap(&self, at: Option<(usize, usize)>) -> *const f32 {
        let Some((line, column)) = at else { return self.zeros.as_ptr() };
        let shape = &self.conv.shape;
        let first = (line + column) * shape.in_c + self.group * shape.group_in();
        self.conv.input[first..first + shape.group_in()].as_ptr()
    }

    /// The run of input pixels under a row of taps, copied when some of them are padding.
    fn run(&mut self, line: Option<usize>, column: usize) -> *const f32 {
        let Some(line) = line else { return self.zeros.as_ptr() };
        let shape = &self.conv.shape;
        let (taps, channels) = (shape.kernel[1], shape.in_c);
        let (first, last) = (shape.source(1, column, 0), shape.source(1, column, taps - 1));
        if let (Some(first), Some(_)) = (first, last) {
            let start = (line + first) * channels;
            return self.conv.input[start..start + taps * channels].as_ptr();
        }
        let (copy, rest) = std::mem::take(&mut self.copies).split_at_mut(taps * channels);
        self.copies = rest;
        for (tap, target) in copy.chunks_exact_mut(channels.max(1)).enumerate() {
            match shape.source(1, column, tap) {
                Some(x) => {
                    let start = (line + x) * channels;
                    target.copy_from_slice(&self.conv.input[start..start + channels]);
                }
                None => target.fill(0.0),
            }
        }
        copy.as_ptr()
    }
}
