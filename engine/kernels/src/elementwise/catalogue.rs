//! The kernels of the family.

use crate::Row;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; 3]] = &[
    Row::on_every_isa("elementwise", "unary_f32"),
    Row::on_every_isa("elementwise", "binary_f32"),
    Row::on_every_isa("elementwise", "unary_scalar"),
    Row::on_every_isa("elementwise", "binary_scalar"),
    Row::on_every_isa("elementwise", "select"),
    Row::on_every_isa("elementwise", "cast"),
];
