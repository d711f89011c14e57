//! A chain has no kernels of its own: it runs those of `conv` and `depthwise` strip by strip.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("chain", "chain_f32_nhwc_strips"),
    Row::on_every_isa("chain", "chain_bf16_nhwc_strips"),
];
