//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue: of f32, and of bf16.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("attention", "attention_f32"),
    Row::on_every_isa("attention", "attention_bf16"),
];
