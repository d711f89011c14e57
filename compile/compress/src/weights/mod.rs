//! Weights as what they are rounded by: rows of one output channel each.

mod clustered;
mod grouped;
mod halves;
mod integers;
mod rows;
mod symmetric;

pub(crate) use integers::Integers;
pub(crate) use rows::Rows;
pub(crate) use symmetric::{Symmetric, per_channel};

use crate::layers::Site;
use crate::{Clip, CompressError, Precision};
use ir::{Graph, ValueId};

/// Adds what holds the weights of a layer in a precision, and gives the floats that are made of it.
/// `None` where the weights stay as they are.
pub(crate) fn stored(
    graph: &mut Graph,
    site: &Site,
    precision: Precision,
    clip: Clip,
) -> Result<Option<ValueId>, CompressError> {
    let bits = match precision {
        Precision::F32 => return Ok(None),
        Precision::F16 | Precision::Bf16 => {
            return halves::stored(graph, site, precision).map(Some);
        }
        Precision::Clusters => return clustered::stored(graph, site).map(Some),
        Precision::WeightsInt4 => return grouped::stored(graph, site, clip).map(Some),
        Precision::Int4Static => 4,
        Precision::WeightsInt8 | Precision::Int8Static | Precision::Int8Dynamic => 8,
    };
    let rows = Rows::of(site)?;
    let symmetric = Symmetric::of(&rows, bits, clip);
    per_channel(graph, site, &symmetric, &symmetric.nearest(&rows)).map(Some)
}
