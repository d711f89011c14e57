//! A chain has no kernels of its own: it runs those of `conv` and `depthwise` strip by strip.

use crate::Row;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; 3]] = &[Row::on_every_isa("chain", "chain_f32_nhwc_strips")];
