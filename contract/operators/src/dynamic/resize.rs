//! ONNX Resize-10,11,13,18,19 and Upsample-9 by sizes or scales that are computed from data.

use super::{Evaluate, Inputs, refused};
use crate::resize::{Coordinates, Resize, ResizeAxis};
use crate::{ComputeError, Operator};
use serde::{Deserialize, Serialize};
use tensor::{Dim, Value};

/// `(x, target, [roi])`: interpolation to sizes or by scales, one for each of the axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResizeBy {
    /// Everything but the sizes and scales of the axes.
    pub resize: Resize,
    /// What the target holds.
    pub target: Target,
}

/// What the target of a resize holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// New size over old.
    Scales,
    /// New sizes.
    Sizes,
    /// Upper bounds of the new sizes, of which the tightest gives one scale for all axes.
    NotLarger,
    /// Lower bounds of the new sizes, of which the tightest gives one scale for all axes.
    NotSmaller,
}

impl Evaluate for ResizeBy {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let x = inputs.tensor(0)?;
        let target = inputs.floats(1)?;
        let mut resize = self.resize.clone();
        if let Some(other) = resize.axes.iter().find(|a| a.axis >= x.shape().len()) {
            let expected = format!("an axis of {:?}", x.shape());
            return Err(refused("the axis", other.axis, &expected));
        }
        if target.len() != resize.axes.len() {
            let expected = resize.axes.len().to_string();
            return Err(refused("the length of the target", target.len(), &expected));
        }
        let old: Vec<f64> = resize.axes.iter().map(|a| x.shape()[a.axis] as f64).collect();
        let ratios = || target.iter().zip(&old).map(|(new, old)| new / old);
        let common = match self.target {
            Target::Scales | Target::Sizes => None,
            Target::NotLarger => Some(ratios().fold(f64::INFINITY, f64::min)),
            Target::NotSmaller => Some(ratios().fold(f64::NEG_INFINITY, f64::max)),
        };
        for ((axis, &wanted), &old) in resize.axes.iter_mut().zip(&target).zip(&old) {
            let (size, scale) = match (self.target, common) {
                (Target::Scales, _) => ((old * wanted).floor(), Some(wanted as f32)),
                (_, Some(scale)) => ((old * scale).round(), Some(scale as f32)),
                (_, None) => (wanted, None),
            };
            if !(0.0..9e15).contains(&size) {
                return Err(refused("a size", size, "at least 0"));
            }
            *axis = ResizeAxis { axis: axis.axis, size: Dim::from(size as i64), scale };
        }
        if resize.coordinates != Coordinates::Crop {
            // An axis that keeps its size stays as it is, whatever the coordinates.
            let is_kept = |a: &ResizeAxis| {
                a.size.known_size() == x.shape().get(a.axis).copied()
                    && a.scale.is_none_or(|scale| scale == 1.0)
            };
            resize.axes.retain(|a| !is_kept(a));
        }
        let mut shape = x.shape().to_vec();
        for resized in &resize.axes {
            shape[resized.axis] = resized.size.known_size().unwrap_or(usize::MAX);
        }
        let count = tensor::element_count(&shape).unwrap_or(usize::MAX);
        inputs.require(count, x.dtype().size())?;
        let mut views = vec![x.view()];
        let roi = inputs.values.get(2).and_then(Value::tensor);
        views.extend(roi.map(|roi| roi.view()));
        let made = Operator::from(resize).evaluate(&views)?;
        Ok(made.into_iter().map(Value::from).collect())
    }
}
