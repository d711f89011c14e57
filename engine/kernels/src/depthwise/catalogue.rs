//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("depthwise", "depthwise_f32_nhwc"),
    Row::on_every_isa("depthwise", "depthwise_bf16_nhwc"),
    Row::on_every_isa("depthwise", "depthwise_u8i8_nhwc"),
];
