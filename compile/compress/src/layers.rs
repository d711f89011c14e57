//! What there is to be compressed.

use ir::{Graph, Node, Op, ValueId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tensor::{Dim, Tensor};

/// A convolution or product whose weights are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The node's name; where several nodes have it, a number behind it tells them apart.
    pub name: String,
    /// Its operator.
    pub op: &'static str,
    /// Multiply-accumulates of one run; sizes that are open count as those of a usual run.
    pub macs: u64,
    /// Bytes of its weights, without the bias.
    pub weight_bytes: u64,
}

/// The layers of a graph in the order in which they run.
pub fn layers(graph: &Graph) -> Vec<Layer> {
    let sizes = lower::default_sizes(&lower::signature(graph));
    let size = |dim: &Dim| dim.evaluate(&sizes).ok().and_then(|n| u64::try_from(n).ok());
    let layer = |site: Site| {
        let node = &graph.nodes[site.node];
        let made = &graph.value(node.output).shape;
        let results: u64 = made.iter().map(|dim| size(dim).unwrap_or(1)).product();
        Layer {
            macs: results.saturating_mul(site.depth() as u64),
            name: site.name,
            op: node.op.name(),
            weight_bytes: site.stored.bytes().len() as u64,
        }
    };
    sites(graph).into_iter().map(layer).collect()
}

/// Where a layer is in a graph.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Of the layer.
    pub(crate) name: String,
    /// The node that multiplies.
    pub(crate) node: usize,
    /// What it is given beside the weights.
    pub(crate) input: ValueId,
    /// Sizes of the weights as the node takes them.
    pub(crate) shape: Vec<usize>,
    /// Is it a convolution of so many groups, or else a product with a matrix?
    pub(crate) groups: Option<usize>,
    /// The elements that the weights are made of.
    pub(crate) stored: Arc<Tensor>,
    /// The node that makes numbers of integers, where the weights are quantized.
    pub(crate) dequantize: Option<usize>,
}

impl Site {
    /// The axis of the weights along which output channels lie.
    pub(crate) fn channel_axis(&self) -> usize {
        if self.groups.is_some() { 0 } else { 1 }
    }

    /// Output channels.
    pub(crate) fn channels(&self) -> usize {
        self.shape[self.channel_axis()]
    }

    /// Weights of one output channel.
    pub(crate) fn depth(&self) -> usize {
        if self.groups.is_some() { self.shape[1..].iter().product() } else { self.shape[0] }
    }
}

/// The layers of a graph, in the order in which they run, whether their weights are floats or made
/// of integers.
pub(crate) fn sites(graph: &Graph) -> Vec<Site> {
    let makers = makers(graph);
    let mut taken = BTreeSet::new();
    let found = graph.nodes.iter().enumerate();
    let found = found.filter_map(|(index, node)| site(graph, &makers, index, node));
    let named = found.map(|mut site| {
        let first = site.name.clone();
        let mut number = 2;
        while !taken.insert(site.name.clone()) {
            site.name = format!("{first}#{number}");
            number += 1;
        }
        site
    });
    named.collect()
}

/// The layers whose weights are floats.
pub(crate) fn float_sites(graph: &Graph) -> Vec<Site> {
    sites(graph).into_iter().filter(|site| site.dequantize.is_none()).collect()
}

/// The node that makes each value.
pub(crate) fn makers(graph: &Graph) -> BTreeMap<ValueId, usize> {
    let nodes = graph.nodes.iter().enumerate();
    nodes.flat_map(|(index, node)| node.outputs().map(move |id| (id, index))).collect()
}

fn site(
    graph: &Graph,
    makers: &BTreeMap<ValueId, usize>,
    index: usize,
    node: &Node,
) -> Option<Site> {
    let &[input, weights, ..] = node.inputs.as_slice() else { return None };
    let groups = match &node.op {
        Op::Conv(conv) => Some(conv.groups),
        Op::MatMul => None,
        _ => return None,
    };
    if graph.known(input).is_some() {
        return None;
    }
    let dequantize = makers.get(&weights).copied();
    let dequantize =
        dequantize.filter(|&maker| matches!(graph.nodes[maker].op, Op::Dequantize { .. }));
    let stored = match dequantize {
        Some(maker) => graph.known(graph.nodes[maker].inputs[0])?,
        None => graph.known(weights).filter(|t| t.dtype() == tensor::DType::F32)?,
    };
    let shape = stored.shape().to_vec();
    // Products of stacks of matrices have no one row of weights for each output channel.
    if shape.contains(&0) || (groups.is_none() && shape.len() != 2) {
        return None;
    }
    let name = if node.name.is_empty() { node.op.name() } else { &node.name };
    let (name, stored) = (name.to_string(), stored.clone());
    Some(Site { name, node: index, input, shape, groups, stored, dequantize })
}
