//! Bias correction (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
//! Correction", 2019): rounding moves the mean of what a channel makes, by the rounding error of
//! its weights times the mean of what they multiply. The bias takes the difference back.
//!
//! Means are measured on samples, where the rounded layers run. Borders count as if the input went
//! on behind them.

use crate::layers::{Site, sites};
use crate::observe::visit;
use crate::weights::{Integers, Rows};
use crate::{CompressError, Samples};
use ir::{Graph, Node, Op, ValueId};
use std::collections::BTreeMap;
use tensor::scalar::Binary;
use tensor::{DType, Tensor};

/// `quantized`, with the means of its integer layers moved to what the weights of `original` make
/// of the same inputs. `progress` is told after each sample.
pub fn correct_bias(
    original: &Graph,
    quantized: &Graph,
    samples: &Samples,
    progress: &mut dyn FnMut(),
) -> Result<Graph, CompressError> {
    let floats: BTreeMap<String, Site> =
        sites(original).into_iter().map(|site| (site.name.clone(), site)).collect();
    let sites = sites(quantized).into_iter().filter(|site| site.dequantize.is_some());
    let sites: Vec<Site> = sites.filter(|site| floats.contains_key(&site.name)).collect();
    let mut means: BTreeMap<ValueId, Means> = BTreeMap::new();
    let values: Vec<ValueId> = sites.iter().map(|site| site.input).collect();
    let is_image: BTreeMap<ValueId, bool> =
        sites.iter().map(|site| (site.input, site.groups.is_some())).collect();
    visit(quantized, &values, samples, progress, &mut |_, id, tensor| {
        means.entry(id).or_default().add(tensor, is_image[&id])?;
        Ok(())
    })?;
    let mut shifts = BTreeMap::new();
    for site in &sites {
        let (Some(integers), Some(means)) =
            (Integers::of(quantized, site)?, means.get(&site.input))
        else {
            continue;
        };
        let exact = Rows::of(&floats[&site.name])?;
        let shift = shift(site, &exact, &integers.rows(exact.depth), &means.mean());
        shifts.insert(site.node, shift);
    }
    let mut made = add_to_results(quantized, &shifts)?;
    crate::observe::drop_unneeded(&mut made);
    made.verify()?;
    Ok(made)
}

/// The graph with more added to each output channel of some layers, by their nodes.
pub(crate) fn add_to_results(
    graph: &Graph,
    shifts: &BTreeMap<usize, Vec<f32>>,
) -> Result<Graph, CompressError> {
    let place = |&node: &usize| bias_behind(graph, node).unwrap_or(node);
    let shifts: BTreeMap<usize, &Vec<f32>> =
        shifts.iter().map(|(node, shift)| (place(node), shift)).collect();
    let mut made = graph.clone();
    made.nodes.clear();
    for (index, node) in graph.nodes.iter().enumerate() {
        match shifts.get(&index) {
            Some(shift) => push_shifted(&mut made, node, shift)?,
            None => made.nodes.push(node.clone()),
        }
    }
    Ok(made)
}

/// Sums of a value's elements, channel by channel.
#[derive(Debug, Default)]
struct Means {
    sums: Vec<f64>,
    count: f64,
}

impl Means {
    fn add(&mut self, tensor: &Tensor, is_image: bool) -> Result<(), CompressError> {
        let shape = tensor.shape();
        let (channels, inner) = match is_image {
            true => (shape[1], shape[2..].iter().product()),
            false => (shape[shape.len() - 1], 1),
        };
        self.sums.resize(channels, 0.0);
        let numbers = tensor.as_slice::<f32>()?;
        for (index, part) in numbers.chunks_exact(inner).enumerate() {
            self.sums[index % channels] += part.iter().map(|&x| f64::from(x)).sum::<f64>();
        }
        self.count += (numbers.len() / channels.max(1)) as f64;
        Ok(())
    }

    fn mean(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.count.max(1.0)).collect()
    }
}

/// For each output channel what has to be added to its mean.
fn shift(site: &Site, exact: &Rows, rounded: &Rows, means: &[f64]) -> Vec<f32> {
    let groups = site.groups.unwrap_or(1);
    let taps: usize = if site.groups.is_some() { site.shape[2..].iter().product() } else { 1 };
    let (per_group, rows) = (exact.depth / taps, site.channels() / groups);
    let shifts = exact.iter().zip(rounded.iter()).enumerate().map(|(row, (exact, rounded))| {
        let first = row / rows * per_group;
        let differences = exact.iter().zip(rounded).map(|(&w, &q)| f64::from(w) - f64::from(q));
        let terms = differences.enumerate().map(|(i, d)| d * means[first + i / taps]);
        terms.sum::<f64>() as f32
    });
    shifts.collect()
}

/// The node that adds a known vector to the product of a layer, when it alone takes it.
fn bias_behind(graph: &Graph, node: usize) -> Option<usize> {
    let made = graph.nodes[node].output;
    let mut takers = graph.nodes.iter().enumerate().filter(|(_, node)| node.inputs.contains(&made));
    let (index, taker) = takers.next().filter(|_| graph.nodes[node].op == Op::MatMul)?;
    let is_output = graph.outputs.iter().any(|output| output.value == made);
    let is_bias = taker.op == Op::Binary(Binary::Add) && known_vector(graph, taker).is_some();
    (is_bias && !is_output && takers.next().is_none()).then_some(index)
}

/// Which input of a node is a vector of known floats.
fn known_vector(graph: &Graph, node: &Node) -> Option<usize> {
    node.inputs.iter().position(|&id| {
        graph.known(id).is_some_and(|t| t.shape().len() == 1 && t.dtype() == DType::F32)
    })
}

/// Adds a node with more added to its results.
fn push_shifted(graph: &mut Graph, node: &Node, shift: &[f32]) -> Result<(), CompressError> {
    let mut node = node.clone();
    let name = format!("{}.bias", node.name);
    let bias = |graph: &mut Graph, numbers: &[f32]| -> Result<ValueId, CompressError> {
        Ok(graph.constant(&name, Tensor::from_slice(&[numbers.len()], numbers)?))
    };
    let place = match node.op {
        Op::Conv(_) => Some(2),
        Op::Binary(_) => known_vector(graph, &node),
        _ => None,
    };
    match place.map(|place| (place, node.inputs.get(place).copied())) {
        Some((_, None)) => {
            let bias = bias(graph, shift)?;
            node.inputs.push(bias);
        }
        Some((place, Some(id))) => {
            // A bias that is computed stays: nothing says what it will be.
            if let Some(old) = graph.known(id) {
                let old = old.as_slice::<f32>()?.to_vec();
                let sums = shift.iter().zip(old.iter().cycle()).map(|(s, b)| b + s);
                node.inputs[place] = bias(graph, &sums.collect::<Vec<_>>())?;
            }
        }
        None => {
            // The sum takes the place of the product for whatever takes it.
            let made = node.output;
            node.output = value_like(graph, made);
            let product = node.output;
            graph.nodes.push(node.clone());
            let bias = bias(graph, shift)?;
            let (op, inputs) = (Op::Binary(Binary::Add), vec![product, bias]);
            let (further, bodies) = (vec![], vec![]);
            graph.nodes.push(Node { name, op, inputs, output: made, further, bodies });
            return Ok(());
        }
    }
    graph.nodes.push(node);
    Ok(())
}

/// A new value of the same type and sizes.
fn value_like(graph: &mut Graph, id: ValueId) -> ValueId {
    let value = graph.value(id).clone();
    let new = ValueId(graph.values.len() as u32);
    graph.values.push(value);
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Observer, Precision, observe, quantize};
    use ir::Conv;
    use tensor::Dim;

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37 + salt).sin() + 0.5).collect();
        Tensor::from_slice(shape, &numbers).unwrap()
    }

    /// A layer without borders, with or without a bias of its own or behind it.
    fn graph(is_conv: bool, has_bias: bool) -> (Graph, Samples) {
        let mut graph = Graph::new("layer");
        let sizes = if is_conv { vec![2, 4, 5] } else { vec![2, 5, 4] };
        let shape = sizes.iter().map(|&d| Dim::from(d)).collect();
        let x = graph.input("x", DType::F32, shape);
        let bias = graph.constant("b", fill(&[6], 2.0));
        let y = if is_conv {
            let op = Conv { strides: vec![1], dilations: vec![1], pads: vec![(0, 0)], groups: 2 };
            let w = graph.constant("w", fill(&[6, 2, 1], 1.0));
            let inputs = if has_bias { vec![x, w, bias] } else { vec![x, w] };
            graph.add("layer", Op::Conv(op), &inputs).unwrap()
        } else {
            let w = graph.constant("w", fill(&[4, 6], 1.0));
            let y = graph.add("layer", Op::MatMul, &[x, w]).unwrap();
            let add = Op::Binary(Binary::Add);
            if has_bias { graph.add("bias", add, &[bias, y]).unwrap() } else { y }
        };
        graph.output("y", y);
        let inputs = (0..3).map(|i| vec![fill(&sizes, i as f32)]).collect();
        (graph, Samples { inputs, labels: None })
    }

    #[test]
    fn means_are_those_of_the_exact_weights() {
        for (is_conv, has_bias) in [(true, true), (true, false), (false, true), (false, false)] {
            let (graph, samples) = graph(is_conv, has_bias);
            let ranges = observe(&graph, &samples, Observer::MinMax, &mut || ()).unwrap();
            let layers = [("layer".to_string(), Precision::Int4Static)].into();
            let config = Config { layers, ..Config::default() };
            let rounded = quantize(&graph, &ranges, &config).unwrap();
            let made = correct_bias(&graph, &rounded, &samples, &mut || ()).unwrap();
            let mut exact = rounded.clone();
            let site = sites(&rounded).remove(0);
            exact.nodes[site.node].inputs[1] =
                exact.constant("w", sites(&graph).remove(0).stored.clone());
            let mean = |graph: &Graph| {
                let mut means = Means::default();
                for inputs in &samples.inputs {
                    let made = reference::run(graph, inputs).unwrap();
                    means.add(&made[0], is_conv).unwrap();
                }
                means.mean().iter().map(|&x| x as f32).collect::<Vec<_>>()
            };
            let (found, expected) = (mean(&made), mean(&exact));
            testkit::assert_close("means", &found, &expected, 1e-4, 1e-4);
            assert_ne!(mean(&rounded), expected);
        }
    }
}
