//! Operators that read images between their elements, cut them, or put them together from windows.

use super::conv::Window;
use super::index::whole;
use super::{Row, row};
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use ir::Op;
use operators::affine_grid::AffineGrid;
use operators::center_crop_pad::CenterCropPad;
use operators::col2im::Col2Im;
use operators::deform_columns::DeformColumns;
use operators::grid_sample::{GridSample, Outside, Sampling};
use operators::roi_align::RoiAlign;
use operators::roi_pool::RoiPool;
use tensor::Dim;

pub(super) const OPS: &[Row] = &[
    row("AffineGrid", &["align_corners"], affine_grid),
    row("CenterCropPad", &["axes"], center_crop_pad),
    row("Col2Im", &["dilations", "pads", "strides"], col2im),
    row(
        "DeformConv",
        &["dilations", "group", "kernel_shape", "offset_group", "pads", "strides"],
        deform_conv,
    ),
    row("GridSample", &["align_corners", "mode", "padding_mode"], grid_sample),
    row("MaxRoiPool", &["pooled_shape", "spatial_scale"], max_roi_pool),
    row(
        "RoiAlign",
        &[
            "coordinate_transformation_mode",
            "mode",
            "output_height",
            "output_width",
            "sampling_ratio",
            "spatial_scale",
        ],
        roi_align,
    ),
];

/// ONNX GridSample-16,20,22. Accepted: any number of spatial axes.
fn grid_sample(call: &mut Call<'_>) -> Made {
    let sampling = match call.text("mode")?.unwrap_or("linear") {
        "linear" | "bilinear" => Sampling::Linear,
        "cubic" | "bicubic" => Sampling::Cubic,
        "nearest" => Sampling::Nearest,
        other => return Err(call.refuse("mode", "linear, cubic or nearest", other)),
    };
    let outside = match call.text("padding_mode")?.unwrap_or("zeros") {
        "zeros" => Outside::Zeros,
        "border" => Outside::Edge,
        "reflection" => Outside::Reflection,
        other => return Err(call.refuse("padding_mode", "zeros, border or reflection", other)),
    };
    let aligns_corners = call.flag("align_corners", false)?;
    whole(call, GridSample { sampling, outside, aligns_corners })
}

/// ONNX AffineGrid-20.
fn affine_grid(call: &mut Call<'_>) -> Made {
    let (theta, aligns_corners) = (call.input(0)?, call.flag("align_corners", false)?);
    let size = call.dims(1, "the size")?;
    let sizes = size.get(2..).unwrap_or(&[]).to_vec();
    let operator = AffineGrid { sizes, aligns_corners };
    call.emit(Op::Whole(operator.into()), &[&theta])
}

/// ONNX CenterCropPad-18.
fn center_crop_pad(call: &mut Call<'_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let axes = match call.ints("axes")? {
        None => (0..rank).collect(),
        Some(values) => {
            let axes: Option<Vec<usize>> =
                values.iter().map(|&value| call::axis(value, rank)).collect();
            axes.ok_or_else(|| call.refuse("axes", "axes of the input", &format!("{values:?}")))?
        }
    };
    let operator = CenterCropPad { axes, sizes: call.dims(1, "the shape")? };
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// ONNX RoiAlign-10,16,22.
fn roi_align(call: &mut Call<'_>) -> Made {
    let count = |name: &str, default: i64| match call.int(name)?.unwrap_or(default) {
        value @ 0..=0xffff_ffff => Ok(value as usize),
        other => Err(call.refuse(name, "0 to 2^32", &other.to_string())),
    };
    let size = [count("output_height", 1)?, count("output_width", 1)?];
    let samples = count("sampling_ratio", 0)?;
    let default = if call.opset < 16 { "output_half_pixel" } else { "half_pixel" };
    let mode = "coordinate_transformation_mode";
    let is_half_pixel = match call.text(mode)?.unwrap_or(default) {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => return Err(call.refuse(mode, "half_pixel or output_half_pixel", other)),
    };
    let is_max = match call.text("mode")?.unwrap_or("avg") {
        "avg" => false,
        "max" => true,
        other => return Err(call.refuse("mode", "avg or max", other)),
    };
    let scale = call.float("spatial_scale")?.unwrap_or(1.0);
    whole(call, RoiAlign { size, samples, scale, is_half_pixel, is_max })
}

/// ONNX MaxRoiPool-1,22.
fn max_roi_pool(call: &mut Call<'_>) -> Made {
    let shape = call.ints("pooled_shape")?.unwrap_or_default();
    let sizes: Option<Vec<usize>> = shape.iter().map(|&size| usize::try_from(size).ok()).collect();
    let Some(&[height, width]) = sizes.as_deref() else {
        return Err(call.refuse("pooled_shape", "rows and columns", &format!("{shape:?}")));
    };
    let scale = call.float("spatial_scale")?.unwrap_or(1.0);
    whole(call, RoiPool { size: [height, width], scale })
}

/// ONNX Col2Im-18. Refused: sizes that are computed from data.
fn col2im(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let (sizes, kernel) = (call.dims(1, "the image's size")?, call.dims(2, "the kernel's size")?);
    let Window { strides, dilations, pads, .. } = Window::of(call, vec![1; sizes.len()])?;
    let operator = Col2Im { sizes, kernel, strides, dilations, pads };
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// ONNX DeformConv-19,22: what lies under the windows, times the weights. Accepted: any number of
/// spatial axes. Refused: weights and channels whose sizes are not known.
fn deform_conv(call: &mut Call<'_>) -> Made {
    let shape = call.fact(1)?.shape;
    let known: Option<Vec<usize>> = shape.iter().map(Dim::known_size).collect();
    let known = known.filter(|shape| shape.len() > 2).ok_or_else(|| Reason::Input {
        input: 1,
        expected: "weights of known size".to_string(),
        found: format!("{shape:?}"),
    })?;
    let positive = |name: &str| match call.int(name)?.unwrap_or(1) {
        value @ 1..=0xffff_ffff => Ok(value as usize),
        other => Err(call.refuse(name, "at least 1", &other.to_string())),
    };
    let (parts, groups) = (positive("group")?, positive("offset_group")?);
    let Window { kernel, strides, dilations, pads } = Window::of(call, known[2..].to_vec())?;
    let operator = DeformColumns { kernel, strides, dilations, pads, groups, ends_at_once: false };
    let (mut inputs, weights) = (vec![call.input(0)?, call.input(2)?], call.input(1)?);
    inputs.extend(call.optional(4));
    let bias = call.optional(3);
    let build = &mut call.build;
    Ok(vec![decompose::deformed(build, operator, &inputs, &weights, parts, bias.as_ref())?])
}
