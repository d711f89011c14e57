//! Operators whose result is known without data, or up to the sizes of the inputs.

use super::{Row, row, same};
use crate::tensorflow::nodes::Attribute;

pub(super) const ROWS: &[Row] = &[
    row("SHAPE", |step| {
        let to = step.made_type()?;
        step.apply_all("Shape", &[("out_type", Attribute::Type(to))])
    }),
    same("RANK", "Rank"),
    same("FILL", "Fill"),
    same("RANGE", "Range"),
    same("ZEROS_LIKE", "ZerosLike"),
    same("BROADCAST_ARGS", "BroadcastArgs"),
];
