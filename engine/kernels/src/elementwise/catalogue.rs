//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("elementwise", "unary_f32"),
    Row::on_every_isa("elementwise", "binary_f32"),
    Row::on_every_isa("elementwise", "unary_scalar"),
    Row::on_every_isa("elementwise", "binary_scalar"),
    Row::on_every_isa("elementwise", "select"),
    Row::on_every_isa("elementwise", "cast"),
];
