//! Interpolation to another size.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::{Row, row};
use crate::error::Reason;
use ir::Op;
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::Dim;

const NEAREST: &str =
    "input|self output_size scale_factors|scales|scales_h|scales_d scales_w scales_x";
const ALIGNED: &str =
    "input|self output_size align_corners scale_factors|scales|scales_h|scales_d scales_w scales_x";

pub(super) const ROWS: &[Row] = &[
    row("upsample_nearest1d", NEAREST, |call| nearest(call, false)),
    row("upsample_nearest2d", NEAREST, |call| nearest(call, false)),
    row("upsample_nearest3d", NEAREST, |call| nearest(call, false)),
    row("_upsample_nearest_exact1d", NEAREST, |call| nearest(call, true)),
    row("_upsample_nearest_exact2d", NEAREST, |call| nearest(call, true)),
    row("_upsample_nearest_exact3d", NEAREST, |call| nearest(call, true)),
    row("upsample_linear1d", ALIGNED, |call| aligned(call, Interpolation::Linear, false)),
    row("upsample_bilinear2d", ALIGNED, |call| aligned(call, Interpolation::Linear, false)),
    row("upsample_trilinear3d", ALIGNED, |call| aligned(call, Interpolation::Linear, false)),
    row("upsample_bicubic2d", ALIGNED, |call| aligned(call, Interpolation::Cubic(-0.75), false)),
    row("_upsample_bilinear2d_aa", ALIGNED, |call| aligned(call, Interpolation::Linear, true)),
    row("_upsample_bicubic2d_aa", ALIGNED, |call| {
        // With antialias the coefficient is that of Pillow.
        aligned(call, Interpolation::Cubic(-0.5), true)
    }),
];

fn nearest(call: &mut Call<'_>, is_exact: bool) -> Made {
    let (rounding, coordinates) = match is_exact {
        true => (Rounding::PreferCeil, Coordinates::HalfPixel),
        false => (Rounding::Floor, Coordinates::Asymmetric),
    };
    resized(call, Interpolation::Nearest(rounding), coordinates, 2, false)
}

fn aligned(call: &mut Call<'_>, interpolation: Interpolation, is_antialiased: bool) -> Made {
    let coordinates = match call.flag(2, false)? {
        true => Coordinates::AlignCorners,
        false => Coordinates::HalfPixel,
    };
    resized(call, interpolation, coordinates, 3, is_antialiased)
}

/// The spatial axes in the sizes that are given, or by factors.
fn resized(
    call: &mut Call<'_>,
    interpolation: Interpolation,
    coordinates: Coordinates,
    factors: usize,
    is_antialiased: bool,
) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let spatial = shape.get(2..).filter(|spatial| !spatial.is_empty());
    let spatial = spatial.ok_or_else(|| call.refuse_input(&x, "[N, C, spatial…]"))?;
    let scales = scales(call, factors, spatial.len())?;
    let sizes = match (call.arg(1), &scales) {
        (Some(_), _) => call.dims(1)?,
        (None, Some(scales)) => spatial
            .iter()
            .zip(scales)
            .map(|(size, &scale)| scaled(size, scale))
            .collect::<Option<Vec<Dim>>>()
            .ok_or_else(|| call.refuse(factors, "factors that give whole sizes"))?,
        (None, None) => return Err(call.refuse(1, "sizes or factors")),
    };
    if sizes.len() != spatial.len() {
        return Err(call.refuse(1, &format!("{} sizes", spatial.len())));
    }
    let mut axes = Vec::with_capacity(sizes.len());
    for (at, size) in sizes.into_iter().enumerate() {
        let scale = scales.as_ref().map(|scales| scales[at] as f32);
        if size != spatial[at] || scale.is_some_and(|scale| scale != 1.0) {
            axes.push(ResizeAxis { axis: at + 2, size, scale });
        }
    }
    if axes.is_empty() {
        return Ok(call.own(x));
    }
    let operator = Resize {
        axes,
        interpolation,
        coordinates,
        excludes_outside: is_antialiased,
        is_antialiased,
        extrapolation: 0.0,
    };
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// Factors: a list of them, or one for each axis.
fn scales(call: &mut Call<'_>, first: usize, axes: usize) -> Result<Option<Vec<f64>>, Reason> {
    let mut found = Vec::with_capacity(axes);
    match call.arg(first).cloned() {
        None => return Ok(None),
        Some(Value::List(items) | Value::Tuple(items)) => {
            for value in items.borrow().iter() {
                call.args[first] = Some(value.clone());
                found.push(call.float(first, 1.0)?);
            }
        }
        Some(_) => {
            for at in 0..axes {
                match call.arg(first + at) {
                    Some(_) => found.push(call.float(first + at, 1.0)?),
                    None => return Ok(None),
                }
            }
        }
    }
    match found.len() == axes && found.iter().all(|&scale| scale > 0.0) {
        true => Ok(Some(found)),
        false => Err(call.refuse(first, &format!("{axes} positive factors"))),
    }
}

/// `floor(size * scale)`, where that has an expression.
fn scaled(size: &Dim, scale: f64) -> Option<Dim> {
    if let Some(size) = size.known() {
        let made = (size as f64 * scale).floor();
        return (0.0..1e15).contains(&made).then(|| Dim::from(made as i64));
    }
    let inverse = 1.0 / scale;
    if scale.fract() == 0.0 && scale < 1e9 {
        return Some(size.clone() * Dim::from(scale as i64));
    }
    (inverse.fract() == 0.0 && inverse < 1e9).then(|| size.floor_div(&Dim::from(inverse as i64)))
}
