//! Operators that read images between their elements, or cut them.

use crate::call::{Call, Written};
use crate::messages::{flag, float, size, sizes, text};
use operators::affine_grid::AffineGrid;
use operators::center_crop_pad::CenterCropPad;
use operators::grid_sample::{GridSample, Outside, Sampling};
use operators::roi_align::RoiAlign;
use operators::roi_pool::RoiPool;
use tensor::{DType, Dim};

/// The size of the image is asked for with its channels, of which nothing depends.
pub(super) fn affine_grid(call: &mut Call<'_, '_>, grid: &AffineGrid) -> Written {
    let (theta, batch) = (call.input(0), call.fact(0).shape.swap_remove(0));
    let image = [vec![batch, Dim::from(1)], grid.sizes.clone()].concat();
    let image = call.sizes(&image)?;
    call.last("AffineGrid", &[&theta, &image], vec![flag("align_corners", grid.aligns_corners)])
}

pub(super) fn center_crop_pad(call: &mut Call<'_, '_>, crop: &CenterCropPad) -> Written {
    let (x, target) = (call.input(0), call.sizes(&crop.sizes)?);
    call.last("CenterCropPad", &[&x, &target], vec![sizes("axes", &crop.axes)])
}

pub(super) fn grid_sample(call: &mut Call<'_, '_>, sample: &GridSample) -> Written {
    let mode = match sample.sampling {
        Sampling::Nearest => "nearest",
        Sampling::Linear => "linear",
        Sampling::Cubic => "cubic",
    };
    let outside = match sample.outside {
        Outside::Zeros => "zeros",
        Outside::Edge => "border",
        Outside::Reflection => "reflection",
    };
    let attributes = vec![
        text("mode", mode),
        text("padding_mode", outside),
        flag("align_corners", sample.aligns_corners),
    ];
    call.same("GridSample", attributes)
}

/// The standard's operator takes indices of 64 bits alone.
pub(super) fn roi_align(call: &mut Call<'_, '_>, align: &RoiAlign) -> Written {
    let (x, boxes, images) = (call.input(0), call.input(1), call.cast(2, DType::I64));
    let coordinates = if align.is_half_pixel { "half_pixel" } else { "output_half_pixel" };
    let attributes = vec![
        text("coordinate_transformation_mode", coordinates),
        text("mode", if align.is_max { "max" } else { "avg" }),
        size("output_height", align.size[0]),
        size("output_width", align.size[1]),
        size("sampling_ratio", align.samples),
        float("spatial_scale", align.scale),
    ];
    call.last("RoiAlign", &[&x, &boxes, &images], attributes)
}

pub(super) fn roi_pool(call: &mut Call<'_, '_>, pool: &RoiPool) -> Written {
    let attributes = vec![sizes("pooled_shape", &pool.size), float("spatial_scale", pool.scale)];
    call.same("MaxRoiPool", attributes)
}
