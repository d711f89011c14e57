//! ONNX GridSample-16,20,22.

use crate::interpolation::{Taps, combine, sum};
use crate::resize::cubic;
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut, row_major_strides};

/// `(x[N, C, in…], grid[N, out…, A])`: the images read where the grid says, `[N, C, out…]`. The
/// grid names a place by `A` numbers from -1 to 1, that of the last axis first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridSample {
    /// How elements between others are made.
    pub sampling: Sampling,
    /// What lies outside of the image.
    pub outside: Outside,
    /// Do -1 and 1 name the centers of the first and last elements, or their outer edges?
    pub aligns_corners: bool,
}

/// How elements between others are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// The nearest one, of two that with the even index.
    Nearest,
    /// Of the two around it on each axis.
    Linear,
    /// Of the four around it on each axis, by cubic convolution (Keys, 1981) with -0.75.
    Cubic,
}

/// What lies outside of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Zeros.
    Zeros,
    /// The elements at the edge.
    Edge,
    /// The image mirrored at its edges.
    Reflection,
}

impl Compute for GridSample {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, grid] = exactly(inputs, "2")?;
        require_type(1, grid, DType::is_float, "floats")?;
        if x.rank() < 3 {
            let (expected, found) = ("at least 3".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        }
        if grid.rank() != x.rank() {
            let (expected, found) = (x.rank().to_string(), grid.shape.clone());
            return Err(RuleError::Rank { input: 1, expected, found });
        }
        same_size("the batch", &x.shape[0], &grid.shape[0])?;
        let axes = grid.rank() - 2;
        same_size("the last axis of the grid", &Dim::from(axes), &grid.shape[axes + 1])?;
        let shape = [&x.shape[..2], &grid.shape[1..=axes]].concat();
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, grid) = (numbers::read_floats(&inputs[0]), numbers::read_floats(&inputs[1]));
        let [batch, channels] = [0, 1].map(|axis| inputs[0].shape[axis]);
        let sizes = &inputs[0].shape[2..];
        let (plane, axes) = (sizes.iter().product::<usize>(), sizes.len());
        let places: usize = outputs[0].shape[2..].iter().product();
        let mut made = vec![0.0; outputs[0].len()];
        if plane == 0 {
            return Err(ComputeError::Index { index: 0, size: 0 });
        }
        let (strides, mut each) = (row_major_strides(sizes), vec![Taps::new(); axes]);
        let mut taps = Taps::new();
        for (n, place) in (0..batch).flat_map(|n| (0..places).map(move |place| (n, place))) {
            let coordinates = &grid[(n * places + place) * axes..][..axes];
            for (axis, &x) in coordinates.iter().rev().enumerate() {
                self.seek(x, sizes[axis], &mut each[axis]);
            }
            combine(&each, &strides, &mut taps);
            for channel in n * channels..(n + 1) * channels {
                made[channel * places + place] = sum(&x[channel * plane..][..plane], &taps);
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl GridSample {
    /// Puts the elements of an axis that make the one at a coordinate from -1 to 1 in place of
    /// what `taps` holds.
    fn seek(&self, coordinate: f64, size: usize, taps: &mut Taps) {
        let last = size as f64 - 1.0;
        let (low, high) = if self.aligns_corners { (0.0, last) } else { (-0.5, last + 0.5) };
        let mut place = low + (coordinate + 1.0) / 2.0 * (high - low);
        if self.sampling == Sampling::Nearest {
            place = place.round_ties_even();
        }
        if place < low || place > high {
            place = match self.outside {
                Outside::Zeros => place,
                Outside::Edge => place.clamp(0.0, last),
                Outside::Reflection => reflected(place, low, high),
            };
        }
        let before = place.floor();
        let ratio = place - before;
        let kernel: &[(i64, f64)] = match self.sampling {
            Sampling::Nearest => &[(0, 1.0)],
            Sampling::Linear => &[(0, 1.0 - ratio), (1, ratio)],
            Sampling::Cubic => {
                &[-1, 0, 1, 2].map(|at| (at, cubic((at as f64 - ratio).abs(), -0.75)))
            }
        };
        let tap = |&(offset, weight): &(i64, f64)| {
            let index = (before as i64).saturating_add(offset);
            let is_inside = (0..size as i64).contains(&index);
            let index = match self.outside {
                _ if is_inside => index,
                Outside::Zeros => return None,
                Outside::Edge => index.clamp(0, size as i64 - 1),
                Outside::Reflection => reflected(index as f64, low, high) as i64,
            };
            Some((index.clamp(0, size as i64 - 1) as usize, weight))
        };
        taps.clear();
        taps.extend(kernel.iter().filter_map(tap));
    }
}

/// A place mirrored at the edges until it lies between them.
fn reflected(place: f64, low: f64, high: f64) -> f64 {
    let range = high - low;
    let beyond = if place < low { low - place } else { (place - high).max(0.0) };
    if range <= 0.0 || beyond == 0.0 {
        return place.clamp(low, high.max(low));
    }
    let rest = beyond % range;
    // How often the range fits tells at which edge the last reflection was.
    let is_same_edge = (beyond / range).floor() % 2.0 == 0.0;
    if (place < low) == is_same_edge { low + rest } else { high - rest }
}
