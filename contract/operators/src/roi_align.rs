//! ONNX RoiAlign-10,16,22.

use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[N, C, H, W], boxes[R, 4], images[R])`: for each box `left, top, right, bottom` of the image
/// with that index, the image within it as `[R, C, height, width]`. Each element is made of
/// samples that lie evenly in its part of the box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoiAlign {
    /// Rows and columns of the result.
    pub size: [usize; 2],
    /// Samples along each axis of an element; with 0 one for each element of the image.
    pub samples: usize,
    /// What the coordinates of the boxes are multiplied by.
    pub scale: f32,
    /// Is the center of the first element at 0.5, so that a box may be of any size, or at 0, and a
    /// box at least one element wide?
    pub is_half_pixel: bool,
    /// Is an element the largest weighted neighbor of its samples, or the mean of the samples?
    pub is_max: bool,
}

/// Most samples along one axis of an element: as many as elements on the axis of a large image.
/// A box that asks for more lies for the most part outside.
const SAMPLES_MAX: f64 = 4096.0;

impl Compute for RoiAlign {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, boxes, images] = exactly(inputs, "3")?;
        require_type(0, x, DType::is_float, "floats")?;
        require_type(1, boxes, |d| d == x.dtype, x.dtype.name())?;
        require_indices(2, images)?;
        for (input, rank) in [4, 2, 1].into_iter().enumerate() {
            require_rank(input, &inputs[input], rank)?;
        }
        same_size("the numbers of a box", &Dim::from(4), &boxes.shape[1])?;
        same_size("the boxes", &boxes.shape[0], &images.shape[0])?;
        let [height, width] = self.size.map(Dim::from);
        let shape = vec![boxes.shape[0].clone(), x.shape[1].clone(), height, width];
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, boxes) = (numbers::read_floats(&inputs[0]), numbers::read_floats(&inputs[1]));
        let [batch, channels, rows, columns] = [0, 1, 2, 3].map(|axis| inputs[0].shape[axis]);
        let mut made = Vec::with_capacity(outputs[0].len());
        for (region, image) in boxes.chunks(4).zip(numbers::read_integers(&inputs[2])) {
            let image = crate::place(image, batch)?;
            let down = self.samples([region[1], region[3]], self.size[0], rows)?;
            let across = self.samples([region[0], region[2]], self.size[1], columns)?;
            for channel in image * channels..(image + 1) * channels {
                let plane = &x[channel * rows * columns..][..rows * columns];
                for (down, across) in down.iter().flat_map(|d| across.iter().map(move |a| (d, a))) {
                    made.push(self.element(plane, columns, down, across));
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

/// The element before a sample, the one behind it, and how far the sample lies from the first to
/// the second; `None` for one outside of the image.
type Sample = Option<(usize, usize, f64)>;

impl RoiAlign {
    /// For each of `parts` of a box, from its begin to its end, the samples along one axis.
    fn samples(
        &self,
        [begin, end]: [f64; 2],
        parts: usize,
        size: usize,
    ) -> Result<Vec<Vec<Sample>>, ComputeError> {
        let offset = if self.is_half_pixel { 0.5 } else { 0.0 };
        let [begin, end] = [begin, end].map(|x| x * f64::from(self.scale) - offset);
        let length = if self.is_half_pixel { end - begin } else { (end - begin).max(1.0) };
        let part = length / parts as f64;
        let count = if self.samples > 0 { self.samples as f64 } else { part.ceil().max(0.0) };
        if count.is_nan() || count > SAMPLES_MAX {
            let (found, expected) = (count.to_string(), format!("at most {SAMPLES_MAX}"));
            let what = "the number of samples along an axis of an element";
            return Err(ComputeError::Element { what, found, expected });
        }
        let sample = |index: usize, at: usize| {
            let place = begin + (index as f64 + (at as f64 + 0.5) / count) * part;
            if size == 0 || !(-1.0..=size as f64).contains(&place) {
                return None;
            }
            let place = place.clamp(0.0, size as f64 - 1.0);
            let before = place as usize;
            Some((before, (before + 1).min(size - 1), place - before as f64))
        };
        let each = |index| (0..count as usize).map(|at| sample(index, at)).collect();
        Ok((0..parts).map(each).collect())
    }

    fn element(&self, plane: &[f64], columns: usize, down: &[Sample], across: &[Sample]) -> f64 {
        let mut sum = 0.0;
        let mut largest: Option<f64> = None;
        for (y, x) in down.iter().flat_map(|y| across.iter().map(move |x| (y, x))) {
            let corners = match (y, x) {
                (Some((top, bottom, y)), Some((left, right, x))) => [
                    (1.0 - y) * (1.0 - x) * plane[top * columns + left],
                    (1.0 - y) * x * plane[top * columns + right],
                    y * (1.0 - x) * plane[bottom * columns + left],
                    y * x * plane[bottom * columns + right],
                ],
                _ => [0.0; 4],
            };
            sum += corners.iter().sum::<f64>();
            let of_sample = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
            largest = Some(largest.map_or(of_sample, |largest| largest.max(of_sample)));
        }
        match self.is_max {
            true => largest.unwrap_or(0.0),
            false => sum / (down.len() * across.len()).max(1) as f64,
        }
    }
}
