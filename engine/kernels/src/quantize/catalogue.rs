//! The kernels of the family.

use crate::Row;
use crate::catalogue::ISAS;

/// The rows of the catalogue.
pub(crate) const ROWS: &[[Row; ISAS]] = &[
    Row::on_every_isa("quantize", "quantize"),
    Row::on_every_isa("quantize", "dequantize"),
    Row::on_every_isa("quantize", "byte_sum"),
];
