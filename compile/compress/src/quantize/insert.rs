//! Where values become integers: once each value that an integer layer reads, and what is added to
//! the result of one.

use super::Affine;
use crate::layers::{Site, float_sites, makers};
use crate::observe::is_observable;
use crate::{CompressError, Config, Precision, Ranges, weights};
use ir::{Graph, Node, Op, PoolKind, ValueId};
use std::collections::{BTreeMap, BTreeSet};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Tensor};

/// The values that may become integers of calibrated ranges, whatever the layers' precisions are.
pub(crate) fn points(graph: &Graph) -> BTreeSet<ValueId> {
    let sites = float_sites(graph);
    let flow = Flow::of(graph, &sites, &|_| true);
    let mut points: BTreeSet<ValueId> = sites.iter().map(|site| site.input).collect();
    for node in graph.nodes.iter().filter(|node| node.op == Op::Binary(Binary::Add)) {
        if node.inputs.iter().any(|&id| flow.product(id).is_some()) {
            points.extend(&node.inputs);
        }
    }
    let origins: Vec<ValueId> = points.iter().filter_map(|&id| flow.origin(id)).collect();
    points.extend(origins);
    points.retain(|&id| is_observable(graph, id));
    points
}

/// Does a layer of this precision read integers whose range is known before the model runs?
fn is_static(precision: Precision) -> bool {
    matches!(precision, Precision::Int8Static | Precision::Int4Static)
}

/// What makes and takes each value.
struct Flow<'g> {
    graph: &'g Graph,
    makers: BTreeMap<ValueId, usize>,
    uses: Vec<usize>,
    /// The nodes of the integer layers.
    products: BTreeSet<usize>,
}

impl<'g> Flow<'g> {
    fn of(graph: &'g Graph, sites: &[Site], is_integer: &dyn Fn(&Site) -> bool) -> Flow<'g> {
        let products = sites.iter().filter(|site| is_integer(site)).map(|site| site.node);
        let (makers, uses) = (makers(graph), graph.use_counts());
        Flow { graph, makers, uses, products: products.collect() }
    }

    fn maker(&self, id: ValueId) -> Option<(usize, &'g Node)> {
        self.makers.get(&id).map(|&index| (index, &self.graph.nodes[index]))
    }

    fn is_used_once(&self, id: ValueId) -> bool {
        self.uses[id.0 as usize] == 1
    }

    /// The node that ends an integer layer, its bias included, when it makes this value for one
    /// node alone.
    fn product(&self, id: ValueId) -> Option<usize> {
        let (index, node) = self.maker(id).filter(|_| self.is_used_once(id))?;
        if self.products.contains(&index) {
            return Some(index);
        }
        let [left, right] = *node.inputs.as_slice() else { return None };
        let is_bias = node.op == Op::Binary(Binary::Add);
        let sum = match (self.graph.known(left), self.graph.known(right)) {
            (None, Some(_)) if is_bias => left,
            (Some(_), None) if is_bias => right,
            _ => return None,
        };
        self.product(sum).map(|_| index)
    }

    /// Of an addition to the result of an integer layer, the other operand. Of two such results
    /// the one that is made first is the other.
    fn residual(&self, node: &Node) -> Option<ValueId> {
        let (Op::Binary(Binary::Add), &[left, right]) = (&node.op, node.inputs.as_slice()) else {
            return None;
        };
        let is_same = self.graph.value(left).shape == self.graph.value(right).shape;
        if !is_same || left == right || self.graph.known(left).or(self.graph.known(right)).is_some()
        {
            return None;
        }
        match (self.product(left), self.product(right)) {
            (None, None) => None,
            (Some(_), None) => Some(right),
            (None, Some(_)) => Some(left),
            (Some(a), Some(b)) => Some(if a < b { left } else { right }),
        }
    }

    /// The value whose elements this one only picks from or moves, when nothing else takes it: it
    /// can be integers of the same steps already.
    fn origin(&self, id: ValueId) -> Option<ValueId> {
        let (_, node) = self.maker(id)?;
        let moves = match &node.op {
            Op::Pool(pool) => pool.kind == PoolKind::Max,
            Op::Reshape { .. } | Op::Transpose { .. } | Op::Slice { .. } => true,
            _ => false,
        };
        let source = node.inputs[0];
        let is_alone = moves && self.is_used_once(source) && is_observable(self.graph, source);
        is_alone.then(|| self.origin(source).unwrap_or(source))
    }
}

/// A graph in which layers are being given their precisions.
struct Insertion<'a> {
    made: Graph,
    ranges: &'a Ranges,
    /// For each value that becomes integers the value whose range it has.
    wanted: BTreeMap<ValueId, ValueId>,
    /// The floats that are made of those integers.
    rounded: BTreeMap<ValueId, ValueId>,
    /// The same where the range is found while the model runs.
    dynamic: BTreeMap<ValueId, ValueId>,
}

/// The graph with every layer in its precision, and all that is no longer needed still there.
pub(super) fn insert(
    graph: &Graph,
    sites: &[Site],
    ranges: &Ranges,
    config: &Config,
) -> Result<Graph, CompressError> {
    // Layers that came as integers stay as they are.
    let precision = |site: &Site| match site.dequantize {
        Some(_) => Precision::F32,
        None => config.precision(&site.name),
    };
    let flow = Flow::of(graph, sites, &|site| is_static(precision(site)));
    let residuals = graph.nodes.iter().enumerate();
    let residuals = residuals.filter_map(|(index, node)| Some((index, flow.residual(node)?)));
    let residuals: BTreeMap<usize, ValueId> = residuals.collect();
    let read = sites.iter().filter(|site| is_static(precision(site))).map(|site| site.input);
    let mut wanted = BTreeMap::new();
    for id in read.chain(residuals.values().copied()) {
        let origin = flow.origin(id).unwrap_or(id);
        wanted.insert(id, origin);
        wanted.insert(origin, origin);
    }
    let sites: BTreeMap<usize, &Site> = sites.iter().map(|site| (site.node, site)).collect();
    let (rounded, dynamic) = (BTreeMap::new(), BTreeMap::new());
    let mut state = Insertion { made: graph.clone(), ranges, wanted, rounded, dynamic };
    state.made.nodes.clear();
    for &id in &graph.inputs {
        state.round(id)?;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let mut node = node.clone();
        if let Some(site) = sites.get(&index) {
            state.layer(site, precision(site), config, &mut node)?;
        }
        if let Some(residual) = residuals.get(&index)
            && let Some(&rounded) = state.rounded.get(residual)
        {
            node.inputs.iter_mut().filter(|id| *id == residual).for_each(|id| *id = rounded);
        }
        let outputs: Vec<ValueId> = node.outputs().collect();
        state.made.nodes.push(node);
        for id in outputs {
            state.round(id)?;
        }
    }
    Ok(state.made)
}

impl Insertion<'_> {
    /// Gives a layer's node its operands.
    fn layer(
        &mut self,
        site: &Site,
        precision: Precision,
        config: &Config,
        node: &mut Node,
    ) -> Result<(), CompressError> {
        if let Some(weights) = weights::stored(&mut self.made, site, precision, config.clip)? {
            node.inputs[1] = weights;
        }
        if is_static(precision)
            && let Some(&rounded) = self.rounded.get(&site.input)
        {
            node.inputs[0] = rounded;
        }
        if precision == Precision::Int8Dynamic {
            node.inputs[0] = self.round_dynamically(site.input)?;
        }
        Ok(())
    }

    /// Rounds a value that has just been made, when it is wanted as integers.
    fn round(&mut self, id: ValueId) -> Result<(), CompressError> {
        let Some(origin) = self.wanted.get(&id).copied().filter(|_| is_observable(&self.made, id))
        else {
            return Ok(());
        };
        let name = self.made.value(id).name.clone();
        let affine = self.ranges.affine(origin).ok_or_else(|| {
            CompressError::Unfit(format!(
                "value `{name}`: expected a calibrated range, found none; \
                 observe the graph that is quantized"
            ))
        })?;
        let Affine { scale, zero } = affine;
        let scale = self.made.constant(&format!("{name}.scale"), Tensor::scalar(scale));
        let zero = self.made.constant(&format!("{name}.zero"), Tensor::scalar(zero));
        let rounded = self.through(&name, id, scale, zero)?;
        self.rounded.insert(id, rounded);
        Ok(())
    }

    fn through(
        &mut self,
        name: &str,
        id: ValueId,
        scale: ValueId,
        zero: ValueId,
    ) -> Result<ValueId, CompressError> {
        let op = Op::Quantize { dtype: DType::U8, axis: 0 };
        let quantized = self.made.add(&format!("{name}.quantize"), op, &[id, scale, zero])?;
        let inputs = [quantized, scale, zero];
        Ok(self.made.add(&format!("{name}.dequantize"), Op::Dequantize { axis: 0 }, &inputs)?)
    }

    /// Rounds a value to steps over the range that it has in this very run, which holds zero, as
    /// ONNX DynamicQuantizeLinear does.
    fn round_dynamically(&mut self, id: ValueId) -> Result<ValueId, CompressError> {
        if let Some(&rounded) = self.dynamic.get(&id) {
            return Ok(rounded);
        }
        let name = self.made.value(id).name.clone();
        let axes: Vec<usize> = (0..self.made.value(id).shape.len()).collect();
        let graph = &mut self.made;
        let number = |graph: &mut Graph, x: f32| graph.constant("", Tensor::scalar(x));
        let zero = number(graph, 0.0);
        let extreme = |graph: &mut Graph, reduction: Reduction, function: Binary| {
            let op = Op::Reduce { reduction, axes: axes.clone(), keepdims: false };
            let found = graph.add(&name, op, &[id])?;
            graph.add(&name, Op::Binary(function), &[found, zero])
        };
        let high = extreme(graph, Reduction::Max, Binary::Max)?;
        let low = extreme(graph, Reduction::Min, Binary::Min)?;
        let range = graph.add(&name, Op::Binary(Binary::Sub), &[high, low])?;
        // Zeros alone have no range: any scale will do.
        let least = number(graph, f32::MIN_POSITIVE * 256.0);
        let range = graph.add(&name, Op::Binary(Binary::Max), &[range, least])?;
        let steps = number(graph, 255.0);
        let scale = graph.add(&name, Op::Binary(Binary::Div), &[range, steps])?;
        let lowest = graph.add(&name, Op::Unary(Unary::Neg), &[low])?;
        let point = graph.add(&name, Op::Binary(Binary::Div), &[lowest, scale])?;
        let point = graph.add(&name, Op::Unary(Unary::Round), &[point])?;
        let point = graph.add(&name, Op::Cast(DType::U8), &[point])?;
        let rounded = self.through(&name, id, scale, point)?;
        self.dynamic.insert(id, rounded);
        Ok(rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Observer, Samples, observe, quantize};
    use ir::Conv;
    use tensor::Dim;

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37 + salt).sin()).collect();
        Tensor::from_slice(shape, &numbers).unwrap()
    }

    fn conv(graph: &mut Graph, name: &str, x: ValueId) -> ValueId {
        let op = Conv { strides: vec![1], dilations: vec![1], pads: vec![(1, 1)], groups: 1 };
        let w = graph.constant("w", fill(&[4, 4, 3], name.len() as f32));
        graph.add(name, Op::Conv(op), &[x, w]).unwrap()
    }

    /// Two convolutions of one value, added, rectified, read by a third and by a softmax.
    fn block() -> Graph {
        let mut graph = Graph::new("block");
        let x = graph.input("x", DType::F32, [1, 4, 6].map(Dim::from).to_vec());
        let short = conv(&mut graph, "short", x);
        let long = conv(&mut graph, "longer", x);
        let sum = graph.add("sum", Op::Binary(Binary::Add), &[long, short]).unwrap();
        let act = graph.add("act", Op::Unary(Unary::Relu), &[sum]).unwrap();
        let last = conv(&mut graph, "the last", act);
        let soft = graph.add("soft", Op::Softmax { axis: 1 }, &[act]).unwrap();
        graph.output("y", last);
        graph.output("z", soft);
        graph
    }

    fn samples() -> Samples {
        let inputs = (0..4).map(|i| vec![fill(&[1, 4, 6], i as f32)]).collect();
        Samples { inputs, labels: None }
    }

    fn made(precision: Precision, but: &[&str]) -> Graph {
        let graph = block();
        let ranges = observe(&graph, &samples(), Observer::MinMax, &mut || ()).unwrap();
        let layers = float_sites(&graph).into_iter().map(|site| (site.name, precision));
        let layers = layers.filter(|(name, _)| !but.contains(&name.as_str())).collect();
        quantize(&graph, &ranges, &Config { layers, ..Config::default() }).unwrap()
    }

    /// What is quantized, by the nodes that make it or take it.
    fn quantized(graph: &Graph) -> Vec<String> {
        let nodes = graph.nodes.iter().filter(|node| matches!(node.op, Op::Quantize { .. }));
        let makers = makers(graph);
        let maker = |node: &Node| {
            makers.get(&node.inputs[0]).map_or("x".into(), |&i| graph.nodes[i].name.clone())
        };
        nodes.map(maker).collect()
    }

    #[test]
    fn values_are_quantized_once_and_of_two_results_the_first_one() {
        let graph = made(Precision::Int8Static, &[]);
        assert_eq!(quantized(&graph), ["x", "short", "act"]);
        let node = |name: &str| graph.nodes.iter().find(|node| node.name == name).unwrap();
        let makers = makers(&graph);
        let op = |id: ValueId| makers.get(&id).map(|&i| graph.nodes[i].op.name());
        assert_eq!(op(node("sum").inputs[0]), Some("conv"), "the later result is added to");
        assert_eq!(op(node("sum").inputs[1]), Some("dequantize"));
        assert_eq!(op(node("soft").inputs[0]), Some("unary"), "floats are read as floats");
        assert_eq!(node("short").inputs[0], node("longer").inputs[0]);
    }

    #[test]
    fn layers_that_are_left_out_read_floats() {
        let graph = made(Precision::Int8Static, &["short", "longer"]);
        assert_eq!(quantized(&graph), ["act"]);
        assert!(quantized(&made(Precision::WeightsInt8, &[])).is_empty());
    }

    #[test]
    fn answers_stay_near_in_every_precision() {
        let answers = |graph: &Graph| {
            let made = reference::run(graph, &samples().inputs[2]).unwrap();
            made[0].as_slice::<f32>().unwrap().to_vec()
        };
        let expected = answers(&block());
        for (precision, error) in [
            (Precision::Int8Static, 0.2),
            (Precision::Int8Dynamic, 0.2),
            (Precision::Int4Static, 5.0),
            (Precision::WeightsInt8, 0.1),
            (Precision::WeightsInt4, 5.0),
            (Precision::Clusters, 0.1),
            (Precision::Bf16, 0.1),
            (Precision::F16, 0.02),
        ] {
            let found = answers(&made(precision, &[]));
            testkit::assert_close(precision.name(), &found, &expected, 0.0, error);
        }
    }

    #[test]
    fn unknown_layers_and_missing_ranges_are_refused() {
        let graph = block();
        let layers = BTreeMap::from([("nobody".to_string(), Precision::Bf16)]);
        let config = Config { layers, ..Config::default() };
        let error = quantize(&graph, &Ranges::default(), &config).unwrap_err();
        assert!(error.to_string().contains("layer `nobody`"), "{error}");
        let layers = BTreeMap::from([("short".to_string(), Precision::Int8Static)]);
        let config = Config { layers, ..Config::default() };
        let error = quantize(&graph, &Ranges::default(), &config).unwrap_err();
        assert!(error.to_string().contains("value `x`"), "{error}");
    }
}
