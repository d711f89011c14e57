//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("norm", "softmax_f32"),
    Row::on_every_isa("norm", "layer_norm_f32"),
    Row::on_every_isa("norm", "local_response_f32"),
    Row::on_every_isa("norm", "norm_scalar"),
];
