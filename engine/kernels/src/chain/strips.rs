//! The strips of one task.

use super::{Chain, STAGES_MAX, between, stage_on};
use crate::conv::ConvShape;
use crate::matmul::Epilogue;
use crate::task::{SharedMut, take};
use crate::{Floats, FloatsMut};
use std::ops::Range;

/// The convolution of some rows of the output of one image: its sizes, and the rows of the input
/// that it sees.
pub(super) fn window(shape: &ConvShape, rows: Range<usize>) -> (ConvShape, Range<usize>) {
    let (stride, pad) = (shape.strides[0], shape.pads[0]);
    let span = (shape.kernel[0] - 1) * shape.dilations[0] + 1;
    let start = (rows.start * stride).saturating_sub(pad).min(shape.in_h);
    let end = ((rows.end - 1) * stride + span).saturating_sub(pad).clamp(start, shape.in_h);
    let pads = [pad.saturating_sub(rows.start * stride), shape.pads[1], 0, shape.pads[3]];
    let part = ConvShape { batch: 1, in_h: end - start, out_h: rows.len(), pads, ..*shape };
    (part, start..end)
}

/// The rows after a stage that are at hand, from the first row of their buffer on.
struct Rows<'s> {
    /// On the boundary of a cache line.
    bytes: &'s mut [u8],
    have: Range<usize>,
}

struct Strips<'c, 's> {
    chain: &'c Chain<'c>,
    image: usize,
    rows: [Rows<'s>; STAGES_MAX],
    scratch: &'s mut [u8],
}

/// Makes rows `lines` of the last output of one image.
///
/// # Safety
/// As [`crate::Task::run`].
pub(super) unsafe fn run(
    chain: &Chain<'_>,
    image: usize,
    lines: Range<usize>,
    mut scratch: &mut [u8],
) {
    let bytes = between(chain.stages, chain.strip);
    let rows = bytes.map(|count| Rows { bytes: take(&mut scratch, count), have: 0..0 });
    let mut strips = Strips { chain, image, rows, scratch };
    let last = chain.stages.len() - 1;
    let (shape, epilogue) = (&chain.stages[last].shape, &chain.stages[last].epilogue);
    let line = shape.out_w * shape.out_c;
    for start in lines.clone().step_by(chain.strip) {
        let strip = start..(start + chain.strip).min(lines.end);
        let first = (image * shape.out_h + strip.start) * line;
        let range = first..first + strip.len() * line;
        let residual = epilogue.residual.map(|all| all.part(range.clone()));
        let epilogue = Epilogue { residual, ..*epilogue };
        // SAFETY: these rows of the output belong to this task alone.
        unsafe { strips.make(last, strip, epilogue, chain.out.part(range)) };
    }
}

impl Strips<'_, '_> {
    /// Makes some rows of the output of a stage, and what they need before.
    ///
    /// # Safety
    /// The CPU has the ISA, and nobody else touches `out`.
    unsafe fn make(
        &mut self,
        at: usize,
        rows: Range<usize>,
        epilogue: Epilogue<'_>,
        out: FloatsMut<'_>,
    ) {
        let chain = self.chain;
        let stage = &chain.stages[at];
        let (shape, seen) = window(&stage.shape, rows);
        let line = shape.in_w * shape.in_c;
        if at == 0 {
            let first = self.image * stage.shape.in_h;
            let input = chain.input.part((first + seen.start) * line..(first + seen.end) * line);
            // SAFETY: the caller's.
            unsafe { stage_on(chain.isa, stage, &shape, input, epilogue, out, self.scratch) };
            return;
        }
        // SAFETY: the caller's; the buffer of the stage before is this task's own.
        unsafe {
            self.fetch(at - 1, seen.clone());
            let before = &chain.stages[at - 1];
            let bytes = &self.rows[at - 1].bytes[..seen.len() * before.line_bytes()];
            let input = if before.is_bf16 {
                Floats::Bf16(bytemuck::cast_slice(bytes))
            } else {
                Floats::F32(bytemuck::cast_slice(bytes))
            };
            stage_on(chain.isa, stage, &shape, input, epilogue, out, self.scratch);
        }
    }

    /// Brings rows `wanted` after stage `at` into its buffer, from the first place on. Rows that
    /// are there move; the others are made. Wanted rows never lie before those at hand.
    ///
    /// # Safety
    /// The CPU has the ISA.
    unsafe fn fetch(&mut self, at: usize, wanted: Range<usize>) {
        let stage = &self.chain.stages[at];
        let line = stage.line_bytes();
        let Rows { bytes, have } = &mut self.rows[at];
        let kept =
            if have.contains(&wanted.start) { have.end.min(wanted.end) } else { wanted.start };
        if kept > wanted.start {
            let from = wanted.start - have.start;
            bytes.copy_within(from * line..(kept - have.start) * line, 0);
        }
        *have = wanted.clone();
        if kept == wanted.end {
            return;
        }
        let target = &mut bytes[(kept - wanted.start) * line..(wanted.end - wanted.start) * line];
        let (start, len) = (target.as_mut_ptr(), target.len());
        // SAFETY: stages before this one write to other buffers, so these bytes, which outlive
        // the call, are touched by it alone.
        unsafe {
            let out: SharedMut<'_, u8> = SharedMut::from_raw_parts(start, len);
            let out = if stage.is_bf16 {
                FloatsMut::Bf16(out.cast())
            } else {
                FloatsMut::F32(out.cast())
            };
            self.make(at, kept..wanted.end, stage.epilogue, out);
        }
    }
}
