//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("pool", "max_f32_nhwc"),
    Row::on_every_isa("pool", "max_u8_nhwc"),
    Row::on_every_isa("pool", "average_f32_nhwc"),
    Row::on_every_isa("pool", "pool_scalar"),
];
