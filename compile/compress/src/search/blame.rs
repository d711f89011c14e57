//! The damage that each layer does: alone, and in its place among the others.

use super::Trial;
use crate::evaluate::Harm;
use crate::{CompressError, Config, Layer, Precision};
use serde::{Deserialize, Serialize};

/// What was found out about a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// The layer.
    pub layer: String,
    /// Its operator.
    pub op: String,
    /// Its part of the multiply-accumulates of all layers.
    pub macs_share: f64,
    /// The precision that it is accused in.
    pub precision: Precision,
    /// What it does when only this layer is compressed.
    pub alone: Harm,
    /// What is left when this layer alone is put back.
    pub without: Harm,
    /// By how much less the answers then diverge: the layer's guilt.
    pub relief: f64,
}

/// The layers that `config` compresses, the guiltiest first. Each costs two probes.
pub fn blame(
    layers: &[Layer],
    config: &Config,
    trial: &mut dyn Trial,
) -> Result<Vec<Blame>, CompressError> {
    let whole = trial.probe("every layer compressed", config)?;
    let macs: u64 = layers.iter().map(|layer| layer.macs).sum();
    let mut found = Vec::new();
    for layer in layers {
        let precision = config.precision(&layer.name);
        if precision == Precision::F32 {
            continue;
        }
        let only = [(layer.name.clone(), precision)].into();
        let only = Config { layers: only, ..config.clone() };
        let alone = trial.probe(&format!("{} alone", layer.name), &only)?;
        let mut others = config.clone();
        others.layers.remove(&layer.name);
        let without = trial.probe(&format!("all but {}", layer.name), &others)?;
        found.push(Blame {
            layer: layer.name.clone(),
            op: layer.op.to_string(),
            macs_share: layer.macs as f64 / macs.max(1) as f64,
            precision,
            alone,
            without,
            relief: whole.divergence - without.divergence,
        });
    }
    // Of layers that relieve alike the one that does more alone; then the order of the graph.
    found.sort_by(|a, b| {
        let by_damage = || b.alone.divergence.total_cmp(&a.alone.divergence);
        b.relief.total_cmp(&a.relief).then_with(by_damage)
    });
    Ok(found)
}
