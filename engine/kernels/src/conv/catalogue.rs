//! Convolution has no tile kernels of its own: it runs those of `matmul` over gathered rows.

use crate::Row;

/// The rows of the catalogue.
pub(crate) const ROWS: &[Row] = &Row::on_every_isa("conv", "conv_f32_nhwc_implicit_gemm");
