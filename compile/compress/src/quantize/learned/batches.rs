//! Positions of a layer in batches, packed for the products with them and with their transpose.

use crate::layers::Site;
use crate::observe::Drawn;
use kernels::matmul::{pack, packed_len};
use std::ops::Range;

/// Positions in a batch: whole panels, so many that a product takes longer than the step after it.
pub(super) const BATCH: usize = 64;

/// All positions, and what the original makes there.
#[derive(Debug)]
pub(super) struct Batches {
    /// By batch, then by group.
    packed: Vec<Vec<Packed>>,
    /// By batch: `channels` rows of [`BATCH`] numbers.
    pub(super) targets: Vec<Vec<f32>>,
    /// Numbers that are summed for one output channel.
    pub(super) depth: usize,
    pub(super) channels: usize,
}

/// The positions of a batch in one group.
#[derive(Debug)]
pub(super) struct Packed {
    /// `depth x BATCH`: the right operand of what the layer makes.
    pub(super) forward: Vec<f32>,
    /// `BATCH x depth`: the right operand of the gradient.
    pub(super) backward: Vec<f32>,
}

impl Batches {
    /// The positions drawn, shuffled; some come twice where they do not fill batches.
    pub(super) fn of(drawn: &Drawn, site: &Site, seed: u64) -> Batches {
        let (channels, depth, groups) = (site.channels(), site.depth(), site.groups.unwrap_or(1));
        let mut order: Vec<usize> = (0..drawn.len()).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let whole = order.len().next_multiple_of(BATCH);
        let order: Vec<usize> = order.iter().copied().cycle().take(whole).collect();
        let mut batches = Batches { packed: vec![], targets: vec![], depth, channels };
        for batch in order.chunks_exact(BATCH) {
            let packed = (0..groups).map(|group| {
                let columns = group * depth..(group + 1) * depth;
                packed(drawn, batch, columns)
            });
            batches.packed.push(packed.collect());
            let made = |channel: usize| {
                batch.iter().map(move |&place| drawn.made[place * channels + channel])
            };
            batches.targets.push((0..channels).flat_map(made).collect());
        }
        batches
    }

    pub(super) fn len(&self) -> usize {
        self.packed.len()
    }

    pub(super) fn groups(&self) -> usize {
        self.packed.first().map_or(1, Vec::len)
    }

    pub(super) fn packed(&self, batch: usize, group: usize) -> &Packed {
        &self.packed[batch][group]
    }
}

fn packed(drawn: &Drawn, batch: &[usize], columns: Range<usize>) -> Packed {
    let depth = columns.len();
    let row = |&place: &usize| &drawn.taken[place * drawn.depth..][columns.clone()];
    let rows: Vec<f32> = batch.iter().flat_map(row).copied().collect();
    let mut forward = vec![0.0; packed_len(depth, BATCH)];
    pack(&rows, depth, BATCH, 1, depth, &mut forward);
    let mut backward = vec![0.0; packed_len(BATCH, depth)];
    pack(&rows, BATCH, depth, depth, 1, &mut backward);
    Packed { forward, backward }
}
