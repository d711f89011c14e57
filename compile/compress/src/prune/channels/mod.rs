//! Structured pruning: whole channels go, and what is left is a smaller dense graph.
//!
//! Which channels go together, the graph says; how many of each set, is found: each set is cut by
//! several shares, the outputs' error is measured, and cuts are taken in the order of the error
//! that they cost for the multiplications that they save. Then each layer's weights are fitted
//! anew, by least squares, to what the original layer makes of the same samples.

mod refit;
mod shrink;
mod tracks;

#[cfg(test)]
mod tests;

use super::allocate::{Choice, allocate};
use super::damage::Reference;
use crate::layers::{Site, float_sites, layers};
use crate::observe::visit;
use crate::weights::Rows;
use crate::{CompressError, Samples};
use ir::{Graph, ValueId};
use serde::{Deserialize, Serialize};
use shrink::shrink;
use std::collections::{BTreeMap, BTreeSet};
use tracks::Tracks;

/// How many channels go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChannelPruning {
    /// The share of the multiply-accumulates that is left, about.
    pub macs_kept: f64,
    /// Samples that the outputs' error is measured on, at most.
    pub measured: usize,
    /// Samples that weights are fitted to, at most.
    pub samples: usize,
    /// Positions of each layer that weights are fitted to, about.
    pub positions: usize,
    /// What chance begins with.
    pub seed: u64,
}

impl Default for ChannelPruning {
    /// Half of the multiply-accumulates.
    fn default() -> ChannelPruning {
        ChannelPruning { macs_kept: 0.5, measured: 32, samples: 256, positions: 8192, seed: 1 }
    }
}

/// Output channels of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// The layer.
    pub layer: String,
    /// In the original.
    pub before: usize,
    /// In what is left.
    pub after: usize,
}

/// Shares of a set's channels that are tried. Beyond three quarters layers become bottlenecks,
/// which no fitting of weights makes up for.
const SHARES: [f64; 6] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75];

/// Channels are left in multiples of this: half a panel of the engine's packed weights.
const UNIT: usize = 8;

/// Channels that only go together with others of the same layers, the least important first.
struct Set {
    roots: Vec<u32>,
}

/// The graph with so many channels fewer, and what is left of each layer. `progress` is told after
/// each cut that is measured, and after each layer that is fitted.
pub fn prune_channels(
    graph: &Graph,
    samples: &Samples,
    pruning: &ChannelPruning,
    progress: &mut dyn FnMut(),
) -> Result<(Graph, Vec<Channels>), CompressError> {
    let tracks = Tracks::of(graph);
    let measured = samples.spread(pruning.measured);
    let sets = sets(graph, &tracks, &measured)?;
    let all = macs(graph);
    let reference = Reference::of(graph, &measured)?;
    let mut parts = Vec::with_capacity(sets.len());
    for set in &sets {
        let mut choices = Vec::new();
        for count in counts(set.roots.len()) {
            let gone = set.roots[..count].iter().copied().collect();
            let cut = shrink(graph, &tracks, &gone)?.graph;
            let saved = (all - macs(&cut)) as f64;
            choices.push((count, Choice { saved, damage: reference.damage(&cut)? }));
            progress();
        }
        parts.push(choices);
    }
    let gone = chosen(graph, &tracks, &sets, &parts, pruning.macs_kept)?;
    let shrunk = shrink(graph, &tracks, &gone)?;
    let made = refit::refit(graph, &tracks, &gone, shrunk, samples, pruning, progress)?;
    let before = float_sites(graph);
    let after = float_sites(&made).into_iter().map(|site| site.channels());
    let channels = before.iter().zip(after).map(|(site, after)| {
        let (layer, before) = (site.name.clone(), site.channels());
        Channels { layer, before, after }
    });
    Ok((made, channels.collect()))
}

/// How many of a set of channels may go.
fn counts(channels: usize) -> Vec<usize> {
    let left = SHARES.map(|share| ((channels as f64 * (1.0 - share)) as usize).max(1));
    let mut left = left.map(|left| left.next_multiple_of(UNIT)).to_vec();
    left.dedup();
    left.retain(|&left| left < channels);
    left.into_iter().map(|left| channels - left).collect()
}

fn macs(graph: &Graph) -> u64 {
    layers(graph).iter().map(|layer| layer.macs).sum()
}

/// The roots that go. Cuts of several sets save less together than one by one, so more is asked
/// for until it is enough.
fn chosen(
    graph: &Graph,
    tracks: &Tracks,
    sets: &[Set],
    parts: &[Vec<(usize, Choice)>],
    macs_kept: f64,
) -> Result<BTreeSet<u32>, CompressError> {
    let all = macs(graph) as f64;
    let choices: Vec<Vec<Choice>> =
        parts.iter().map(|part| part.iter().map(|(_, choice)| *choice).collect()).collect();
    let mut gone = BTreeSet::new();
    for round in 0..40 {
        let target = all * (1.0 - macs_kept) * 1.05f64.powi(round);
        let chosen = allocate(&choices, target);
        gone.clear();
        for ((set, part), chosen) in sets.iter().zip(parts).zip(&chosen) {
            let count = chosen.checked_sub(1).map_or(0, |index| part[index].0);
            gone.extend(&set.roots[..count]);
        }
        let left = macs(&shrink(graph, tracks, &gone)?.graph) as f64;
        if left <= all * macs_kept || chosen.iter().zip(parts).all(|(&n, part)| n == part.len()) {
            break;
        }
    }
    Ok(gone)
}

/// A layer by its place, and whether it makes a channel or reads it.
type Met = BTreeSet<(usize, bool)>;

/// The sets of a graph.
fn sets(graph: &Graph, tracks: &Tracks, samples: &Samples) -> Result<Vec<Set>, CompressError> {
    let sites = float_sites(graph);
    let squares = mean_squares(graph, tracks, &sites, samples)?;
    // Of each root the layers that make and read it, and what its loss does to those that read it.
    let mut met: BTreeMap<u32, (Met, f64)> = BTreeMap::new();
    for (at, site) in sites.iter().enumerate() {
        if let Some(track) = tracks.get(graph.nodes[site.node].output) {
            for &mark in &track.marks {
                met.entry(tracks.root(mark)).or_default().0.insert((at, true));
            }
        }
        let (Some(track), Some(squares)) = (tracks.get(site.input), squares.get(&site.input))
        else {
            continue;
        };
        let energies = energies(site, squares)?;
        let total: f64 = energies.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for (&mark, energy) in track.marks.iter().zip(energies) {
            let (layers, loss) = met.entry(tracks.root(mark)).or_default();
            layers.insert((at, false));
            *loss += energy / total;
        }
    }
    let mut sets: BTreeMap<Met, Vec<(f64, u32)>> = BTreeMap::new();
    for (root, (layers, loss)) in met {
        let is_made = layers.iter().any(|(_, is_made)| *is_made);
        if is_made && !tracks.is_fixed(root) {
            sets.entry(layers).or_default().push((loss, root));
        }
    }
    let set = |mut roots: Vec<(f64, u32)>| {
        roots.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Set { roots: roots.into_iter().map(|(_, root)| root).collect() }
    };
    Ok(sets.into_values().map(set).collect())
}

/// The mean square of each channel of what layers read.
fn mean_squares(
    graph: &Graph,
    tracks: &Tracks,
    sites: &[Site],
    samples: &Samples,
) -> Result<BTreeMap<ValueId, Vec<f64>>, CompressError> {
    let mut values: Vec<ValueId> = sites.iter().map(|site| site.input).collect();
    values.sort();
    values.dedup();
    values.retain(|&id| tracks.get(id).is_some());
    let mut squares: BTreeMap<ValueId, Vec<f64>> = BTreeMap::new();
    visit(graph, &values, samples, &mut || (), &mut |_, id, tensor| {
        let Some(track) = tracks.get(id) else { return Ok(()) };
        let sums = squares.entry(id).or_insert_with(|| vec![0.0; track.marks.len()]);
        let inner: usize = tensor.shape()[track.axis + 1..].iter().product();
        let share = sums.len() as f64 / tensor.len().max(1) as f64 / samples.len() as f64;
        let count = sums.len();
        for (at, part) in tensor.as_slice::<f32>()?.chunks_exact(inner.max(1)).enumerate() {
            let sum: f64 = part.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            sums[at % count] += sum * share;
        }
        Ok(())
    })?;
    Ok(squares)
}

/// What each channel adds to the mean square of a layer's results, as if none went with another.
fn energies(site: &Site, squares: &[f64]) -> Result<Vec<f64>, CompressError> {
    let rows = Rows::of(site)?;
    let groups = site.groups.unwrap_or(1);
    let taps: usize = if site.groups.is_some() { site.shape[2..].iter().product() } else { 1 };
    let (per_group, in_group) = (rows.depth / taps, site.channels() / groups);
    let mut energies = vec![0.0; squares.len()];
    for (row, weights) in rows.iter().enumerate() {
        let first = row / in_group * per_group;
        for (channel, weights) in weights.chunks_exact(taps).enumerate() {
            let square: f64 = weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
            energies[first + channel] += square * squares[first + channel];
        }
    }
    Ok(energies)
}
