//! What layers take and make at positions drawn by chance.

use super::{Patches, visit};
use crate::layers::Site;
use crate::{CompressError, Samples};
use ir::{Graph, ValueId};
use std::collections::BTreeMap;

/// A layer at some positions.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// Numbers of a row of `taken`.
    pub(crate) depth: usize,
    /// What is summed at each position, see [`Patches`].
    pub(crate) taken: Vec<f32>,
    /// What the layer of the original makes there, channel by channel.
    pub(crate) made: Vec<f32>,
    /// Sizes of the result and positions in it, for each sample.
    pub(crate) places: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Drawn {
    /// How many positions there are.
    pub(crate) fn len(&self) -> usize {
        self.taken.len() / self.depth.max(1)
    }
}

/// How positions are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    /// As many as this of each layer, about, where there are so many.
    pub(crate) positions: usize,
    /// Numbers in the rows of one layer at most.
    pub(crate) numbers_max: usize,
    /// What chance begins with.
    pub(crate) seed: u64,
}

/// For each layer of `run` what it takes there, and what it makes in `original` at the same
/// positions of the same samples, where that is the value named beside it.
pub(crate) fn draw(
    original: &Graph,
    run: &Graph,
    layers: &[(&Site, ValueId)],
    samples: &Samples,
    draw: Draw,
) -> Result<Vec<Drawn>, CompressError> {
    let patches: Vec<Patches<'_>> = layers.iter().map(|(site, _)| Patches::of(run, site)).collect();
    let mut drawn: Vec<Drawn> =
        patches.iter().map(|patches| Drawn { depth: patches.depth, ..Drawn::default() }).collect();
    let results: Vec<ValueId> = layers.iter().map(|(_, result)| *result).collect();
    visit(original, &results, samples, &mut || (), &mut |sample, id, tensor| {
        let at = results.iter().position(|&result| result == id).unwrap_or_default();
        let (patches, drawn) = (&patches[at], &mut drawn[at]);
        let wanted = draw.positions.min(draw.numbers_max / patches.depth.max(1));
        let count = patches.count(tensor.shape());
        let each = wanted.div_ceil(samples.len()).min(count);
        // Seeds that lie side by side begin alike.
        let mut random = fastrand::Rng::with_seed(draw.seed ^ (sample as u64) << 20);
        let places: Vec<usize> = (0..each).map(|_| random.usize(..count)).collect();
        let axis = if layers[at].0.groups.is_some() { 1 } else { tensor.shape().len() - 1 };
        let mut made = vec![0.0; tensor.shape()[axis]];
        for &place in &places {
            patches.made(tensor, place, &mut made)?;
            drawn.made.extend(&made);
        }
        drawn.places.push((tensor.shape().to_vec(), places));
        Ok(())
    })?;
    let mut takers: BTreeMap<ValueId, Vec<usize>> = BTreeMap::new();
    for (at, (site, _)) in layers.iter().enumerate() {
        takers.entry(run.nodes[site.node].inputs[0]).or_default().push(at);
    }
    let inputs: Vec<ValueId> = takers.keys().copied().collect();
    visit(run, &inputs, samples, &mut || (), &mut |sample, id, tensor| {
        for &at in &takers[&id] {
            let (patches, drawn) = (&patches[at], &mut drawn[at]);
            let mut row = vec![0.0; patches.depth];
            let (shape, places) = &drawn.places[sample];
            for &place in places {
                patches.row(tensor, shape, place, &mut row)?;
                drawn.taken.extend(&row);
            }
        }
        Ok(())
    })?;
    Ok(drawn)
}
