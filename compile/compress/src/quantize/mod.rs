//! The graph in which each layer has the precision that it is given.

mod affine;
mod bias;
mod equalize;
mod insert;
mod learned;
mod smooth;

pub use affine::Affine;
pub(crate) use bias::add_to_results;
pub use bias::correct_bias;
pub use equalize::{Equalized, equalize};
pub(crate) use insert::points;
pub use learned::{Learning, learn_rounding};
pub use smooth::smooth;

use crate::layers::sites;
use crate::observe::drop_unneeded;
use crate::{CompressError, Config, Ranges};
use ir::Graph;

/// The same graph with each layer in the precision that `config` gives it. `ranges` are those of
/// this graph's values; values keep their numbers.
pub fn quantize(graph: &Graph, ranges: &Ranges, config: &Config) -> Result<Graph, CompressError> {
    let sites = sites(graph);
    if let Some(name) = config.layers.keys().find(|name| sites.iter().all(|s| &s.name != *name)) {
        return Err(CompressError::Unfit(format!(
            "layer `{name}`: expected one of the {} layers of the model, found none of that name",
            sites.len()
        )));
    }
    let mut made = insert::insert(graph, &sites, ranges, config)?;
    drop_unneeded(&mut made);
    made.verify()?;
    Ok(made)
}
