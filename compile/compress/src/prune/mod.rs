//! Fewer weights: zeros among them, or whole channels gone.

mod allocate;
mod channels;
mod damage;
mod magnitude;
mod moments;
mod pattern;
mod second_order;

pub use channels::{ChannelPruning, Channels, prune_channels};
pub use pattern::Pattern;

use crate::layers::{Site, float_sites};
use crate::observe::{Draw, draw, drop_unneeded};
use crate::weights::Rows;
use crate::{CompressError, Samples};
use allocate::{Choice, allocate};
use damage::Reference;
use ir::{Graph, ValueId};
use moments::Moments;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which weights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The smallest.
    Magnitude,
    /// Those whose loss the others make up for best.
    SecondOrder,
}

/// How many weights go, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WeightPruning {
    /// Which go.
    pub criterion: Criterion,
    /// What the zeros look like.
    pub pattern: Pattern,
    /// The share of all weights that goes, unless the pattern has its own.
    pub share: f64,
    /// Samples that the outputs' error is measured on, at most.
    pub measured: usize,
    /// Samples that inputs are taken from, at most.
    pub samples: usize,
    /// Positions of each layer that are looked at, about.
    pub positions: usize,
    /// What chance begins with.
    pub seed: u64,
}

impl Default for WeightPruning {
    /// Three quarters of the weights.
    fn default() -> WeightPruning {
        WeightPruning {
            criterion: Criterion::SecondOrder,
            pattern: Pattern::Single,
            share: 0.75,
            measured: 32,
            samples: 256,
            positions: 8192,
            seed: 1,
        }
    }
}

/// Shares of a layer's weights that are tried.
const SHARES: [f64; 7] = [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// Numbers that the positions of one layer take at most: an eighth of a gigabyte.
const NUMBERS_MAX: usize = 32 << 20;

/// Layers that are pruned by inputs of the same run.
const LAYERS_AT_ONCE: usize = 4;

/// The graph with zeros among its weights, and the share of zeros of each layer. How many each
/// layer loses is found: several shares of each are tried by magnitude, the outputs' error is
/// measured, and those are taken that cost the least of it for the weights that go. `progress` is
/// told after each trial and each layer.
pub fn prune_weights(
    graph: &Graph,
    samples: &Samples,
    pruning: &WeightPruning,
    progress: &mut dyn FnMut(),
) -> Result<(Graph, BTreeMap<String, f64>), CompressError> {
    let shares = shares(graph, samples, pruning, progress)?;
    let samples = samples.spread(pruning.samples);
    let mut made = graph.clone();
    let all = float_sites(graph);
    for part in all.chunks(LAYERS_AT_ONCE) {
        let (positions, seed) = (pruning.positions, pruning.seed);
        let how = Draw { positions, numbers_max: NUMBERS_MAX, seed };
        let layers: Vec<(&Site, ValueId)> =
            part.iter().map(|site| (site, graph.nodes[site.node].output)).collect();
        let drawn = match pruning.criterion {
            Criterion::SecondOrder => Some(draw(graph, &made, &layers, &samples, how)?),
            Criterion::Magnitude => None,
        };
        for (at, site) in part.iter().enumerate() {
            let mut rows = Rows::of(site)?;
            let share = shares[&site.name];
            let (depth, groups) = (rows.depth, site.groups.unwrap_or(1));
            let per_group = rows.numbers.len() / groups;
            match drawn.as_ref().map(|drawn| &drawn[at]) {
                _ if share == 0.0 => {}
                None => magnitude::prune(&mut rows.numbers, depth, pruning.pattern, share),
                Some(drawn) => {
                    for (group, weights) in rows.numbers.chunks_exact_mut(per_group).enumerate() {
                        let moments = Moments::of(drawn, site, group)?;
                        second_order::prune(weights, &moments, pruning.pattern, share)?;
                    }
                }
            }
            put(&mut made, site, &rows)?;
            progress();
        }
    }
    drop_unneeded(&mut made);
    made.verify()?;
    let zeros = float_sites(&made).into_iter().map(|site| {
        let weights = site.stored.as_slice::<f32>()?;
        let zeros = weights.iter().filter(|w| **w == 0.0).count();
        Ok((site.name, zeros as f64 / weights.len() as f64))
    });
    let zeros = zeros.collect::<Result<_, CompressError>>()?;
    Ok((made, zeros))
}

fn put(graph: &mut Graph, site: &Site, rows: &Rows) -> Result<(), CompressError> {
    let weights = rows.tensor(site)?;
    let name = format!("{}.weights", site.name);
    graph.nodes[site.node].inputs[1] = graph.constant(&name, weights);
    Ok(())
}

/// The share of each layer's weights that goes.
fn shares(
    graph: &Graph,
    samples: &Samples,
    pruning: &WeightPruning,
    progress: &mut dyn FnMut(),
) -> Result<BTreeMap<String, f64>, CompressError> {
    let sites = float_sites(graph);
    if let Pattern::Among { of, .. } = pruning.pattern {
        // Kernels take neighbours together only where no row ends among them.
        let share = |site: &Site| if site.depth().is_multiple_of(of) { pruning.share } else { 0.0 };
        return Ok(sites.iter().map(|site| (site.name.clone(), share(site))).collect());
    }
    let measured = samples.spread(pruning.measured);
    let reference = Reference::of(graph, &measured)?;
    let mut parts = Vec::with_capacity(sites.len());
    for site in &sites {
        let exact = Rows::of(site)?;
        let mut choices = Vec::with_capacity(SHARES.len());
        for share in SHARES {
            let mut rows = exact.clone();
            magnitude::prune(&mut rows.numbers, exact.depth, pruning.pattern, share);
            let mut tried = graph.clone();
            put(&mut tried, site, &rows)?;
            let saved = share * exact.numbers.len() as f64;
            choices.push(Choice { saved, damage: reference.damage(&tried)? });
            progress();
        }
        parts.push(choices);
    }
    let all: usize = sites.iter().map(|site| site.stored.len()).sum();
    let chosen = allocate(&parts, all as f64 * pruning.share);
    let share = |chosen: usize| chosen.checked_sub(1).map_or(0.0, |index| SHARES[index]);
    let shares = sites.into_iter().zip(chosen).map(|(site, chosen)| (site.name, share(chosen)));
    Ok(shares.collect())
}
