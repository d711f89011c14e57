//! The weights that make the results of what is left most like those of the original.

use super::shrink::{Shrunk, replace};
use super::tracks::Tracks;
use super::{ChannelPruning, Samples};
use crate::CompressError;
use crate::layers::{Site, float_sites};
use crate::observe::{Draw, Drawn, draw, drop_unneeded};
use crate::prune::damage::named;
use crate::prune::moments::{Moments, cholesky, solve};
use crate::quantize::add_to_results;
use crate::weights::Rows;
use ir::{Graph, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that the positions of one layer take at most: an eighth of a gigabyte.
const NUMBERS_MAX: usize = 32 << 20;

/// Layers that are fitted to inputs of the same run.
const LAYERS_AT_ONCE: usize = 4;

/// Share of the mean square of a layer's inputs that holds its weights to what they are.
const DAMPING: f64 = 0.01;

/// The shrunk graph with all its layers fitted, in the order in which they run.
pub(super) fn refit(
    graph: &Graph,
    tracks: &Tracks,
    gone: &BTreeSet<u32>,
    shrunk: Shrunk,
    samples: &Samples,
    pruning: &ChannelPruning,
    progress: &mut dyn FnMut(),
) -> Result<Graph, CompressError> {
    let samples = samples.spread(pruning.samples);
    let Shrunk { graph: mut made, values } = shrunk;
    let originals: BTreeMap<ValueId, ValueId> =
        values.iter().map(|(&old, &new)| (new, old)).collect();
    let names: Vec<String> = float_sites(&made).into_iter().map(|site| site.name).collect();
    for part in names.chunks(LAYERS_AT_ONCE) {
        let found: Vec<Site> =
            part.iter().filter_map(|name| named(float_sites(&made), name)).collect();
        let result = |site: &Site| originals.get(&made.nodes[site.node].output).copied();
        let layers = found.iter().filter_map(|site| Some((site, result(site)?)));
        let layers: Vec<(&Site, ValueId)> = layers.collect();
        let (positions, seed) = (pruning.positions, pruning.seed);
        let how = Draw { positions, numbers_max: NUMBERS_MAX, seed };
        let drawn = draw(graph, &made, &layers, &samples, how)?;
        let fits = layers.iter().zip(drawn).map(|((site, result), mut drawn)| {
            keep_channels(&mut drawn, tracks, gone, *result);
            Ok((site.name.clone(), fit(site, &drawn)?))
        });
        let fits: Vec<(String, Fit)> = fits.collect::<Result<_, CompressError>>()?;
        for (name, fit) in fits {
            let Some(site) = named(float_sites(&made), &name) else { continue };
            let (weights, is_conv) = (fit.rows.tensor(&site)?, site.groups.is_some());
            replace(&mut made, &site, weights, is_conv.then(|| fit.added.clone()))?;
            if !is_conv {
                made = add_to_results(&made, &BTreeMap::from([(site.node, fit.added)]))?;
            }
            progress();
        }
    }
    drop_unneeded(&mut made);
    made.verify()?;
    Ok(made)
}

/// Drops what the original makes in channels that are gone.
fn keep_channels(drawn: &mut Drawn, tracks: &Tracks, gone: &BTreeSet<u32>, result: ValueId) {
    let Some(track) = tracks.get(result) else { return };
    let kept: Vec<bool> =
        track.marks.iter().map(|&mark| !gone.contains(&tracks.root(mark))).collect();
    let mut at = 0;
    drawn.made.retain(|_| {
        at += 1;
        kept[(at - 1) % kept.len()]
    });
}

/// Weights, and what is added to each output channel.
struct Fit {
    rows: Rows,
    added: Vec<f32>,
}

fn fit(site: &Site, drawn: &Drawn) -> Result<Fit, CompressError> {
    let mut rows = Rows::of(site)?;
    let mut added = vec![0.0f32; site.channels()];
    let (groups, depth) = (site.groups.unwrap_or(1), rows.depth);
    let channels = site.channels() / groups;
    for group in 0..groups {
        let moments = Moments::of(drawn, site, group)?;
        let mut damping = moments.damping(DAMPING);
        let mut lower;
        loop {
            lower = moments.taken.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
            (0..depth).for_each(|i| lower[i * (depth + 1)] += damping);
            if cholesky(&mut lower, depth).is_some() {
                break;
            }
            damping *= 10.0;
            if !damping.is_finite() {
                let reason = format!("layer `{}`: expected finite inputs, found others", site.name);
                return Err(CompressError::Unfit(reason));
            }
        }
        for channel in 0..channels {
            let at = group * channels + channel;
            let own = &mut rows.numbers[at * depth..(at + 1) * depth];
            let made = &moments.made[channel * depth..(channel + 1) * depth];
            let sums = made.iter().zip(own.iter());
            let mut row: Vec<f64> =
                sums.map(|(&m, &w)| f64::from(m) + damping * f64::from(w)).collect();
            solve(&lower, depth, &mut row);
            let mean: f64 =
                row.iter().zip(&moments.taken_mean).map(|(w, &x)| w * f64::from(x)).sum();
            added[at] = (f64::from(moments.made_mean[channel]) - mean) as f32;
            own.iter_mut().zip(&row).for_each(|(w, &x)| *w = x as f32);
        }
    }
    Ok(Fit { rows, added })
}
