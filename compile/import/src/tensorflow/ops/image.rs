//! Images in another size.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::error::Reason;
use ir::Op;
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::DType;

pub(super) const ROWS: &[Row] = &[
    row("ResizeBilinear", |call| resize(call, Interpolation::Linear)),
    row("ResizeNearestNeighbor", nearest),
    // The coefficient that is used where pixels have their places in their middles.
    row("ResizeBicubic", bicubic),
];

/// `(images, [height, width])`: where the pixels of the result lie among those of the image.
fn coordinates(call: &Call<'_, '_>) -> Coordinates {
    match (call.flag("align_corners", false), call.flag("half_pixel_centers", false)) {
        (true, _) => Coordinates::AlignCorners,
        (false, true) => Coordinates::HalfPixel,
        (false, false) => Coordinates::Asymmetric,
    }
}

fn nearest(call: &mut Call<'_, '_>) -> Made {
    let rounding = match coordinates(call) {
        Coordinates::AlignCorners | Coordinates::HalfPixel => Rounding::PreferCeil,
        _ => Rounding::Floor,
    };
    resize(call, Interpolation::Nearest(rounding))
}

fn bicubic(call: &mut Call<'_, '_>) -> Made {
    let is_centered = coordinates(call) == Coordinates::HalfPixel;
    resize(call, Interpolation::Cubic(if is_centered { -0.5 } else { -0.75 }))
}

fn resize(call: &mut Call<'_, '_>, interpolation: Interpolation) -> Made {
    let x = call.of_rank(0, 4)?;
    let sizes = call.dims(1, "the size")?;
    let [height, width] = sizes.as_slice() else {
        let (expected, found) = ("height and width".to_string(), format!("{sizes:?}"));
        return Err(Reason::Input { input: 1, expected, found });
    };
    let coordinates = coordinates(call);
    let is_nearest = matches!(interpolation, Interpolation::Nearest(_));
    let dtype = call.fact(0)?.dtype;
    let is_cast = !is_nearest && !dtype.is_float();
    let x = if is_cast { call.build().cast(&x, DType::F32)? } else { x };
    let before = call.walk.turned.before(&x);
    let first = if before.is_some() { 2 } else { 1 };
    let is_turned = before.is_some();
    let x = before.unwrap_or(x);
    let axes = [height, width].into_iter().enumerate().map(|(at, size)| ResizeAxis {
        axis: first + at,
        size: size.clone(),
        scale: None,
    });
    let operator = Resize {
        axes: axes.collect(),
        interpolation,
        coordinates,
        excludes_outside: matches!(interpolation, Interpolation::Cubic(_))
            && coordinates == Coordinates::HalfPixel,
        is_antialiased: false,
        extrapolation: 0.0,
    };
    let made = call.build().emit(Op::Whole(operator.into()), &[&x])?;
    Ok(vec![match is_turned {
        true => call.walk.turned.channels_last(&mut call.walk.build, made)?,
        false => made,
    }])
}
