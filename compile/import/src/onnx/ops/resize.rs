//! Interpolation to another size.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use ir::{Fact, Op};
use operators::dynamic::{ResizeBy, Target};
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::Dim;

pub(super) const OPS: &[Row] = &[
    row(
        "Resize",
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
        ],
        resize,
    ),
    row("Upsample", &["mode", "scales"], upsample),
];

/// ONNX Resize-10,11,13,18,19. Refused: constant scales under which a symbolic size has no integer
/// expression.
fn resize(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    // Before opset 11 the second input was the scales.
    let (roi, scales, sizes) = if call.opset < 11 { (9, 1, 9) } else { (1, 2, 3) };
    let axes = match call.ints("axes")? {
        None => (0..fact.rank()).collect::<Vec<usize>>(),
        Some(values) => {
            let axes = values.iter().map(|&value| call::axis(value, fact.rank())).collect();
            let axes: Option<Vec<usize>> = axes;
            axes.ok_or_else(|| call.refuse("axes", "axes of the input", &format!("{values:?}")))?
        }
    };
    let target = match present(call, sizes) {
        Some(target) => Some((target, sizes)),
        None => call.optional(scales).map(|target| (target, scales)),
    };
    let is_computed = target.as_ref().is_some_and(|(target, _)| target.sizes().is_none());
    let is_computed = is_computed && target.as_ref().is_some_and(|(t, _)| t.known().is_none());
    let axes = match present(call, sizes) {
        _ if is_computed => unsized_axes(&axes),
        Some(_) => by_sizes(call, &axes, &fact.shape, sizes)?,
        None => by_scales(&axes, &fact.shape, &floats(call, scales)?, scales)?,
    };
    let is_old = call.opset < 11;
    let mut operator = Resize {
        axes,
        interpolation: interpolation(call)?,
        coordinates: if is_old { Coordinates::Asymmetric } else { coordinates(call)? },
        excludes_outside: call.flag("exclude_outside", false)?,
        is_antialiased: call.flag("antialias", false)?,
        extrapolation: call.float("extrapolation_value")?.unwrap_or(0.0),
    };
    if let Some((target, input)) = target.filter(|_| is_computed) {
        let roi = present(call, roi).filter(|_| operator.coordinates == Coordinates::Crop);
        return resize_by(call, operator, &target, roi, input == sizes);
    }
    if operator.coordinates == Coordinates::Crop {
        let roi = call.input(roi)?;
        return call.emit(Op::Whole(operator.into()), &[&x, &roi]);
    }
    // An axis that keeps its size stays as it is, whatever the coordinates.
    operator.axes.retain(|a| a.size != fact.shape[a.axis] || a.scale.is_some_and(|s| s != 1.0));
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// A resize to sizes or by scales that are computed from data.
fn resize_by(
    call: &mut Call<'_>,
    resize: Resize,
    target: &Operand,
    roi: Option<Operand>,
    is_sizes: bool,
) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let kind = match call.text("keep_aspect_ratio_policy")?.unwrap_or("stretch") {
        _ if !is_sizes => Target::Scales,
        "stretch" => Target::Sizes,
        "not_larger" => Target::NotLarger,
        "not_smaller" => Target::NotSmaller,
        other => {
            let expected = "stretch, not_larger or not_smaller";
            return Err(call.refuse("keep_aspect_ratio_policy", expected, other));
        }
    };
    let mut shape = fact.shape;
    for resized in &resize.axes {
        shape[resized.axis] = call.build.fresh();
    }
    let inputs: Vec<&Operand> = [&x, target].into_iter().chain(&roi).collect();
    let made = vec![Fact { dtype: fact.dtype, shape }];
    call.build.dynamic(ResizeBy { resize, target: kind }, &inputs, made)
}

/// Axes whose sizes are known only when the model runs.
fn unsized_axes(axes: &[usize]) -> Vec<ResizeAxis> {
    axes.iter().map(|&axis| ResizeAxis { axis, size: Dim::from(0), scale: None }).collect()
}

/// ONNX Upsample-1,7,9.
fn upsample(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let every: Vec<usize> = (0..fact.rank()).collect();
    let computed = call.optional(1).filter(|scales| scales.known().is_none());
    let sides = [call.float("height_scale")?, call.float("width_scale")?];
    let axes = match (call.floats("scales")?, &computed) {
        (None, None) if let [Some(height), Some(width)] = sides => {
            by_scales(&every, &fact.shape, &[1.0, 1.0, height, width], 1)?
        }
        (Some(scales), _) => by_scales(&every, &fact.shape, scales, 1)?,
        (None, Some(_)) => unsized_axes(&every),
        (None, None) => by_scales(&every, &fact.shape, &floats(call, 1)?, 1)?,
    };
    let interpolation = match call.text("mode")?.unwrap_or("nearest") {
        "nearest" => Interpolation::Nearest(Rounding::Floor),
        "linear" | "bilinear" => Interpolation::Linear,
        other => return Err(call.refuse("mode", "nearest or linear", other)),
    };
    let mut operator = Resize {
        axes,
        interpolation,
        coordinates: Coordinates::Asymmetric,
        excludes_outside: false,
        is_antialiased: false,
        extrapolation: 0.0,
    };
    if let Some(scales) = computed {
        return resize_by(call, operator, &scales, None, false);
    }
    operator.axes.retain(|axis| axis.scale != Some(1.0));
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// An input that is there and not empty: old exporters leave one out by giving no elements.
fn present(call: &Call<'_>, index: usize) -> Option<Operand> {
    let is_empty = |x: &Operand| call.build.fact(x).shape == [Dim::from(0)];
    call.optional(index).filter(|x| !is_empty(x))
}

/// The elements of a constant input of floats.
fn floats(call: &Call<'_>, index: usize) -> Result<Vec<f32>, Reason> {
    let known = call.input(index)?.known().cloned();
    let known = known.ok_or_else(|| call.data_dependent(index, "the scales"))?;
    known.as_slice::<f32>().map(<[f32]>::to_vec).map_err(|_| Reason::Input {
        input: index,
        expected: "f32 scales".to_string(),
        found: known.dtype().to_string(),
    })
}

fn by_scales(
    axes: &[usize],
    shape: &[Dim],
    scales: &[f32],
    input: usize,
) -> Result<Vec<ResizeAxis>, Reason> {
    let refused = |expected: String| {
        let found = format!("{scales:?}");
        Reason::Input { input, expected, found }
    };
    if scales.len() != axes.len() {
        return Err(refused(format!("{} scales", axes.len())));
    }
    let each = axes.iter().zip(scales).map(|(&axis, &scale)| {
        let size = scaled(&shape[axis], scale);
        let size =
            size.ok_or_else(|| refused(format!("scales that make {} a size", shape[axis])))?;
        Ok(ResizeAxis { axis, size, scale: Some(scale) })
    });
    each.collect()
}

/// `floor(size * scale)`; of a symbolic size only for whole multiples and whole parts.
fn scaled(size: &Dim, scale: f32) -> Option<Dim> {
    let is_whole = |x: f32| x >= 1.0 && x.fract() == 0.0 && x < 65536.0;
    match size.known() {
        Some(size) => {
            let made = (size as f64 * f64::from(scale)).floor();
            (0.0..9e15).contains(&made).then(|| Dim::from(made as i64))
        }
        None if is_whole(scale) => Some(size.clone() * Dim::from(scale as i64)),
        None if is_whole(1.0 / scale) => Some(size.floor_div(&Dim::from((1.0 / scale) as i64))),
        None => None,
    }
}

fn by_sizes(
    call: &mut Call<'_>,
    axes: &[usize],
    shape: &[Dim],
    index: usize,
) -> Result<Vec<ResizeAxis>, Reason> {
    let sizes = call.dims(index, "the sizes")?;
    let expected = format!("{} sizes", axes.len());
    let refused = || Reason::Input { input: index, expected, found: format!("{sizes:?}") };
    if sizes.len() != axes.len() {
        return Err(refused());
    }
    let policy = call.text("keep_aspect_ratio_policy")?.unwrap_or("stretch").to_string();
    if policy == "stretch" {
        let each = axes.iter().zip(sizes);
        return Ok(each.map(|(&axis, size)| ResizeAxis { axis, size, scale: None }).collect());
    }
    let pairs =
        axes.iter().zip(&sizes).map(|(&axis, new)| Some((shape[axis].known()?, new.known()?)));
    let pairs: Vec<(i64, i64)> = pairs.collect::<Option<_>>().ok_or_else(refused)?;
    let ratios = pairs.iter().map(|&(old, new)| new as f64 / old as f64);
    let scale = match policy.as_str() {
        "not_larger" => ratios.fold(f64::INFINITY, f64::min),
        "not_smaller" => ratios.fold(0.0, f64::max),
        other => {
            let expected = "stretch, not_larger or not_smaller";
            return Err(call.refuse("keep_aspect_ratio_policy", expected, other));
        }
    };
    let each = axes.iter().zip(pairs).map(|(&axis, (old, _))| {
        let size = Dim::from((old as f64 * scale).round() as i64);
        ResizeAxis { axis, size, scale: Some(scale as f32) }
    });
    Ok(each.collect())
}

fn interpolation(call: &Call<'_>) -> Result<Interpolation, Reason> {
    match call.text("mode")?.unwrap_or("nearest") {
        "nearest" => {
            let default = if call.opset < 11 { "floor" } else { "round_prefer_floor" };
            Ok(Interpolation::Nearest(match call.text("nearest_mode")?.unwrap_or(default) {
                "round_prefer_floor" => Rounding::PreferFloor,
                "round_prefer_ceil" => Rounding::PreferCeil,
                "floor" => Rounding::Floor,
                "ceil" => Rounding::Ceil,
                other => return Err(call.refuse("nearest_mode", "a mode of the standard", other)),
            }))
        }
        "linear" => Ok(Interpolation::Linear),
        "cubic" => Ok(Interpolation::Cubic(call.float("cubic_coeff_a")?.unwrap_or(-0.75))),
        other => Err(call.refuse("mode", "nearest, linear or cubic", other)),
    }
}

fn coordinates(call: &Call<'_>) -> Result<Coordinates, Reason> {
    let name = "coordinate_transformation_mode";
    Ok(match call.text(name)?.unwrap_or("half_pixel") {
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        "tf_crop_and_resize" => Coordinates::Crop,
        other => return Err(call.refuse(name, "a mode of the standard", other)),
    })
}
