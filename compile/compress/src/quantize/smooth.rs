//! Smoothing (Xiao et al., "SmoothQuant", 2023): where products read a value whose channels differ
//! much in range, as after the normalizations of transformers, each channel is divided by a factor
//! before, and the products' weights are multiplied by it. The steps of the value become finer,
//! those of the weights coarser; what the graph computes stays the same.

use crate::layers::{Site, makers, sites};
use crate::observe::{drop_unneeded, visit};
use crate::weights::Rows;
use crate::{CompressError, Samples};
use ir::{Graph, Op, ValueId};
use std::collections::BTreeMap;
use tensor::scalar::Binary;
use tensor::{DType, Tensor};

/// How much of the range goes to the weights: half of it, on a scale of logarithms.
const SHARE: f32 = 0.5;

/// The least range of a channel, as a part of the largest: factors of channels that are always zero
/// would have no bounds.
const LEAST: f32 = 1e-5;

/// Vectors that are divided with a value's channels: the node that takes each, and as which input.
type Divided = Vec<(usize, usize)>;

/// The same graph with smoothed values, and the names of the layers that read them. `progress` is
/// told after each sample.
pub fn smooth(
    graph: &Graph,
    samples: &Samples,
    progress: &mut dyn FnMut(),
) -> Result<(Graph, Vec<String>), CompressError> {
    let sites = sites(graph);
    let (uses, makers) = (graph.use_counts(), makers(graph));
    let mut readers: BTreeMap<ValueId, Vec<&Site>> = BTreeMap::new();
    for site in sites.iter().filter(|site| site.groups.is_none() && site.dequantize.is_none()) {
        readers.entry(site.input).or_default().push(site);
    }
    let mut divided: BTreeMap<ValueId, Divided> = BTreeMap::new();
    for (&id, readers) in &readers {
        if uses[id.0 as usize] == readers.len()
            && let Some(vectors) = vectors(graph, &uses, &makers, id)
        {
            divided.insert(id, vectors);
        }
    }
    let values: Vec<ValueId> = divided.keys().copied().collect();
    let ranges = channel_ranges(graph, &values, samples, progress)?;
    let mut made = graph.clone();
    let mut names = Vec::new();
    for (id, vectors) in &divided {
        let Some(range) = ranges.get(id) else { continue };
        let readers = &readers[id];
        let factors = factors(range, readers)?;
        for &(node, input) in vectors {
            let old = graph.known(graph.nodes[node].inputs[input]);
            let old = old.map_or(Ok(&[][..]), |tensor| tensor.as_slice::<f32>())?;
            let numbers: Vec<f32> = old.iter().zip(&factors).map(|(x, f)| x / f).collect();
            let vector = Tensor::from_slice(&[numbers.len()], &numbers)?;
            let name = format!("{}.smoothed", graph.nodes[node].name);
            made.nodes[node].inputs[input] = made.constant(&name, vector);
        }
        for site in readers {
            let mut rows = Rows::of(site)?;
            for row in rows.iter_mut() {
                row.iter_mut().zip(&factors).for_each(|(w, f)| *w *= f);
            }
            let weights = rows.tensor(site)?;
            let name = format!("{}.weights", site.name);
            made.nodes[site.node].inputs[1] = made.constant(&name, weights);
            names.push(site.name.clone());
        }
    }
    drop_unneeded(&mut made);
    made.verify()?;
    Ok((made, names))
}

/// The vectors that have to be divided so that a value's channels are: scale and bias of a
/// normalization, whether it is one node or its last two are left of it.
fn vectors(
    graph: &Graph,
    uses: &[usize],
    makers: &BTreeMap<ValueId, usize>,
    mut id: ValueId,
) -> Option<Divided> {
    let mut vectors = Vec::new();
    let last = graph.value(id).shape.last()?.known_size()?;
    loop {
        let index = *makers.get(&id)?;
        let node = &graph.nodes[index];
        let is_vector = |place: usize| {
            let known = node.inputs.get(place).and_then(|&id| graph.known(id));
            known.is_some_and(|t| t.dtype() == DType::F32 && t.shape() == [last])
        };
        match &node.op {
            Op::LayerNorm { axis, .. } if *axis + 1 == graph.value(id).shape.len() => {
                let own = 1..node.inputs.len();
                return own.clone().all(is_vector).then(|| {
                    vectors.extend(own.map(|place| (index, place)));
                    vectors
                });
            }
            Op::Binary(function @ (Binary::Mul | Binary::Add)) => {
                let place = (0..2).find(|&place| is_vector(place))?;
                vectors.push((index, place));
                if *function == Binary::Mul {
                    return Some(vectors);
                }
                id = node.inputs[1 - place];
                // Whoever else takes it would see it divided.
                if uses[id.0 as usize] != 1 {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

/// The largest magnitude of each channel, along the last axis.
fn channel_ranges(
    graph: &Graph,
    values: &[ValueId],
    samples: &Samples,
    progress: &mut dyn FnMut(),
) -> Result<BTreeMap<ValueId, Vec<f32>>, CompressError> {
    let mut ranges: BTreeMap<ValueId, Vec<f32>> = BTreeMap::new();
    visit(graph, values, samples, progress, &mut |_, id, tensor| {
        let channels = tensor.shape().last().copied().unwrap_or(1);
        let range = ranges.entry(id).or_insert_with(|| vec![0.0; channels]);
        for row in tensor.as_slice::<f32>()?.chunks_exact(channels.max(1)) {
            range.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(x.abs()));
        }
        Ok(())
    })?;
    Ok(ranges)
}

/// What each channel is divided by.
fn factors(range: &[f32], readers: &[&Site]) -> Result<Vec<f32>, CompressError> {
    let mut weights = vec![0.0f32; range.len()];
    for site in readers {
        for row in Rows::of(site)?.iter() {
            weights.iter_mut().zip(row).for_each(|(most, w)| *most = most.max(w.abs()));
        }
    }
    let least = |all: &[f32]| all.iter().fold(0.0f32, |most, &x| most.max(x)) * LEAST;
    let (least_range, least_weight) = (least(range), least(&weights));
    let factors = range.iter().zip(&weights).map(|(&x, &w)| {
        let factor = x.max(least_range).powf(SHARE) / w.max(least_weight).powf(1.0 - SHARE);
        if factor.is_normal() { factor } else { 1.0 }
    });
    Ok(factors.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Dim;

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let last = shape[shape.len() - 1];
        let numbers: Vec<f32> = (0..count)
            .map(|i| (i as f32 * 0.37 + salt).sin() * if i % last == 3 { 50.0 } else { 1.0 })
            .collect();
        Tensor::from_slice(shape, &numbers).unwrap()
    }

    /// A normalization, as one node or as its last two, and two products that read it.
    fn graph(is_one_node: bool) -> Graph {
        let mut graph = Graph::new("block");
        let x = graph.input("x", DType::F32, [2, 5, 8].map(Dim::from).to_vec());
        let scale = graph.constant("scale", fill(&[8], 1.0));
        let bias = graph.constant("bias", fill(&[8], 2.0));
        let y = if is_one_node {
            let op = Op::LayerNorm { axis: 2, epsilon: 1e-5 };
            graph.add("norm", op, &[x, scale, bias]).unwrap()
        } else {
            let y = graph.add("scaled", Op::Binary(Binary::Mul), &[scale, x]).unwrap();
            graph.add("moved", Op::Binary(Binary::Add), &[y, bias]).unwrap()
        };
        for name in ["query", "key"] {
            let w = graph.constant("w", fill(&[8, 4], name.len() as f32));
            let made = graph.add(name, Op::MatMul, &[y, w]).unwrap();
            graph.output(name, made);
        }
        graph
    }

    #[test]
    fn answers_stay_and_channels_come_together() {
        for is_one_node in [true, false] {
            let graph = graph(is_one_node);
            let input = [fill(&[2, 5, 8], 0.5)];
            let samples = Samples { inputs: vec![input.to_vec()], labels: None };
            let (made, names) = smooth(&graph, &samples, &mut || ()).unwrap();
            assert_eq!(names, ["query", "key"]);
            let answers = |graph: &Graph| reference::run(graph, &input).unwrap();
            for (found, expected) in answers(&made).iter().zip(&answers(&graph)) {
                let (found, expected) = (found.as_slice().unwrap(), expected.as_slice().unwrap());
                testkit::assert_close("answers", found, expected, 1e-4, 1e-4);
            }
            let spread = |graph: &Graph| {
                let id = sites(graph)[0].input;
                let ranges = channel_ranges(graph, &[id], &samples, &mut || ()).unwrap();
                let most = ranges[&id].iter().fold(0.0f32, |most, &x| most.max(x));
                most / ranges[&id].iter().fold(most, |least, &x| least.min(x))
            };
            assert!(spread(&made) < spread(&graph) / 3.0, "{} {}", spread(&made), spread(&graph));
        }
    }

    #[test]
    fn what_others_read_too_stays() {
        let mut graph = graph(true);
        let norm = graph.nodes[0].output;
        graph.output("norm", norm);
        let samples = Samples { inputs: vec![vec![fill(&[2, 5, 8], 0.5)]], labels: None };
        assert!(smooth(&graph, &samples, &mut || ()).unwrap().1.is_empty());
    }
}
