//! Convolutions that follow each other, strip by strip: the images between them are never
//! written whole, so they stay in the second-level cache.
//!
//! ```text
//! for a strip of rows of the last output:
//!     for each stage, first to last: compute the rows that the next one needs and that the
//!     strip before has not left behind
//! ```
//!
//! Each element is made by the kernel that would make it alone, in the same order of sums, so
//! the result is bit for bit that of the stages one after another.

pub(crate) mod catalogue;
mod strips;

use crate::conv::{self, Conv, ConvShape};
use crate::depthwise::{Depthwise, Taps};
use crate::matmul::{Epilogue, Packed};
use crate::task::{Pieces, Task, scratch_for};
use crate::{Floats, FloatsMut};
use simd::Isa;

/// Stages of the longest chain.
pub const STAGES_MAX: usize = 3;

/// One convolution of a chain.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// Its sizes.
    pub shape: ConvShape,
    /// Does it run as [`Depthwise`]?
    pub is_depthwise: bool,
    /// Its weights, packed as its kernel asks.
    pub weights: Packed<'a>,
    /// What is done to its sums; only the last stage may have a residual.
    pub epilogue: Epilogue<'a>,
    /// Is what it gives rounded to bf16? Of the last stage the output says it.
    pub is_bf16: bool,
}

/// `out = last(… first(input))` for stages of which each takes what the one before it gives.
#[derive(Debug)]
pub struct Chain<'a> {
    isa: Isa,
    stages: &'a [Stage<'a>],
    input: Floats<'a>,
    out: FloatsMut<'a>,
    /// Rows of an output image that go together as one task.
    lines: Pieces,
    /// Rows of the last output that are made at a time.
    strip: usize,
}

/// Bytes that the rows between the stages may take: with the weights beside them they leave room
/// in a second-level cache of 1 MiB.
const STRIP_BYTES: usize = 256 << 10;
/// Tasks make at least so many rows, since their first strip finds no rows left behind.
const TASK_ROWS_MIN: usize = 7;

impl<'a> Chain<'a> {
    /// `parts`: about how many tasks each image is to be cut into; what a task computes for a
    /// pixel does not depend on it.
    ///
    /// # Panics
    /// When there is no stage or too many of them, sizes of neighbours differ, a length does not
    /// fit a shape, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        stages: &'a [Stage<'a>],
        parts: usize,
        input: impl Into<Floats<'a>>,
        out: impl Into<FloatsMut<'a>>,
    ) -> Chain<'a> {
        let (input, out) = (input.into(), out.into());
        assert!((1..=STAGES_MAX).contains(&stages.len()), "{} stages", stages.len());
        for (stage, next) in stages.iter().zip(&stages[1..]) {
            let (a, b) = (&stage.shape, &next.shape);
            let given = [a.batch, a.out_h, a.out_w, a.out_c];
            assert_eq!(given, [b.batch, b.in_h, b.in_w, b.in_c], "stages do not fit");
            assert!(stage.epilogue.residual.is_none(), "a residual before the last stage");
        }
        let (first, last) = (&stages[0].shape, &stages[stages.len() - 1]);
        let counted = tensor::element_count(&[first.batch, first.in_h, first.in_w, first.in_c]);
        assert_eq!(Some(input.len()), counted, "input: N * H * W * C elements expected");
        let (batch, lines) = (last.shape.batch, last.shape.out_h);
        let counted = tensor::element_count(&[batch, lines, last.shape.out_w, last.shape.out_c]);
        assert_eq!(Some(out.len()), counted, "output: N * OH * OW * OC elements expected");
        last.epilogue.check(last.shape.out_c, out.len());
        let size = lines.div_ceil(parts.max(1)).max(TASK_ROWS_MIN);
        let strip = (1..=size).rev().find(|&rows| {
            let bytes: usize = between(stages, rows).iter().sum();
            bytes <= STRIP_BYTES
        });
        let lines = Pieces::of_size(lines, size);
        Chain { isa, stages, input, out, lines, strip: strip.unwrap_or(1) }
    }
}

/// The most rows that each stage makes at a time when the last one makes `rows`.
fn rows_of(stages: &[Stage<'_>], rows: usize) -> [usize; STAGES_MAX] {
    let mut most = [0; STAGES_MAX];
    most[stages.len() - 1] = rows;
    for at in (1..stages.len()).rev() {
        let shape = &stages[at].shape;
        let span = (shape.kernel[0] - 1) * shape.dilations[0] + 1;
        most[at - 1] = ((most[at] - 1) * shape.strides[0] + span).min(shape.in_h);
    }
    most
}

/// Bytes that the rows after each stage but the last take.
fn between(stages: &[Stage<'_>], rows: usize) -> [usize; STAGES_MAX] {
    let most = rows_of(stages, rows);
    let mut bytes = [0; STAGES_MAX];
    for (at, stage) in stages[..stages.len() - 1].iter().enumerate() {
        bytes[at] = most[at] * stage.line_bytes();
    }
    bytes
}

impl Stage<'_> {
    /// Bytes of a row of what it gives.
    fn line_bytes(&self) -> usize {
        self.shape.out_w * self.shape.out_c * self.number_bytes()
    }

    /// Bytes of a number that it gives.
    fn number_bytes(&self) -> usize {
        if self.is_bf16 { size_of::<u16>() } else { size_of::<f32>() }
    }
}

impl Task for Chain<'_> {
    fn tasks(&self) -> usize {
        self.stages[0].shape.batch * self.lines.count()
    }

    fn scratch_bytes(&self) -> usize {
        let between = between(self.stages, self.strip);
        let images: usize = between.iter().map(|&bytes| scratch_for::<u8>(bytes)).sum();
        let most = rows_of(self.stages, self.strip);
        let given = self.stages.iter().map(Stage::number_bytes);
        let given = std::iter::once(self.input.size()).chain(given);
        // Fewer rows may be cut into larger pieces, so every number of rows is asked.
        let own = self.stages.iter().zip(most).zip(given);
        let own = own.filter(|((stage, _), _)| !stage.is_depthwise);
        let own = own.flat_map(|((stage, most), size)| {
            (1..=most).map(move |rows| {
                let part = strips::window(&stage.shape, 0..rows).0;
                let rows = conv::grid(&part, 1).rows();
                Conv::scratch_for(&part, (size, stage.weights), rows)
            })
        });
        images + own.max().unwrap_or(0)
    }

    unsafe fn run(&self, task: usize, scratch: &mut [u8]) {
        let (image, part) = (task / self.lines.count(), task % self.lines.count());
        // SAFETY: the caller's.
        unsafe { strips::run(self, image, self.lines.range(part), scratch) }
    }
}

/// Runs one stage on some rows of one image.
///
/// # Safety
/// As [`Task::run`] for all tasks of the stage.
unsafe fn stage_on(
    isa: Isa,
    stage: &Stage<'_>,
    shape: &ConvShape,
    input: Floats<'_>,
    epilogue: Epilogue<'_>,
    out: FloatsMut<'_>,
    scratch: &mut [u8],
) {
    let all = |task: &dyn Task, scratch: &mut [u8]| {
        for piece in 0..task.tasks() {
            // SAFETY: one piece at a time; the caller vouches for the output.
            unsafe { task.run(piece, scratch) };
        }
    };
    if stage.is_depthwise {
        let taps = Taps::F32(stage.weights.floats());
        all(&Depthwise::new(isa, shape, input, taps, epilogue, out), scratch);
    } else {
        let conv = Conv::new(isa, shape, input, stage.weights, epilogue, out);
        all(&conv.for_threads(1), scratch);
    }
}

#[cfg(test)]
mod tests;
