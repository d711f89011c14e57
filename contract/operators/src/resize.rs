//! ONNX Resize-10,11,13,18,19 and Upsample-7,9: interpolation along one axis after another.

use crate::{Compute, ComputeError, around, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_axis, require_type};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(x, [roi])`: the listed axes in another size. `roi` holds, for [`Coordinates::Crop`], the
/// begins of all listed axes and then their ends, as parts of the axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resize {
    /// The axes.
    pub axes: Vec<ResizeAxis>,
    /// How elements between others are made.
    pub interpolation: Interpolation,
    /// Where an element of the result lies among those of the input.
    pub coordinates: Coordinates,
    /// Are elements outside of the input left out of a sum, the others weighing more?
    pub excludes_outside: bool,
    /// Is a kernel made wider where the result is smaller?
    pub is_antialiased: bool,
    /// With [`Coordinates::Crop`], what lies outside of the input.
    pub extrapolation: f32,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResizeAxis {
    /// Which.
    pub axis: usize,
    /// Its new size.
    pub size: Dim,
    /// New size over old where that is given, else it follows from the sizes.
    pub scale: Option<f32>,
}

/// How elements between others are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest one.
    Nearest(Rounding),
    /// Of the two around it.
    Linear,
    /// Of the four around it, by cubic convolution (Keys, 1981) with this coefficient.
    Cubic(f32),
}

/// Which element is the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// The nearer, of two the one before.
    PreferFloor,
    /// The nearer, of two the one behind.
    PreferCeil,
    /// The one before.
    Floor,
    /// The one behind.
    Ceil,
}

/// Where an element of the result lies among those of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    /// Centers of pixels agree.
    HalfPixel,
    /// As `HalfPixel`, about the middle when sizes are rounded.
    HalfPixelSymmetric,
    /// As `HalfPixel`, save that a single element lies at the first.
    PytorchHalfPixel,
    /// First and last elements agree.
    AlignCorners,
    /// First elements agree.
    Asymmetric,
    /// As `AlignCorners`, within the region of interest.
    Crop,
}

impl Compute for Resize {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let (x, has_roi) = match inputs {
            [x] => (x, false),
            [x, roi] => {
                require_type(1, roi, DType::is_float, "floats")?;
                (x, roi.shape == [Dim::from(2 * self.axes.len())])
            }
            _ => return Err(RuleError::Arity { expected: "1 or 2", found: inputs.len() }),
        };
        if self.coordinates == Coordinates::Crop && !has_roi {
            let (found, expected) = ("none".to_string(), "two numbers for each axis".to_string());
            return Err(RuleError::Parameter { what: "the region of interest", found, expected });
        }
        let mut shape = x.shape.clone();
        for resized in &self.axes {
            require_axis(resized.axis, x)?;
            if resized.scale.is_some_and(|scale| !(scale > 0.0 && scale.is_finite())) {
                let (found, expected) = (format!("{:?}", resized.scale), "above 0".to_string());
                return Err(RuleError::Parameter { what: "a scale", found, expected });
            }
            shape[resized.axis] = resized.size.clone();
        }
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let roi = inputs.get(1).map(numbers::read_floats);
        let mut x = numbers::read_floats(&inputs[0]);
        let mut shape = inputs[0].shape.to_vec();
        let mut is_outside = vec![false; 0];
        for (at, resized) in self.axes.iter().enumerate() {
            let size = outputs[0].shape[resized.axis];
            let region = roi.as_ref().map_or((0.0, 1.0), |r| (r[at], r[at + self.axes.len()]));
            let sizes = [shape[resized.axis], size];
            let taps: Vec<Option<Taps>> =
                (0..size).map(|index| self.taps_of(index, sizes, resized.scale, region)).collect();
            let [outer, old, inner] = around(&shape, resized.axis);
            let mut made = Vec::with_capacity(outer * size * inner);
            let mut outside = Vec::with_capacity(outer * size * inner);
            for (o, taps) in (0..outer).flat_map(|o| taps.iter().map(move |taps| (o, taps))) {
                for i in 0..inner {
                    let read = |place: usize| (o * old + place) * inner + i;
                    let taps = taps.as_deref().unwrap_or(&[]);
                    made.push(taps.iter().map(|&(place, weight)| x[read(place)] * weight).sum());
                    let was_outside =
                        |&(place, _): &(usize, f64)| is_outside.get(read(place)) == Some(&true);
                    outside.push(taps.is_empty() || taps.iter().any(was_outside));
                }
            }
            (x, is_outside, shape[resized.axis]) = (made, outside, size);
        }
        for (x, _) in x.iter_mut().zip(&is_outside).filter(|(_, is_outside)| **is_outside) {
            *x = f64::from(self.extrapolation);
        }
        if !outputs[0].dtype.is_float() {
            x.iter_mut().for_each(|x| *x = x.round_ties_even());
        }
        numbers::store_floats(&mut outputs[0], &x);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Resize, DimError> {
        self.bound(sizes)
    }
}

/// Elements of an axis and how much they weigh.
pub type Taps = Vec<(usize, f64)>;

impl Resize {
    /// Type and shape of what is made of a value, without a region of interest.
    pub fn made_of(&self, x: &Fact) -> Result<Fact, RuleError> {
        self.infer(std::slice::from_ref(x)).map(|mut made| made.swap_remove(0))
    }

    /// The operator with every symbolic size evaluated.
    pub fn bound(&self, sizes: &Bindings) -> Result<Resize, DimError> {
        let mut bound = self.clone();
        for axis in &mut bound.axes {
            axis.size = Dim::from(axis.size.evaluate(sizes)?);
        }
        Ok(bound)
    }
}

impl Resize {
    /// What makes the element `index` of an axis of `new` elements that has `old` in the input; for
    /// coordinates without a region of interest.
    pub fn taps(&self, axis: usize, [old, new]: [usize; 2], index: usize) -> Taps {
        let Some(resized) = self.axes.iter().find(|resized| resized.axis == axis) else {
            return vec![(index, 1.0)];
        };
        self.taps_of(index, [old, new], resized.scale, (0.0, 1.0)).unwrap_or_default()
    }

    /// What makes an element of the result; `None` for one outside of the input.
    fn taps_of(
        &self,
        index: usize,
        [old, new]: [usize; 2],
        scale: Option<f32>,
        region: (f64, f64),
    ) -> Option<Taps> {
        let scale = scale.map_or(new as f64 / old as f64, f64::from);
        let x = self.place(index as f64, old as f64, new as f64, scale, region);
        let is_crop = self.coordinates == Coordinates::Crop;
        if old == 0 || is_crop && !(0.0..=old as f64 - 1.0).contains(&x) {
            return None;
        }
        // The element before or at the place, and how far behind it the place is, in (0, 1].
        let base = x.ceil() - 1.0;
        let kernel = self.kernel(x - base, scale, old);
        let mut taps: Taps = Vec::with_capacity(kernel.len());
        for (offset, weight) in kernel {
            let place = (base as i64).saturating_add(offset);
            let is_inside = (0..old as i64).contains(&place);
            let weight = if self.excludes_outside && !is_inside { 0.0 } else { weight };
            taps.push((place.clamp(0, old as i64 - 1) as usize, weight));
        }
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        if self.excludes_outside {
            taps.iter_mut().for_each(|(_, weight)| *weight /= total);
        }
        Some(taps)
    }

    /// Where an element of the result lies on the input's axis.
    fn place(&self, index: f64, old: f64, new: f64, scale: f64, (from, to): (f64, f64)) -> f64 {
        let exact = scale * old;
        let half_pixel = (index + 0.5) / scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::PytorchHalfPixel if exact == 1.0 => -0.5,
            Coordinates::PytorchHalfPixel => half_pixel,
            Coordinates::HalfPixelSymmetric => old / 2.0 * (1.0 - new / exact) + half_pixel,
            Coordinates::AlignCorners if exact == 1.0 => 0.0,
            Coordinates::AlignCorners => index * (old - 1.0) / (exact - 1.0),
            Coordinates::Asymmetric => index / scale,
            Coordinates::Crop if exact == 1.0 => (from + to) * (old - 1.0) / 2.0,
            Coordinates::Crop => {
                from * (old - 1.0) + index * (to - from) * (old - 1.0) / (exact - 1.0)
            }
        }
    }

    /// Offsets from the element before the place, and weights.
    fn kernel(&self, ratio: f64, scale: f64, old: usize) -> Vec<(i64, f64)> {
        // No kernel reaches beyond the whole axis on both sides.
        let scale = if self.is_antialiased { scale.min(1.0) } else { 1.0 };
        let (reach, weight): (f64, Box<dyn Fn(f64) -> f64>) = match self.interpolation {
            Interpolation::Nearest(rounding) => {
                let is_behind = match rounding {
                    Rounding::PreferFloor => ratio > 0.5,
                    Rounding::PreferCeil => ratio >= 0.5,
                    Rounding::Floor => ratio == 1.0,
                    Rounding::Ceil => true,
                };
                return vec![(i64::from(is_behind), 1.0)];
            }
            Interpolation::Linear => (1.0, Box::new(|x: f64| (1.0 - x.abs()).max(0.0))),
            Interpolation::Cubic(a) => (2.0, Box::new(move |x: f64| cubic(x.abs(), f64::from(a)))),
        };
        let start = (-reach / scale).floor().max(-(old as f64)) as i64 + 1;
        let end = 2 - start;
        let mut taps: Vec<(i64, f64)> =
            (start..end).map(|at| (at, weight((at as f64 - ratio) * scale))).collect();
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        if self.is_antialiased {
            taps.iter_mut().for_each(|(_, weight)| *weight /= total);
        }
        taps
    }
}

/// The kernel of cubic convolution at a distance of `x`.
pub(crate) fn cubic(x: f64, a: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}
