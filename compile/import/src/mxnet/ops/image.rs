//! Images in another size.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::decompose::arithmetic::{slice, with, with_axis};
use crate::error::Reason;
use ir::Op;
use operators::conv_transpose::ConvTranspose;
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis};
use operators::roi_align::RoiAlign;
use operators::roi_pool::RoiPool;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("UpSampling", up_sampling),
    row("_contrib_BilinearResize2D", bilinear_resize),
    row("Crop", crop),
    row("ROIPooling", roi_pooling),
    row("_contrib_ROIAlign", roi_align),
    row("depth_to_space", depth_to_space),
    row("space_to_depth", space_to_depth),
];

/// Each element several times along the last two of four axes.
fn repeated(call: &mut Call<'_, '_>, x: &Operand, scale: usize) -> Result<Operand, Reason> {
    let build = call.build();
    let shape = build.fact(x).shape;
    let x = with_axis(build, x, 4)?;
    let x = with_axis(build, &x, 3)?;
    let factor = Dim::from(scale);
    let [n, c, h, w] = [0, 1, 2, 3].map(|axis| shape[axis].clone());
    let wide = [&n, &c, &h, &factor, &w, &factor].map(Clone::clone).to_vec();
    let x = build.expand(&x, wide)?;
    build.reshape(&x, vec![n, c, h * factor.clone(), w * factor])
}

fn up_sampling(call: &mut Call<'_, '_>) -> Made {
    let (x, scale) = (call.of_rank(0, 4)?, call.count("scale", 1)?.max(1));
    match call.text("sample_type").unwrap_or("nearest") {
        "nearest" if call.count("num_args", 1)? <= 1 => Ok(vec![repeated(call, &x, scale)?]),
        "nearest" => Err(call.refuse("num_args", "1", "more")),
        // A transposed convolution whose kernel is a parameter.
        "bilinear" => {
            let weights = call.input(1)?;
            let pad = (scale as f64 - 1.0) / 2.0;
            let pad = pad.ceil() as i64;
            let groups = call.fact(1)?.shape.first().and_then(Dim::known_size).unwrap_or(1);
            let operator = ConvTranspose {
                pads: vec![(pad, pad); 2],
                strides: vec![scale; 2],
                dilations: vec![1; 2],
                groups,
            };
            let build = call.build();
            Ok(vec![decompose::conv_transpose(build, operator, &x, &weights, None)?])
        }
        other => Err(call.refuse("sample_type", "nearest or bilinear", other)),
    }
}

/// What `BilinearResize2D` makes of a size, which is that of an axis.
fn resized(call: &Call<'_, '_>, axis: usize, size: &Dim) -> Result<Dim, Reason> {
    let (name, scale) = [("height", "scale_height"), ("width", "scale_width")][axis - 2];
    let (one, two) = (Dim::from(1), Dim::from(2));
    let even = |size: Dim| size.floor_div(&two) * two.clone();
    match (call.text("mode").unwrap_or("size"), call.text(scale)) {
        ("size", None) => Ok(Dim::from(call.count(name, 1)?)),
        (mode @ ("size" | "odd_scale"), _) => {
            let known = size.known_size().ok_or_else(|| Reason::DataDependent {
                input: 0,
                what: "the size of the image".to_string(),
            })?;
            let factor = call.float(scale, 1.0)?;
            // What is between the first element and the last one is scaled, or all there is.
            let border = usize::from(mode == "odd_scale" && known % 2 == 1);
            Ok(Dim::from(((known - border) as f64 * factor) as usize + border))
        }
        ("like", _) => call.fact(1)?.shape.get(axis).cloned().ok_or(Reason::UnknownRank),
        ("to_even_down", _) => Ok(even(size.clone())),
        ("to_even_up", _) => Ok(even(size.clone() + one)),
        ("to_odd_down", _) => Ok(even(size.clone() - one.clone()) + one),
        ("to_odd_up", _) => Ok(even(size.clone()) + one),
        (other, _) => {
            let expected =
                "size, odd_scale, like, to_even_down, to_even_up, to_odd_down or to_odd_up";
            Err(call.refuse("mode", expected, other))
        }
    }
}

fn bilinear_resize(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.of_rank(0, 4)?, call.fact(0)?.shape);
    let axes = (2..4).map(|axis| {
        let size = resized(call, axis, &shape[axis])?;
        Ok(ResizeAxis { axis, size, scale: None })
    });
    let axes = axes.collect::<Result<Vec<ResizeAxis>, Reason>>()?;
    let is_aligned = call.flag("align_corners", true)?;
    let operator = Resize {
        axes,
        interpolation: Interpolation::Linear,
        coordinates: if is_aligned { Coordinates::AlignCorners } else { Coordinates::HalfPixel },
        excludes_outside: false,
        is_antialiased: false,
        extrapolation: 0.0,
    };
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// The size of another value, or the one that is said, cut out at a place or in the middle.
fn crop(call: &mut Call<'_, '_>) -> Made {
    let (mut x, shape) = (call.of_rank(0, 4)?, call.fact(0)?.shape);
    let wanted = match call.inputs.len() {
        1 => call.sizes("h_w", 2, 0)?.into_iter().map(Dim::from).collect(),
        _ => call.fact(1)?.shape.get(2..).map(<[Dim]>::to_vec).ok_or(Reason::UnknownRank)?,
    };
    let offset = call.sizes("offset", 2, 0)?;
    let is_centered = call.flag("center_crop", false)?;
    for (at, wanted) in wanted.into_iter().enumerate().take(2) {
        let start = match is_centered {
            true => (shape[at + 2].clone() - wanted.clone()).floor_div(&Dim::from(2)),
            false => Dim::from(offset[at]),
        };
        x = slice(call.build(), &x, at + 2, start, wanted)?;
    }
    Ok(vec![x])
}

/// `(x, boxes[R, 5])`: the image of each box, and its corners.
fn roi_pooling(call: &mut Call<'_, '_>) -> Made {
    let (x, boxes) = (call.of_rank(0, 4)?, call.of_rank(1, 2)?);
    let size = call.sizes("pooled_size", 2, 1)?;
    let scale = call.float("spatial_scale", 1.0)? as f32;
    let operator = RoiPool { size: [size[0], size[1]], scale };
    call.emit(Op::Whole(operator.into()), &[&x, &boxes])
}

/// As `roi_pooling`, with means of samples between the elements. A box of an image below 0 is
/// nowhere, and what is in it is 0.
fn roi_align(call: &mut Call<'_, '_>) -> Made {
    let (x, boxes) = (call.of_rank(0, 4)?, call.of_rank(1, 2)?);
    if call.flag("position_sensitive", false)? {
        return Err(call.refuse("position_sensitive", "False", "True"));
    }
    let size = call.sizes("pooled_size", 2, 1)?;
    let samples = call.int("sample_ratio")?.unwrap_or(-1);
    let operator = RoiAlign {
        size: [size[0], size[1]],
        // A number below 1 stands for as many as there are elements.
        samples: usize::try_from(samples).unwrap_or(0),
        scale: call.float("spatial_scale", 1.0)? as f32,
        is_half_pixel: call.flag("aligned", false)?,
        is_max: false,
    };
    let count = call.fact(1)?.shape[0].clone();
    let build = call.build();
    let images = slice(build, &boxes, 1, Dim::from(0), Dim::from(1))?;
    let images = build.reshape(&images, vec![count.clone()])?;
    let images = build.cast(&images, DType::I64)?;
    let is_nowhere = with(build, Binary::Less, &images, 0.0)?;
    let images = with(build, Binary::Max, &images, 0.0)?;
    let corners = slice(build, &boxes, 1, Dim::from(1), Dim::from(4))?;
    let made = build.emit(Op::Whole(operator.into()), &[&x, &corners, &images])?;
    let one = Dim::from(1);
    let is_nowhere = build.reshape(&is_nowhere, vec![count, one.clone(), one.clone(), one])?;
    let nothing = build.number(build.fact(&made).dtype, 0.0)?;
    call.emit(Op::Select, &[&is_nowhere, &nothing, &made])
}

fn block(call: &Call<'_, '_>) -> Result<Dim, Reason> {
    match call.count("block_size", 0)? {
        0 => Err(call.refuse("block_size", "at least 1", "0")),
        size => Ok(Dim::from(size)),
    }
}

fn depth_to_space(call: &mut Call<'_, '_>) -> Made {
    let (x, shape, block) = (call.of_rank(0, 4)?, call.fact(0)?.shape, block(call)?);
    let [n, c, h, w] = [0, 1, 2, 3].map(|axis| shape[axis].clone());
    let depth = c.floor_div(&(block.clone() * block.clone()));
    let split = [&n, &block, &block, &depth, &h, &w].map(Clone::clone).to_vec();
    let build = call.build();
    let made = build.reshape(&x, split)?;
    let made = build.transpose(&made, vec![0, 3, 4, 1, 5, 2])?;
    Ok(vec![build.reshape(&made, vec![n, depth, h * block.clone(), w * block])?])
}

fn space_to_depth(call: &mut Call<'_, '_>) -> Made {
    let (x, shape, block) = (call.of_rank(0, 4)?, call.fact(0)?.shape, block(call)?);
    let [n, c, h, w] = [0, 1, 2, 3].map(|axis| shape[axis].clone());
    let (h, w) = (h.floor_div(&block), w.floor_div(&block));
    let split = [&n, &c, &h, &block, &w, &block].map(Clone::clone).to_vec();
    let build = call.build();
    let made = build.reshape(&x, split)?;
    let made = build.transpose(&made, vec![0, 3, 5, 1, 2, 4])?;
    Ok(vec![build.reshape(&made, vec![n, c * block.clone() * block, h, w])?])
}
