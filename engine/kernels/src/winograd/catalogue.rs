//! Winograd convolution has no tile kernels of its own: between its transforms it runs those of
//! `matmul`.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("winograd", "winograd_f32_nhwc_2x2_3x3"),
    Row::on_every_isa("winograd", "winograd_f32_nhwc_4x4_3x3"),
    Row::on_every_isa("winograd", "winograd_bf16_nhwc_2x2_3x3"),
    Row::on_every_isa("winograd", "winograd_bf16_nhwc_4x4_3x3"),
];
