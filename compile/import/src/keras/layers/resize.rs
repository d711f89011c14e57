//! Images in another size.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::slice;
use crate::error::Reason;
use ir::{Op, PadMode};
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("UpSampling1D", "", &[], |call| up_sampling(call, 1)).without_mask(),
    row("UpSampling2D", "nearest, bilinear or bicubic", &[], |call| up_sampling(call, 2))
        .without_mask(),
    row("UpSampling3D", "", &[], |call| up_sampling(call, 3)).without_mask(),
    row("Resizing", "nearest, bilinear or bicubic", &[], resizing).without_mask(),
    row("CenterCrop", "", &[], center_crop).without_mask(),
];

/// The element whose place is nearest, which of two is the later.
const NEAREST: Interpolation = Interpolation::Nearest(Rounding::PreferCeil);

/// How elements between others are made.
fn interpolation(call: &Call<'_, '_>, default: &str) -> Result<Interpolation, Reason> {
    let config = call.config();
    match config.text("interpolation").unwrap_or(default) {
        "nearest" => Ok(NEAREST),
        "bilinear" => Ok(Interpolation::Linear),
        // The coefficient of TensorFlow.
        "bicubic" => Ok(Interpolation::Cubic(-0.5)),
        _ => Err(config.refuse("interpolation", "nearest, bilinear or bicubic")),
    }
}

/// Some axes in another size, whose pixels have their places in their middles.
pub(super) fn resized(
    build: &mut Builder,
    x: &Operand,
    axes: Vec<ResizeAxis>,
    interpolation: Interpolation,
    is_antialiased: bool,
) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let axes: Vec<ResizeAxis> = axes.into_iter().filter(|a| a.size != shape[a.axis]).collect();
    if axes.is_empty() {
        return Ok(x.clone());
    }
    let excludes_outside = is_antialiased || matches!(interpolation, Interpolation::Cubic(_));
    let operator = Resize {
        axes,
        interpolation,
        coordinates: Coordinates::HalfPixel,
        excludes_outside,
        is_antialiased,
        extrapolation: 0.0,
    };
    build.emit(Op::Whole(operator.into()), &[x])
}

fn up_sampling(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let x = call.input_of_rank(axes + 2)?;
    let config = call.config();
    let factors = config.sizes("size", axes)?.unwrap_or_else(|| vec![2; axes]);
    let interpolation = interpolation(call, "nearest")?;
    let first = if config.is_channels_last() { 1 } else { 2 };
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    let axes = factors.iter().enumerate().map(|(at, &factor)| ResizeAxis {
        axis: first + at,
        size: shape[first + at].clone() * Dim::from(factor),
        scale: Some(factor as f32),
    });
    let axes = axes.collect();
    Ok(vec![resized(build, &x, axes, interpolation, false)?])
}

/// Height and width that a configuration asks for, and the axes that have them.
fn target(call: &Call<'_, '_>) -> Result<[(usize, Dim); 2], Reason> {
    let config = call.config();
    let first = if config.is_channels_last() { 1 } else { 2 };
    let rank = call.fact()?.rank();
    let first = if rank == 3 { first - 1 } else { first };
    if !(3..=4).contains(&rank) {
        let (expected, found) = ("images".to_string(), format!("{rank} axes"));
        return Err(Reason::Input { input: 0, expected, found });
    }
    let sizes = [config.size("height")?, config.size("width")?].map(Dim::from);
    let [height, width] = sizes;
    Ok([(first, height), (first + 1, width)])
}

fn resizing(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let target = target(call)?;
    let interpolation = interpolation(call, "bilinear")?;
    let is_antialiased = config.flag("antialias", false);
    let build = &mut call.walk.build;
    // Pixels of whole numbers are resized as floats.
    let x = match build.fact(&x).dtype.is_float() {
        true => x,
        false => build.cast(&x, DType::F32)?,
    };
    let x = match config.flag("crop_to_aspect_ratio", false) {
        true => cropped_to_ratio(call, &x, &target)?,
        false if config.flag("pad_to_aspect_ratio", false) => {
            let fill = config.float("fill_value")?.unwrap_or(0.0);
            padded_to_ratio(call, &x, &target, fill)?
        }
        false => x,
    };
    let axes = target.map(|(axis, size)| ResizeAxis { axis, size, scale: None });
    let build = &mut call.walk.build;
    Ok(vec![resized(build, &x, axes.to_vec(), interpolation, is_antialiased)?])
}

/// The height and the width of an image, each with the size that gives the target's ratio when the
/// other one stays. `what` needs to know them.
fn sides(
    build: &Builder,
    x: &Operand,
    target: &[(usize, Dim); 2],
    what: &str,
) -> Result<[(i64, i64); 2], Reason> {
    let shape = build.fact(x).shape;
    let sizes = target.each_ref().map(|(axis, _)| shape[*axis].known());
    let wanted = target.each_ref().map(|(_, size)| size.known().unwrap_or(1).max(1));
    let [Some(height), Some(width)] = sizes else {
        return Err(Reason::DataDependent { input: 0, what: what.to_string() });
    };
    let scaled = |size: i64, to: i64, by: i64| (size as f32 * to as f32 / by as f32) as i64;
    Ok([
        (height, scaled(width, wanted[0], wanted[1])),
        (width, scaled(height, wanted[1], wanted[0])),
    ])
}

/// The largest part in the middle that has the ratio of the target.
fn cropped_to_ratio(
    call: &mut Call<'_, '_>,
    x: &Operand,
    target: &[(usize, Dim); 2],
) -> Result<Operand, Reason> {
    let build = &mut call.walk.build;
    let sides = sides(build, x, target, "the part that is cut out of an image of open size")?;
    let mut made = x.clone();
    for ((axis, _), (size, of_ratio)) in target.iter().zip(sides) {
        let kept = of_ratio.min(size).max(1);
        let (start, len) = (Dim::from((size - kept) / 2), Dim::from(kept));
        made = slice(build, &made, *axis, start, len)?;
    }
    Ok(made)
}

/// The image in the middle of one that has the ratio of the target.
fn padded_to_ratio(
    call: &mut Call<'_, '_>,
    x: &Operand,
    target: &[(usize, Dim); 2],
    fill: f64,
) -> Result<Operand, Reason> {
    let build = &mut call.walk.build;
    let sides = sides(build, x, target, "what is added to an image of open size")?;
    let mut ends = vec![0; build.fact(x).rank()];
    for ((axis, _), (size, of_ratio)) in target.iter().zip(sides) {
        ends[*axis] = (of_ratio - size).max(0) / 2;
    }
    let mode = PadMode::Constant(fill);
    build.emit(Op::Pad { before: ends.clone(), after: ends, mode }, &[x])
}

/// The middle of images that are large enough, otherwise a resized part.
fn center_crop(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let target = target(call)?;
    let shape = call.walk.build.fact(&x).shape;
    let is_small = target.iter().any(|(axis, size)| {
        (shape[*axis].clone() - size.clone()).known().is_some_and(|rest| rest < 0)
    });
    if is_small {
        let x = cropped_to_ratio(call, &x, &target)?;
        let axes = target.map(|(axis, size)| ResizeAxis { axis, size, scale: None });
        let build = &mut call.walk.build;
        return Ok(vec![resized(build, &x, axes.to_vec(), Interpolation::Linear, false)?]);
    }
    let build = &mut call.walk.build;
    let mut made = x;
    for (axis, size) in target {
        let start = (shape[axis].clone() - size.clone()).floor_div(&Dim::from(2));
        made = slice(build, &made, axis, start, size)?;
    }
    Ok(vec![made])
}
