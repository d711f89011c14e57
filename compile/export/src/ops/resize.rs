//! Interpolation to another size.

use crate::call::{Call, Written};
use crate::messages::{flag, float, sizes, text};
use import::onnx::decode::AttributeProto;
use operators::dynamic::{ResizeBy, Target};
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::{DType, Dim, Tensor};

/// Sizes, or scales where every axis has one from which its size follows.
pub(super) fn resize(call: &mut Call<'_, '_>, resize: &Resize) -> Written {
    let (x, shape) = (call.input(0), call.fact(0).shape);
    let scales: Option<Vec<f32>> = resize.axes.iter().map(|axis| axis.scale).collect();
    match scales {
        _ if resize.axes.is_empty() => call.is(&x),
        Some(scales) => {
            let other = resize.axes.iter().find(|axis| !follows(axis, &shape[axis.axis]));
            if let Some(ResizeAxis { axis, size, scale }) = other {
                let reason =
                    format!("axis {axis} has the size {size} and another scale, {scale:?}");
                return Err(call.refuse(reason));
            }
            let scales = Tensor::from_slice(&[scales.len()], &scales);
            let scales = scales.map_err(|error| call.refuse(error.to_string()))?;
            let scales = call.constant(&scales);
            let roi = call.optional(1);
            call.last("Resize", &[&x, &roi, &scales], attributes(resize))
        }
        None if resize.axes.iter().all(|axis| axis.scale.is_none()) => {
            let target: Vec<Dim> = resize.axes.iter().map(|axis| axis.size.clone()).collect();
            let (target, roi) = (call.sizes(&target)?, call.optional(1));
            call.last("Resize", &[&x, &roi, "", &target], attributes(resize))
        }
        None => Err(call.refuse("some axes have a scale and some a size alone")),
    }
}

/// Is the size what the standard makes of the scale?
fn follows(axis: &ResizeAxis, old: &Dim) -> bool {
    let Some(scale) = axis.scale else { return false };
    match (old.known(), axis.size.known()) {
        (Some(old), Some(size)) => (old as f64 * f64::from(scale)).floor() == size as f64,
        _ if scale >= 1.0 => axis.size == old.clone() * Dim::from(scale as i64),
        _ => axis.size == old.floor_div(&Dim::from((1.0 / scale) as i64)),
    }
}

/// `(x, target, [roi])`
pub(super) fn resize_by(call: &mut Call<'_, '_>, by: &ResizeBy) -> Written {
    let (x, roi) = (call.input(0), call.optional(2));
    let mut attributes = attributes(&by.resize);
    let policy = match by.target {
        Target::Scales => {
            let scales = call.cast(1, DType::F32);
            return call.last("Resize", &[&x, &roi, &scales], attributes);
        }
        Target::Sizes => "stretch",
        Target::NotLarger => "not_larger",
        Target::NotSmaller => "not_smaller",
    };
    attributes.push(text("keep_aspect_ratio_policy", policy));
    let target = call.cast(1, DType::I64);
    call.last("Resize", &[&x, &roi, "", &target], attributes)
}

fn attributes(resize: &Resize) -> Vec<AttributeProto> {
    let axes: Vec<usize> = resize.axes.iter().map(|axis| axis.axis).collect();
    let coordinates = match resize.coordinates {
        Coordinates::HalfPixel => "half_pixel",
        Coordinates::HalfPixelSymmetric => "half_pixel_symmetric",
        Coordinates::PytorchHalfPixel => "pytorch_half_pixel",
        Coordinates::AlignCorners => "align_corners",
        Coordinates::Asymmetric => "asymmetric",
        Coordinates::Crop => "tf_crop_and_resize",
    };
    let mut attributes = vec![
        sizes("axes", &axes),
        text("coordinate_transformation_mode", coordinates),
        flag("exclude_outside", resize.excludes_outside),
        flag("antialias", resize.is_antialiased),
        float("extrapolation_value", resize.extrapolation),
    ];
    match resize.interpolation {
        Interpolation::Nearest(rounding) => {
            let rounding = match rounding {
                Rounding::PreferFloor => "round_prefer_floor",
                Rounding::PreferCeil => "round_prefer_ceil",
                Rounding::Floor => "floor",
                Rounding::Ceil => "ceil",
            };
            attributes.extend([text("mode", "nearest"), text("nearest_mode", rounding)]);
        }
        Interpolation::Linear => attributes.push(text("mode", "linear")),
        Interpolation::Cubic(a) => {
            attributes.extend([text("mode", "cubic"), float("cubic_coeff_a", a)]);
        }
    }
    attributes
}
