//! A piece of the output: tiles over gathered rows.
//!
//! ```text
//! for a block of output pixels:
//!     point at the input under each run of taps of each pixel (padding: at zeros)
//!     run the tiles of the block over runs
//! ```

use super::Conv;
use super::gather::{Gather, point};
use crate::Floats;
use crate::matmul::{Block, Kernel, PANEL, Packed, narrow};
use std::ops::Range;

/// # Safety
/// As [`crate::Task::run`].
pub(super) unsafe fn run(conv: &Conv<'_>, task: usize, mut scratch: &mut [u8]) {
    let shape = &conv.shape;
    let (group, piece) = (task / conv.grid.count(), task % conv.grid.count());
    let (pixels, columns) = conv.grid.piece(piece);
    let Runs { pointers, taps, lanes } = gather(conv, group, pixels.clone(), &mut scratch);
    let group_out = shape.group_out();
    let panel_stride = taps * lanes * PANEL;
    let panel = group * group_out.div_ceil(PANEL) + columns.start / PANEL;
    let channel = group * group_out + columns.start;
    let origin = pixels.start * shape.out_c + channel;
    let block = Block {
        kernel: conv.weights.kernel(conv.token.isa()),
        token: conv.token,
        rows: pixels.len(),
        columns: columns.len(),
        taps,
        k: lanes,
        b: conv.weights.as_ptr().wrapping_add(panel * panel_stride),
        panel_stride,
        next: None,
        c: conv.out.at(origin),
        c_stride: shape.out_c,
        bias: conv.epilogue.bias_at(channel),
        residual: conv.epilogue.residual_at(origin),
        residual_scale: conv.epilogue.residual_scale,
        rounding: conv.epilogue.rounding,
        row_scales: std::ptr::null(),
        scales: conv.weights.scales_at(channel),
        clamp: conv.clamp,
        steps: conv.epilogue.steps,
    };
    // SAFETY: the token proves the ISA; the constructor checked all lengths against the shape,
    // and every pointer is to so many lanes of the input, of zeros or of a copy.
    unsafe { block.run(pointers) }
}

/// What the pixels of a block sum.
struct Runs<'s> {
    pointers: &'s [*const f32],
    taps: usize,
    /// Lanes at each pointer.
    lanes: usize,
}

/// Points at the lanes that each pixel sums, which are rounded where they have to be.
fn gather<'s>(
    conv: &Conv<'_>,
    group: usize,
    pixels: Range<usize>,
    scratch: &mut &'s mut [u8],
) -> Runs<'s> {
    let (shape, isa) = (&conv.shape, conv.token.isa());
    let (taps, k) = Gather::of(shape).runs(shape);
    let most = conv.weights.kernel(isa).rows();
    let (rows, pairs) = (pixels.len(), k.div_ceil(2));
    match (conv.input, conv.weights) {
        (Floats::F32(input), Packed::Bf16(_)) => {
            let pointers = point(shape, (input, 0.0), group, pixels, most, scratch);
            let narrow = Kernel::bf16(isa).narrow;
            // SAFETY: the token proves the ISA; every pointer is to `k` floats.
            let pointers =
                unsafe { narrow::narrow_rows(narrow, [rows, taps, k], most, pointers, scratch) };
            Runs { pointers, taps: 1, lanes: taps * pairs }
        }
        (Floats::F32(input), _) => {
            let pointers = point(shape, (input, 0.0), group, pixels, most, scratch);
            Runs { pointers, taps, lanes: k }
        }
        (Floats::Bf16(input), _) => {
            let pointers = point(shape, (input, 0), group, pixels, most, scratch);
            Runs { pointers: as_lanes(pointers), taps, lanes: pairs }
        }
        (Floats::U8(input), _) => {
            let zero = conv.weights.zero();
            let pointers = point(shape, (input, zero), group, pixels, most, scratch);
            Runs { pointers: as_lanes(pointers), taps, lanes: k.div_ceil(4) }
        }
    }
}

/// Addresses of numbers, to be read as lanes of several.
fn as_lanes<T>(pointers: &[*const T]) -> &[*const f32] {
    // SAFETY: addresses are of one size, whatever lies there.
    unsafe { std::slice::from_raw_parts(pointers.as_ptr().cast(), pointers.len()) }
}
