//! Parts of values.

use super::super::step::{Made, Step};
use super::{Row, row, same};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[same("SLICE", "Slice"), row("STRIDED_SLICE", strided)];

const MASKS: [&str; 5] =
    ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"];

fn strided(step: &mut Step<'_, '_, '_>) -> Made {
    if step.flag(MASKS.len()) {
        return Err(step.refuse("offset", "ends counted from the start", "from the begins"));
    }
    let masks = MASKS.iter().enumerate();
    let masks = masks.map(|(field, name)| (*name, Attribute::Int(step.int(field))));
    let masks: Vec<(&str, Attribute)> = masks.collect();
    step.apply_all("StridedSlice", &masks)
}
