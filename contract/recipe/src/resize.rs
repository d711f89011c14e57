//! The resize, level for level as Pillow's (`libImaging/Resample.c`, `Geometry.c`).
//!
//! A model has learned the image that this filter gives, so it is followed to the rounding:
//! weights in 22-bit fixed point, one pass along each axis in Pillow's order, the result of the
//! first rounded and clipped to 8 bits. Integer sums make the answer the same on every machine.
//! (General resize crates sum in 15 bits and choose the order by other rules: up to 15 levels
//! away.)
//!
//! Without antialiasing the model has learned from OpenCV, torch or TensorFlow: both axes are
//! summed at once and the sum rounded once, which is at most a level from each of them.

use crate::{Filter, Limits, Pixels, RecipeError, Resize};
use std::ops::Range;

/// Fraction bits of a weight: 32, less 8 for the level, less 2 for sign and overshoot.
const WEIGHT_BITS: u32 = 32 - 8 - 2;

/// Half of a level, so that the final shift rounds.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// The part of the resized image that is wanted, in its pixels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
}

/// Resizes to `width` × `height` and gives the window of it; what lies outside is not computed.
///
/// Errors: the window exceeds the limits.
pub(crate) fn resize(
    pixels: &Pixels,
    (width, height): (usize, usize),
    window: &Window,
    how: &Resize,
    limits: &Limits,
) -> Result<Pixels, RecipeError> {
    limits.check("after the resize", window.columns.len(), window.rows.len())?;
    let Some(kernel) = Kernel::of(how) else {
        return nearest(pixels, (width, height), window, limits);
    };
    let rows = Taps::new(&kernel, pixels.height(), height, &window.rows);
    let columns = Taps::new(&kernel, pixels.width(), width, &window.columns);
    if !kernel.is_antialiased {
        let levels = match pixels.channels() {
            1 => at_once::<1>(pixels, &columns, &rows),
            _ => at_once::<3>(pixels, &columns, &rows),
        };
        return finish(pixels, window, levels, limits);
    }
    let from = (pixels.width(), pixels.height());
    let levels = match is_vertical_first(from, (width, height)) {
        true => {
            let stride = pixels.width() * pixels.channels();
            let between = vertical(pixels.levels(), &rows, 0, stride);
            horizontal(pixels.channels(), &between, stride, &columns)
        }
        false => {
            let used = rows.used();
            let stride = pixels.width() * pixels.channels();
            let lines = &pixels.levels()[used.start * stride..used.end * stride];
            let between = horizontal(pixels.channels(), lines, stride, &columns);
            vertical(&between, &rows, used.start, window.columns.len() * pixels.channels())
        }
    };
    finish(pixels, window, levels, limits)
}

/// The order of the passes since Pillow 13: an image that loses more than twice as many rows as
/// columns loses its rows first. Before, columns were always the first.
///
/// In this order what lies between the passes is no larger than the larger one of image and result.
fn is_vertical_first(from: (usize, usize), to: (usize, usize)) -> bool {
    let (columns, rows) = (from.0 as i64 - to.0 as i64, from.1 as i64 - to.1 as i64);
    rows > 0 && rows > 2 * columns
}

fn finish(
    pixels: &Pixels,
    window: &Window,
    levels: Vec<u8>,
    limits: &Limits,
) -> Result<Pixels, RecipeError> {
    let (width, height) = (window.columns.len(), window.rows.len());
    // Fails only for a window of no pixels, which no recipe has.
    Pixels::new(width, height, pixels.channels(), levels).ok_or(RecipeError::TooManyPixels {
        stage: "after the resize",
        width,
        height,
        limit: limits.max_pixels,
    })
}

/// A filter's weight by distance, and how far it reaches.
struct Kernel {
    support: f64,
    weight: fn(f64) -> f64,
    /// Is it widened by the scale when it shrinks?
    is_antialiased: bool,
    /// Do inputs beyond the edge count as the edge's? Otherwise they do not count.
    repeats_edges: bool,
}

impl Kernel {
    /// `None` for nearest, which weighs nothing.
    fn of(how: &Resize) -> Option<Kernel> {
        let (support, weight): (f64, fn(f64) -> f64) = match how.filter {
            Filter::Bilinear => (1.0, triangle),
            Filter::Bicubic => (2.0, |x| cubic(x, -0.5)),
            Filter::SharpBicubic => (2.0, |x| cubic(x, -0.75)),
            Filter::Lanczos => (3.0, lanczos),
            Filter::Nearest => return None,
        };
        let repeats_edges = how.filter == Filter::SharpBicubic;
        Some(Kernel { support, weight, is_antialiased: how.antialias, repeats_edges })
    }
}

impl Kernel {
    /// Adds to the first and last weight what inputs beyond the edges weigh.
    fn repeat_edges(&self, center: f64, widening: f64, from: usize, weights: &mut [f64]) {
        let weight = |input: f64| (self.weight)((input - center + 0.5) / widening);
        // One more than the filter reaches: beyond its support it weighs nothing.
        let reach = (self.support * widening).ceil() as usize + 1;
        let beyond = |edge: f64, step: f64| -> f64 {
            (1..=reach).map(|i| weight(edge + step * i as f64)).sum()
        };
        let (before, after) = (beyond(0.0, -1.0), beyond(from as f64 - 1.0, 1.0));
        if let Some(first) = weights.first_mut() {
            *first += before;
        }
        if let Some(last) = weights.last_mut() {
            *last += after;
        }
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic convolution.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// Along one axis: for each wanted output, the first input and the weights from there on.
struct Taps {
    outputs: Vec<(usize, Range<usize>)>,
    weights: Vec<i32>,
}

impl Taps {
    fn new(kernel: &Kernel, from: usize, to: usize, wanted: &Range<usize>) -> Taps {
        let mut taps = Taps { outputs: Vec::with_capacity(wanted.len()), weights: Vec::new() };
        if from == to {
            // Pillow leaves out the pass of an axis that keeps its size.
            taps.weights.push(1 << WEIGHT_BITS);
            taps.outputs.extend(wanted.clone().map(|output| (output, 0..1)));
            return taps;
        }
        let scale = from as f64 / to as f64;
        // Shrinking widens the filter to the inputs that an output covers: antialiasing.
        let widening = if kernel.is_antialiased { scale.max(1.0) } else { 1.0 };
        let support = kernel.support * widening;
        let mut exact = Vec::new();
        for output in wanted.clone() {
            let center = (output as f64 + 0.5) * scale;
            // Casts truncate and saturate at zero, as the original's do with its clamp.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let distance = |input: usize| (input as f64 - center + 0.5) / widening;
            exact.clear();
            exact.extend((first..end).map(|input| (kernel.weight)(distance(input))));
            if kernel.repeats_edges {
                kernel.repeat_edges(center, widening, from, &mut exact);
            }
            let sum: f64 = exact.iter().sum();
            let start = taps.weights.len();
            taps.weights.extend(exact.iter().map(|w| fixed_point(w / sum)));
            taps.outputs.push((first, start..taps.weights.len()));
        }
        taps
    }

    /// The inputs from the first to the last that any output takes.
    fn used(&self) -> Range<usize> {
        let start = self.outputs.iter().map(|(first, _)| *first).min().unwrap_or(0);
        let end = self.outputs.iter().map(|(first, w)| first + w.len()).max().unwrap_or(0);
        start..end
    }
}

/// Rounded half away from zero.
fn fixed_point(weight: f64) -> i32 {
    (weight * f64::from(1 << WEIGHT_BITS)).round() as i32
}

fn level(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// Rows of `stride` levels, each resized along its width: `[rows, outputs, channels]`.
fn horizontal(channels: usize, levels: &[u8], stride: usize, taps: &Taps) -> Vec<u8> {
    match channels {
        1 => horizontal_of::<1>(levels, stride, taps),
        _ => horizontal_of::<3>(levels, stride, taps),
    }
}

fn horizontal_of<const C: usize>(levels: &[u8], stride: usize, taps: &Taps) -> Vec<u8> {
    let mut out = Vec::with_capacity(levels.len() / stride * taps.outputs.len() * C);
    for row in levels.chunks_exact(stride) {
        for (first, weights) in &taps.outputs {
            let weights = &taps.weights[weights.clone()];
            let inputs = &row[first * C..(first + weights.len()) * C];
            let mut sums = [HALF; C];
            for (input, weight) in inputs.as_chunks::<C>().0.iter().zip(weights) {
                for (sum, &level) in sums.iter_mut().zip(input) {
                    *sum += i32::from(level) * weight;
                }
            }
            out.extend(sums.map(level));
        }
    }
    out
}

/// Rows of `stride` levels, the first being input row `start`, resized along the height.
fn vertical(between: &[u8], taps: &Taps, start: usize, stride: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(taps.outputs.len() * stride);
    let mut sums = vec![0; stride];
    for (first, weights) in &taps.outputs {
        sums.fill(HALF);
        let rows = between[(first - start) * stride..].chunks_exact(stride);
        for (row, &weight) in rows.zip(&taps.weights[weights.clone()]) {
            for (sum, &level) in sums.iter_mut().zip(row) {
                *sum += i32::from(level) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| level(sum)));
    }
    out
}

/// Both axes at once, in exact integers: `[rows, columns, C]`. For filters of few weights; a
/// cubic's overshoot along one axis is not clipped before the other is summed.
fn at_once<const C: usize>(pixels: &Pixels, columns: &Taps, rows: &Taps) -> Vec<u8> {
    const BITS: u32 = 2 * WEIGHT_BITS;
    let stride = pixels.width() * C;
    let mut out = Vec::with_capacity(rows.outputs.len() * columns.outputs.len() * C);
    for (top, row_weights) in &rows.outputs {
        let lines = pixels.levels()[top * stride..].chunks_exact(stride);
        for (left, weights) in &columns.outputs {
            let weights = &columns.weights[weights.clone()];
            let mut sums = [1 << (BITS - 1); C];
            for (line, &weight) in lines.clone().zip(&rows.weights[row_weights.clone()]) {
                let inputs = line[left * C..(left + weights.len()) * C].as_chunks::<C>().0;
                for (input, &along) in inputs.iter().zip(weights) {
                    let weight = i64::from(along) * i64::from(weight);
                    for (sum, &level) in sums.iter_mut().zip(input) {
                        *sum += i64::from(level) * weight;
                    }
                }
            }
            out.extend(sums.map(|sum| (sum >> BITS).clamp(0, 255) as u8));
        }
    }
    out
}

fn nearest(
    pixels: &Pixels,
    (width, height): (usize, usize),
    window: &Window,
    limits: &Limits,
) -> Result<Pixels, RecipeError> {
    let columns = nearest_inputs(pixels.width(), width, &window.columns);
    let rows = nearest_inputs(pixels.height(), height, &window.rows);
    let channels = pixels.channels();
    let mut levels = Vec::with_capacity(columns.len() * rows.len() * channels);
    for row in rows {
        for &column in &columns {
            let at = (row * pixels.width() + column) * channels;
            levels.extend_from_slice(&pixels.levels()[at..at + channels]);
        }
    }
    finish(pixels, window, levels, limits)
}

/// Outputs before the wanted ones over which centers are added up, some microseconds: more lie
/// beside a crop only where an image is thousands of times as long as it is wide.
const SUMMED_MAX: usize = 1 << 16;

/// The input in which the center of each wanted output lies.
///
/// Pillow adds the scale up from output to output. Where a center lies between two inputs, what
/// that sum was rounded to decides, so it is added up here as well.
fn nearest_inputs(from: usize, to: usize, wanted: &Range<usize>) -> Vec<usize> {
    let scale = from as f64 / to as f64;
    let first = if wanted.start <= SUMMED_MAX { 0 } else { wanted.start };
    let mut center = (first as f64 + 0.5) * scale;
    let inputs = (first..wanted.end).map(|_| {
        let input = center as usize;
        center += scale;
        input.min(from - 1)
    });
    inputs.skip(wanted.start - first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResizeTo;

    fn every_resize() -> Vec<Resize> {
        let filters = [
            Filter::Bilinear,
            Filter::Bicubic,
            Filter::SharpBicubic,
            Filter::Lanczos,
            Filter::Nearest,
        ];
        // What it is resized to is given beside it.
        let to = ResizeTo::Shortest(1);
        let of = |antialias| filters.map(|filter| Resize { to, filter, antialias });
        [of(true), of(false)].concat()
    }

    #[test]
    fn a_window_is_that_part_of_the_whole() {
        let levels =
            (0..37 * 23 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let pixels = Pixels::new(37, 23, 3, levels).unwrap();
        let limits = Limits::default();
        for how in every_resize() {
            for (width, height) in [(16, 11), (37, 40), (90, 23)] {
                let whole = Window { columns: 0..width, rows: 0..height };
                let part = Window { columns: 3..9, rows: 2..10 };
                let whole = resize(&pixels, (width, height), &whole, &how, &limits).unwrap();
                let part = resize(&pixels, (width, height), &part, &how, &limits).unwrap();
                for y in 0..8 {
                    let expected = &whole.levels()[((y + 2) * width + 3) * 3..][..18];
                    assert_eq!(&part.levels()[y * 18..][..18], expected, "{how:?} row {y}");
                }
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat() {
        for how in every_resize() {
            for level in [0, 1, 128, 255] {
                let pixels = Pixels::new(50, 1, 1, vec![level; 50]).unwrap();
                let window = Window { columns: 0..7, rows: 0..9 };
                let small = resize(&pixels, (7, 9), &window, &how, &Limits::default()).unwrap();
                assert!(small.levels().iter().all(|&l| l == level), "{how:?} {level}");
            }
        }
    }
}
