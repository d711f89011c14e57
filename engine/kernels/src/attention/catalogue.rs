//! The kernels of the family.

use crate::Row;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; 3]] = &[Row::on_every_isa("attention", "attention_f32")];
