//! Learned rounding (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization",
//! 2020): of the two integers around each weight that one is taken which, together with all others
//! of its output channel, makes the layer's results most like those of the original, on inputs as
//! the rounded layers before it make them.

mod batches;
mod solve;

use crate::layers::{Site, sites};
use crate::observe::{Draw, draw, drop_unneeded};
use crate::weights::{Integers, Rows};
use crate::{CompressError, Samples};
use batches::Batches;
use ir::{Graph, Op, ValueId};
use serde::{Deserialize, Serialize};
use solve::Problem;
use std::collections::BTreeMap;
use tensor::scalar::Unary;

/// How much is learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Learning {
    /// Steps of the optimizer, for each layer.
    pub steps: usize,
    /// Samples that are looked at, at most.
    pub samples: usize,
    /// Positions of each layer that are looked at, about.
    pub positions: usize,
    /// What chance begins with.
    pub seed: u64,
}

impl Default for Learning {
    /// Enough for weights of 4 bits to come within some tenths of a point of the original on image
    /// classifiers; a network of 25 million weights takes some minutes on two cores.
    fn default() -> Learning {
        Learning { steps: 500, samples: 128, positions: 4096, seed: 1 }
    }
}

/// Numbers that the positions of layers which learn at once take at most: a quarter of a gigabyte.
const NUMBERS_MAX: usize = 64 << 20;

/// Runs over the samples: the layers between two of them learn from inputs of the same run. Fewer
/// runs take less time, more let a layer see how those right before it were rounded.
const RUNS: usize = 8;

/// A layer whose rounding is to be learned.
struct Pending {
    site: Site,
    /// In the original.
    float: Site,
    integers: Integers,
    /// What the layer's node takes of them.
    weights: ValueId,
}

/// `quantized` with the weights of its integer layers rounded anew; `original` is what it was made
/// of. `progress` is told the name of each layer when it is done.
pub fn learn_rounding(
    original: &Graph,
    quantized: &Graph,
    samples: &Samples,
    learning: &Learning,
    progress: &mut dyn FnMut(&str),
) -> Result<Graph, CompressError> {
    let samples = samples.spread(learning.samples);
    if samples.is_empty() {
        let reason = "learned rounding: expected samples, found none";
        return Err(CompressError::Unfit(reason.to_string()));
    }
    let mut made = quantized.clone();
    // Layers that are not rounded yet have their own weights while those before them learn.
    let mut run = quantized.clone();
    let pending = pending(original, &mut run)?;
    for part in pending.chunks(pending.len().div_ceil(RUNS).max(1)) {
        let (positions, seed) = (learning.positions, learning.seed);
        let how = Draw { positions, numbers_max: NUMBERS_MAX / part.len(), seed };
        let made_by = |pending: &Pending| quantized.nodes[pending.site.node].output;
        let layers: Vec<(&Site, ValueId)> =
            part.iter().map(|pending| (&pending.site, made_by(pending))).collect();
        let drawn = draw(original, &run, &layers, &samples, how)?;
        for (pending, drawn) in part.iter().zip(drawn) {
            let Pending { site, float, integers, weights } = pending;
            let problem = Problem {
                exact: &Rows::of(float)?,
                symmetric: &integers.symmetric,
                batches: &Batches::of(&drawn, site, seed),
                bias: &bias(quantized, site)?,
                bounds: bounds(quantized, site),
                steps: learning.steps,
            };
            let numbers = problem.solve()?;
            let integers = Integers { numbers, ..integers.clone() };
            integers.put(&mut made, site)?;
            integers.put(&mut run, site)?;
            run.nodes[site.node].inputs[1] = *weights;
            progress(&site.name);
        }
    }
    drop_unneeded(&mut made);
    made.verify()?;
    Ok(made)
}

/// The integer layers of `run`, which get the weights of the original.
fn pending(original: &Graph, run: &mut Graph) -> Result<Vec<Pending>, CompressError> {
    let floats: BTreeMap<String, Site> =
        sites(original).into_iter().map(|site| (site.name.clone(), site)).collect();
    let mut pending = Vec::new();
    for site in sites(run) {
        let (Some(float), Some(integers)) = (floats.get(&site.name), Integers::of(run, &site)?)
        else {
            continue;
        };
        let exact = run.constant(&site.name, float.stored.clone());
        let weights = std::mem::replace(&mut run.nodes[site.node].inputs[1], exact);
        pending.push(Pending { site, float: float.clone(), integers, weights });
    }
    Ok(pending)
}

/// What a layer's own node adds to each output channel.
fn bias(graph: &Graph, site: &Site) -> Result<Vec<f32>, CompressError> {
    match graph.nodes[site.node].inputs.get(2).and_then(|&id| graph.known(id)) {
        Some(bias) => Ok(bias.as_slice::<f32>()?.to_vec()),
        None => Ok(vec![0.0; site.channels()]),
    }
}

/// Between which bounds the layer's results count: those of the activation that alone takes them.
fn bounds(graph: &Graph, site: &Site) -> [f32; 2] {
    let made = graph.nodes[site.node].output;
    let mut takers = graph.nodes.iter().filter(|node| node.inputs.contains(&made));
    match (takers.next().map(|node| &node.op), takers.next()) {
        (Some(Op::Unary(Unary::Relu)), None) => [0.0, f32::INFINITY],
        (Some(&Op::Unary(Unary::Clip { min, max })), None) => [min, max],
        _ => [f32::NEG_INFINITY, f32::INFINITY],
    }
}
