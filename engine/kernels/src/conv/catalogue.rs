//! Convolution has no tile kernels of its own: it runs those of `matmul` over gathered rows.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("conv", "conv_f32_nhwc_implicit_gemm"),
    Row::on_every_isa("conv", "conv_scalar"),
];
