//! Cross-layer equalization (Nagel et al., "Data-Free Quantization Through Weight Equalization and
//! Bias Correction", 2019): what one layer makes in a channel is divided by a factor that the next
//! layer's weights of that channel are multiplied by, so that the channels of the value between
//! need steps of about the same width. What the graph computes stays the same.

use crate::CompressError;
use crate::layers::{Site, float_sites, makers};
use crate::weights::Rows;
use ir::{Graph, Op, PoolKind, ValueId};
use std::collections::BTreeMap;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Tensor};

/// Rounds over all pairs; layers in chains settle after a few.
const ROUNDS: usize = 10;

/// The largest factor, and the reciprocal of the smallest: beyond it a channel is as good as
/// unused, and what rounding leaves of it is nothing either way.
const FACTOR_MAX: f32 = 1e4;

/// Two layers of which the second reads what the first makes, channel by channel.
#[derive(Debug, Clone)]
struct Pair {
    first: usize,
    second: usize,
    /// The node that adds a bias behind the first layer, and which input the bias is.
    bias: Option<(usize, usize)>,
}

/// What became of a pair of layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Equalized {
    /// The layer that makes the value between.
    pub first: String,
    /// The layer that reads it.
    pub second: String,
    /// Why nothing was done, where nothing was.
    pub refusal: Option<&'static str>,
}

/// The same graph with equalized layers, and what became of each pair.
pub fn equalize(graph: &Graph) -> Result<(Graph, Vec<Equalized>), CompressError> {
    let mut made = graph.clone();
    let sites = float_sites(graph);
    let (pairs, found) = pairs(graph, &sites);
    let mut rows: Vec<Rows> = sites.iter().map(Rows::of).collect::<Result<_, _>>()?;
    let mut factors: Vec<Vec<f32>> =
        pairs.iter().map(|pair| vec![1.0; sites[pair.first].channels()]).collect();
    for _ in 0..ROUNDS {
        for (pair, all) in pairs.iter().zip(&mut factors) {
            for (channel, all) in all.iter_mut().enumerate() {
                let before = largest(rows[pair.first].iter().nth(channel).unwrap_or(&[]));
                let reads = reads(&sites[pair.second], channel);
                let behind = reads.clone().flatten();
                let behind =
                    behind.fold(0.0f32, |most, i| most.max(rows[pair.second].numbers[i].abs()));
                let factor = (before / behind).sqrt();
                let is_sound = factor.is_normal() && (*all * factor) < FACTOR_MAX;
                if !is_sound || *all * factor < 1.0 / FACTOR_MAX {
                    continue;
                }
                *all *= factor;
                let row = rows[pair.first].iter_mut().nth(channel);
                row.into_iter().flatten().for_each(|w| *w /= factor);
                reads.flatten().for_each(|i| rows[pair.second].numbers[i] *= factor);
            }
        }
    }
    for (pair, factors) in pairs.iter().zip(&factors) {
        divide_bias(&mut made, &sites[pair.first], pair.bias, factors)?;
    }
    for (site, rows) in sites.iter().zip(&rows) {
        let weights = rows.tensor(site)?;
        let name = format!("{}.weights", site.name);
        made.nodes[site.node].inputs[1] = made.constant(&name, weights);
    }
    crate::observe::drop_unneeded(&mut made);
    made.verify()?;
    Ok((made, found))
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// Which of a layer's weights, row after row, are multiplied by a channel of its input: ranges of
/// them.
fn reads(site: &Site, channel: usize) -> impl Iterator<Item = std::ops::Range<usize>> + Clone {
    let depth = site.depth();
    let taps: usize = if site.groups.is_some() { site.shape[2..].iter().product() } else { 1 };
    let groups = site.groups.unwrap_or(1);
    let (per_group, rows) = (depth / taps, site.channels() / groups);
    let (group, within) = (channel / per_group, channel % per_group);
    (group * rows..(group + 1) * rows).map(move |row| {
        let start = row * depth + within * taps;
        start..start + taps
    })
}

/// The pairs, and what is said of them and of those that are none.
fn pairs(graph: &Graph, sites: &[Site]) -> (Vec<Pair>, Vec<Equalized>) {
    let (makers, uses) = (makers(graph), graph.use_counts());
    let by_node: BTreeMap<usize, usize> =
        sites.iter().enumerate().map(|(index, site)| (site.node, index)).collect();
    let (mut pairs, mut found) = (Vec::new(), Vec::new());
    for (second, site) in sites.iter().enumerate() {
        let mut refusal = None;
        let mut bias = None;
        let mut at = site.input;
        let first = loop {
            let Some(&maker) = makers.get(&at).filter(|_| uses[at.0 as usize] == 1) else {
                break None;
            };
            if let Some(&first) = by_node.get(&maker) {
                break Some(first);
            }
            let node = &graph.nodes[maker];
            at = node.inputs[0];
            match &node.op {
                Op::Unary(Unary::Relu | Unary::LeakyRelu { .. }) => {}
                Op::Pool(pool) if matches!(pool.kind, PoolKind::Max | PoolKind::Average { .. }) => {
                }
                Op::Unary(Unary::Clip { .. }) => {
                    refusal = Some("the bounds of the activation between would not be scaled with");
                }
                Op::Unary(_) => refusal = Some("the activation between does not scale"),
                Op::Binary(Binary::Add) if bias.is_none() => match vector(graph, &node.inputs) {
                    Some(side) => {
                        bias = Some((maker, side));
                        at = node.inputs[1 - side];
                    }
                    None => break None,
                },
                _ => break None,
            }
        };
        let Some(first) = first else { continue };
        let is_same_axis = sites[first].groups.is_some() == site.groups.is_some();
        let own = graph.nodes[sites[first].node].inputs.get(2);
        let is_bias_known = match bias {
            Some(_) => sites[first].groups.is_none(),
            None => own.is_none_or(|&id| graph.known(id).is_some()),
        };
        if !is_same_axis || !is_bias_known {
            continue;
        }
        if refusal.is_none() {
            pairs.push(Pair { first, second, bias });
        }
        let (first, second) = (sites[first].name.clone(), site.name.clone());
        found.push(Equalized { first, second, refusal });
    }
    (pairs, found)
}

/// Which of two operands is a vector of known floats.
fn vector(graph: &Graph, inputs: &[ValueId]) -> Option<usize> {
    inputs.iter().position(|&id| {
        graph.known(id).is_some_and(|t| t.shape().len() == 1 && t.dtype() == DType::F32)
    })
}

/// Divides what is added to the result of a layer, where something is, by the factors.
fn divide_bias(
    graph: &mut Graph,
    site: &Site,
    bias: Option<(usize, usize)>,
    factors: &[f32],
) -> Result<(), CompressError> {
    let own = (graph.nodes[site.node].inputs.len() > 2).then_some((site.node, 2));
    let Some((node, input)) = bias.or(own) else { return Ok(()) };
    let id = graph.nodes[node].inputs[input];
    let Some(old) = graph.known(id) else { return Ok(()) };
    let numbers: Vec<f32> =
        factors.iter().zip(old.as_slice::<f32>()?.iter().cycle()).map(|(f, b)| b / f).collect();
    let divided = Tensor::from_slice(&[numbers.len()], &numbers)?;
    graph.nodes[node].inputs[input] = graph.constant(&format!("{}.bias", site.name), divided);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::Conv;
    use tensor::Dim;

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let each = count / shape[0];
        let numbers: Vec<f32> = (0..count)
            .map(|i| (i as f32 * 0.37 + salt).sin() * 10f32.powi((i / each % 5) as i32 - 2))
            .collect();
        Tensor::from_slice(shape, &numbers).unwrap()
    }

    fn conv(graph: &mut Graph, x: ValueId, shape: &[usize], groups: usize) -> ValueId {
        let op = Conv { strides: vec![1], dilations: vec![1], pads: vec![(1, 1)], groups };
        let w = graph.constant("w", fill(shape, shape[0] as f32));
        let b = graph.constant("b", fill(&shape[..1], 3.0));
        graph.add("conv", Op::Conv(op), &[x, w, b]).unwrap()
    }

    /// Convolution, activation, depthwise convolution, activation, convolution.
    fn chain(activation: Unary) -> Graph {
        let mut graph = Graph::new("chain");
        let x = graph.input("x", DType::F32, [2, 3, 9].map(Dim::from).to_vec());
        let mut y = conv(&mut graph, x, &[6, 3, 3], 1);
        y = graph.add("act", Op::Unary(activation), &[y]).unwrap();
        y = conv(&mut graph, y, &[6, 1, 3], 6);
        y = graph.add("act", Op::Unary(activation), &[y]).unwrap();
        y = conv(&mut graph, y, &[4, 6, 1], 1);
        graph.output("y", y);
        graph
    }

    #[test]
    fn the_answers_stay_and_the_channels_come_together() {
        let graph = chain(Unary::Relu);
        let (made, found) = equalize(&graph).unwrap();
        assert_eq!(found.iter().filter(|pair| pair.refusal.is_none()).count(), 2);
        let input = [fill(&[2, 3, 9], 0.5)];
        let expected = reference::run(&graph, &input).unwrap();
        let answers = reference::run(&made, &input).unwrap();
        let floats = |all: &[Tensor]| all[0].as_slice::<f32>().unwrap().to_vec();
        testkit::assert_close("answers", &floats(&answers), &floats(&expected), 1e-4, 1e-4);
        let spread = |graph: &Graph| {
            let rows = Rows::of(&float_sites(graph)[0]).unwrap();
            let ranges: Vec<f32> = rows.iter().map(largest).collect();
            let most = largest(&ranges);
            most / ranges.into_iter().fold(most, f32::min)
        };
        assert!(spread(&made) < spread(&graph), "{} {}", spread(&made), spread(&graph));
    }

    #[test]
    fn bounds_are_refused_with_the_reason() {
        let (_, found) = equalize(&chain(Unary::Clip { min: 0.0, max: 6.0 })).unwrap();
        assert!(found.iter().all(|pair| pair.refusal.unwrap().contains("bounds")));
    }

    #[test]
    fn products_with_a_bias_behind_them_are_pairs_too() {
        let mut graph = Graph::new("perceptron");
        let x = graph.input("x", DType::F32, [3, 4].map(Dim::from).to_vec());
        let w = graph.constant("w", fill(&[4, 5], 1.0));
        let y = graph.add("first", Op::MatMul, &[x, w]).unwrap();
        let b = graph.constant("b", fill(&[5], 2.0));
        let y = graph.add("bias", Op::Binary(Binary::Add), &[y, b]).unwrap();
        let y = graph.add("act", Op::Unary(Unary::Relu), &[y]).unwrap();
        let w = graph.constant("w", fill(&[5, 2], 4.0));
        let y = graph.add("second", Op::MatMul, &[y, w]).unwrap();
        graph.output("y", y);
        let (made, found) = equalize(&graph).unwrap();
        let names = ("first".to_string(), "second".to_string());
        assert_eq!(found, [Equalized { first: names.0, second: names.1, refusal: None }]);
        let input = [fill(&[3, 4], 0.5)];
        let floats =
            |graph| reference::run(graph, &input).unwrap()[0].as_slice::<f32>().unwrap().to_vec();
        testkit::assert_close("answers", &floats(&made), &floats(&graph), 1e-4, 1e-4);
    }
}
