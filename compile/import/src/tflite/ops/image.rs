//! Images in another size.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("RESIZE_BILINEAR", |step| resize(step, "ResizeBilinear", 2)),
    row("RESIZE_NEAREST_NEIGHBOR", |step| resize(step, "ResizeNearestNeighbor", 0)),
];

/// The options that say where pixels lie begin at a field.
fn resize(step: &mut Step<'_, '_, '_>, op: &str, field: usize) -> Made {
    let (corners, centers) = (step.flag(field), step.flag(field + 1));
    let attributes = [
        ("align_corners", Attribute::Flag(corners)),
        ("half_pixel_centers", Attribute::Flag(centers)),
    ];
    step.apply_all(op, &attributes)
}
