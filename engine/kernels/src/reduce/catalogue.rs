//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("reduce", "reduce_f32"),
    Row::on_every_isa("reduce", "reduce_scalar"),
    Row::on_every_isa("reduce", "arg_reduce"),
];
