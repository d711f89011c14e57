//! The kernels of the family.

use crate::Row;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; 3]] =
    &[Row::on_every_isa("pool", "max_f32_nhwc"), Row::on_every_isa("pool", "average_f32_nhwc")];
