//! The inputs of a model. A symbol file seldom says their shapes; the layers that take them do.

use super::params::element_type;
use super::symbol::{Node, Source, Symbol, tuple};
use crate::Options;
use crate::build::open_size_beside;
use crate::decompose::arithmetic::axis;
use ir::Fact;
use std::collections::HashMap;
use std::sync::Arc;
use tensor::{DType, Dim, Tensor};

/// Two axes that are exchanged; twice the same for none.
type Exchange = [usize; 2];

/// What layers say of the axes of a value: nothing, or its sizes, those that are open being `None`.
#[derive(Debug, Clone, PartialEq)]
struct Shape {
    sizes: Vec<Option<usize>>,
    /// Which axis runs over the examples.
    batch: usize,
}

impl Shape {
    fn open(rank: usize) -> Shape {
        Shape { sizes: vec![None; rank], batch: 0 }
    }

    /// With two axes in each other's place.
    fn exchanged(mut self, a: usize, b: usize) -> Shape {
        self.sizes.swap(a, b);
        let batch = match self.batch {
            batch if batch == a => b,
            batch if batch == b => a,
            batch => batch,
        };
        Shape { batch, ..self }
    }

    /// With `axis` of this size, where it is known.
    fn with(mut self, axis: usize, size: Option<usize>) -> Shape {
        if let Some(place) = self.sizes.get_mut(axis) {
            *place = size.filter(|&size| size > 0).or(*place);
        }
        self
    }
}

/// Type and shape of an input; nothing where nobody says how many axes it has.
pub(super) fn fact(
    symbol: &Symbol,
    input: usize,
    parameters: &HashMap<String, Arc<Tensor>>,
    options: &Options,
) -> Option<Fact> {
    let node = &symbol.nodes[input];
    let dtype = node.attribute("__dtype__").and_then(|text| text.parse().ok());
    let dtype = dtype.and_then(element_type).unwrap_or(DType::F32);
    let reader = Reader { symbol, parameters };
    let shape = declared(node).or_else(|| reader.shape(input, NESTED_MAX))?;
    let axes = shape.sizes.iter().enumerate();
    let shape = axes.map(|(axis, size)| match size {
        Some(size) => Dim::from(*size),
        None => open_size_beside(&node.name, axis, shape.batch, options),
    });
    Some(Fact { dtype, shape: shape.collect() })
}

/// What the input itself says; 0 and -1 stand for sizes that are open.
fn declared(node: &Node) -> Option<Shape> {
    let sizes = tuple(node.attribute("__shape__")?)?;
    let known = |size: &Option<i64>| usize::try_from((*size)?).ok().filter(|&size| size > 0);
    let sizes: Vec<Option<usize>> = sizes.iter().map(known).collect();
    (!sizes.is_empty()).then_some(Shape { sizes, batch: 0 })
}

/// How often what a layer says of its input may depend on what is said of its result: an embedding
/// of tokens that is cut into steps asks twice.
const NESTED_MAX: usize = 4;

struct Reader<'a> {
    symbol: &'a Symbol,
    parameters: &'a HashMap<String, Arc<Tensor>>,
}

impl Reader<'_> {
    /// What the layers behind a node say of what it makes first, the nearest of them first.
    fn shape(&self, input: usize, nested: usize) -> Option<Shape> {
        // Which nodes make a value of the input's shape, or of that with two axes exchanged.
        let mut same: Vec<Option<Exchange>> = vec![None; self.symbol.nodes.len()];
        same[input] = Some([0, 0]);
        // What layers say that keep shapes: how many channels there are.
        let mut channels = None;
        // Nodes stand behind what they take.
        for (at, node) in self.symbol.nodes.iter().enumerate().skip(input + 1) {
            let is_same = |source: &Source| source.output == 0 && same[source.node].is_some();
            let Some(place) = node.inputs.iter().position(is_same) else { continue };
            let exchange = same[node.inputs[place].node];
            let said = match (node.op.as_str(), place) {
                ("Embedding", 0) => Some(self.tokens(at, nested)),
                ("SliceChannel" | "split", 0) if is_squeezed(node) => Some(self.steps(at, nested)?),
                _ => self.said_by(node, place),
            };
            if let Some(shape) = said {
                let [a, b] = exchange.filter(|axes| axes.iter().all(|&x| x < shape.sizes.len()))?;
                let channels = channels.or_else(|| self.channels_behind(at));
                return Some(shape.with(1, channels).exchanged(a, b));
            }
            if keeps_shape(&node.op) || keeps_examples(node) {
                same[at] = exchange;
                channels = channels.or_else(|| self.channels(node, place));
            } else if exchange == Some([0, 0])
                && matches!(node.op.as_str(), "SwapAxis" | "swapaxes")
            {
                let axis = |name: &str| node.attribute(name)?.parse().ok();
                same[at] = Some([axis("dim1").unwrap_or(0), axis("dim2").unwrap_or(0)]);
            }
        }
        None
    }

    /// What is embedded: the axes of the result but the last one, where these are steps of
    /// sequences.
    fn tokens(&self, embedding: usize, nested: usize) -> Shape {
        let made = nested.checked_sub(1).and_then(|nested| self.shape(embedding, nested));
        match made.filter(|made| made.sizes.len() == 3) {
            Some(Shape { mut sizes, batch }) => {
                sizes.pop();
                Shape { sizes, batch }
            }
            None => Shape::open(2),
        }
    }

    /// What is cut into steps: the axes of one, and that of the steps.
    fn steps(&self, split: usize, nested: usize) -> Option<Shape> {
        let node = &self.symbol.nodes[split];
        let Shape { mut sizes, batch } = self.shape(split, nested.checked_sub(1)?)?;
        let number = |name: &str| node.attribute(name)?.parse::<i64>().ok();
        let axis = axis(number("axis").unwrap_or(1), sizes.len() + 1)?;
        sizes.insert(axis, usize::try_from(number("num_outputs")?).ok());
        Some(Shape { sizes, batch: if axis <= batch { batch + 1 } else { batch } })
    }

    /// How many channels a layer keeps that says how many axes there are, by the nearest layer
    /// behind it whose weights tell.
    fn channels_behind(&self, first: usize) -> Option<usize> {
        let mut keeps = vec![false; self.symbol.nodes.len()];
        keeps[first] = keeps_channels(&self.symbol.nodes[first]);
        for (at, node) in self.symbol.nodes.iter().enumerate().skip(first + 1) {
            let is_kept = |source: &Source| source.output == 0 && keeps[source.node];
            let Some(place) = node.inputs.iter().position(is_kept) else { continue };
            let said = self.said_by(node, place).and_then(|shape| *shape.sizes.get(1)?);
            if let Some(channels) = said.or_else(|| self.channels(node, place)) {
                return Some(channels);
            }
            keeps[at] = keeps_shape(&node.op) || keeps_channels(node);
        }
        None
    }

    fn parameter(&self, node: &Node, index: usize) -> Option<&[usize]> {
        let name = &self.symbol.nodes[node.inputs.get(index)?.node].name;
        self.parameters.get(name).map(|tensor| tensor.shape())
    }

    fn channels(&self, node: &Node, place: usize) -> Option<usize> {
        let is_norm = node.op.starts_with("BatchNorm") && place == 0;
        self.parameter(node, 1).filter(|_| is_norm)?.first().copied()
    }

    /// What a layer says of the input that it takes at a place.
    fn said_by(&self, node: &Node, place: usize) -> Option<Shape> {
        let list = |name: &str| tuple(node.attribute(name)?);
        let count = |name: &str| node.attribute(name)?.parse::<usize>().ok();
        let weight = |axis: usize| self.parameter(node, 1)?.get(axis).copied();
        let kernel = || list("kernel").filter(|kernel| !kernel.is_empty());
        match (node.op.as_str(), place) {
            ("Convolution" | "Convolution_v1", 0) => {
                let groups = count("num_group").unwrap_or(1);
                let channels = weight(1).and_then(|own| own.checked_mul(groups));
                Some(Shape::open(kernel()?.len() + 2).with(1, channels))
            }
            ("Deconvolution", 0) => Some(Shape::open(kernel()?.len() + 2).with(1, weight(0))),
            ("Pooling" | "Pooling_v1", 0) => Some(Shape::open(kernel()?.len() + 2)),
            ("UpSampling" | "LRN" | "_contrib_BilinearResize2D", 0) => Some(Shape::open(4)),
            ("_contrib_AdaptiveAvgPooling2D" | "_contrib_MultiBoxPrior", 0) => Some(Shape::open(4)),
            ("ROIPooling" | "_contrib_ROIAlign", 0) => Some(Shape::open(4)),
            ("ROIPooling" | "_contrib_ROIAlign", 1) => Some(Shape::open(2).with(1, Some(5))),
            ("_contrib_Proposal" | "_contrib_MultiProposal", 0 | 1) => Some(Shape::open(4)),
            ("_contrib_Proposal" | "_contrib_MultiProposal", 2) => {
                Some(Shape::open(2).with(1, Some(3)))
            }
            ("FullyConnected", 0) => Some(Shape::open(2).with(1, weight(1))),
            ("Pad" | "pad", 0) => Some(Shape::open(list("pad_width")?.len() / 2)),
            ("transpose", 0) => {
                Some(Shape::open(list("axes")?.len())).filter(|s| !s.sizes.is_empty())
            }
            ("RNN", 0) => {
                let batch_second = Shape { batch: 1, ..Shape::open(3) };
                Some(batch_second.with(2, self.features(node)))
            }
            ("RNN", 2 | 3) => {
                let ways = if node.attribute("bidirectional") == Some("True") { 2 } else { 1 };
                let layers = count("num_layers")?.checked_mul(ways);
                let batch_second = Shape { batch: 1, ..Shape::open(3) };
                Some(batch_second.with(0, layers).with(2, count("state_size")))
            }
            ("SoftmaxOutput" | "softmax" | "log_softmax" | "dot", 0) => Some(Shape::open(2)),
            _ => None,
        }
    }

    /// How many features the steps of a recurrent layer have, by the first of its parameters.
    fn features(&self, node: &Node) -> Option<usize> {
        let joined = &self.symbol.nodes[node.inputs.get(1)?.node];
        let reshaped = &self.symbol.nodes[joined.inputs.first()?.node];
        let first = match reshaped.inputs.first() {
            Some(source) => &self.symbol.nodes[source.node],
            None => reshaped,
        };
        self.parameters.get(&first.name)?.shape().get(1).copied()
    }
}

/// Have the parts into which this cuts a value no axis along which it was cut?
fn is_squeezed(node: &Node) -> bool {
    matches!(node.attribute("squeeze_axis"), Some("True" | "true" | "1"))
}

/// Has what this layer makes of images as many channels as they have?
fn keeps_channels(node: &Node) -> bool {
    match node.op.as_str() {
        "Pooling" | "Pooling_v1" | "UpSampling" | "LRN" => true,
        "_contrib_BilinearResize2D" | "_contrib_AdaptiveAvgPooling2D" => true,
        "Pad" | "pad" => {
            let widths = node.attribute("pad_width").and_then(tuple).unwrap_or_default();
            widths.get(2..4) == Some(&[Some(0), Some(0)])
        }
        _ => false,
    }
}

/// Is it a part of what it takes, with all examples and channels, whose other axes are open anyway?
fn keeps_examples(node: &Node) -> bool {
    let is_whole = |name: &str| {
        let places = node.attribute(name).and_then(tuple).unwrap_or_default();
        places.get(..2) == Some(&[None, None])
    };
    node.op == "slice" && is_whole("begin") && is_whole("end")
}

/// Has what this operator makes of its first input the shape of that input?
fn keeps_shape(op: &str) -> bool {
    const OTHERS: &[&str] = &[
        "Activation",
        "BlockGrad",
        "Cast",
        "Dropout",
        "InstanceNorm",
        "L2Normalization",
        "LayerNorm",
        "LeakyReLU",
        "_copy",
        "abs",
        "amp_cast",
        "cast",
        "clip",
        "exp",
        "identity",
        "log",
        "negative",
        "relu",
        "sigmoid",
        "sqrt",
        "square",
        "tanh",
    ];
    let starts = ["BatchNorm", "elemwise_", "broadcast_", "_contrib_SyncBatchNorm"];
    OTHERS.contains(&op) || op.ends_with("_scalar") || starts.iter().any(|s| op.starts_with(s))
}
