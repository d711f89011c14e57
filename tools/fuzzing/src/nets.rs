//! Networks of layers by chance: images and texts through what lowering fuses and packs.

use ir::{Conv, Graph, Op, Pool, PoolKind, ValueId};
use std::ops::Range;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

/// A network for images whose sides are of this range, with ten scores.
pub fn image(seed: u64, sides: Range<usize>) -> Net {
    let mut random = fastrand::Rng::with_seed(seed);
    let [height, width] = [(); 2].map(|()| random.usize(sides.clone()));
    let shape = vec![Dim::symbol("n"), random.usize(3..20).into(), height.into(), width.into()];
    let mut net = Net::new(seed, shape);
    (0..random.usize(2..6)).for_each(|_| net.image_layer());
    let reduction = Reduction::Mean;
    net.add(Op::Reduce { reduction, axes: vec![2, 3], keepdims: false }, &[net.value]);
    net.linear(10);
    net
}

/// A network for texts whose lengths are of this range.
pub fn text(seed: u64, lengths: Range<usize>) -> Net {
    let mut random = fastrand::Rng::with_seed(seed);
    let shape = vec![Dim::symbol("n"), random.usize(lengths).into(), random.usize(4..80).into()];
    let mut net = Net::new(seed, shape);
    (0..random.usize(2..7)).for_each(|_| net.token_layer());
    net
}

/// A model in the making, with what random choices need to know of its last value.
#[derive(Debug, Clone)]
pub struct Net {
    /// Where chance comes from.
    pub random: fastrand::Rng,
    /// What there is of it.
    pub graph: Graph,
    /// What the last layer makes.
    pub value: ValueId,
}

impl Net {
    /// The graph, with the last value as its output.
    pub fn finish(mut self) -> Graph {
        self.graph.output("y", self.value);
        self.graph
    }

    fn new(seed: u64, shape: Vec<Dim>) -> Net {
        let mut graph = Graph::new("random");
        let value = graph.input("x", DType::F32, shape);
        Net { random: fastrand::Rng::with_seed(seed), graph, value }
    }

    /// The known sizes behind the batch.
    fn sizes(&self) -> Vec<usize> {
        let known = |dim: &Dim| usize::try_from(dim.known().unwrap()).unwrap();
        self.graph.fact(self.value).shape[1..].iter().map(known).collect()
    }

    fn weights(&mut self, shape: &[usize]) -> ValueId {
        let fan_in: usize = shape[1..].iter().product::<usize>().max(1);
        let scale = 1.0 / (fan_in as f32).sqrt();
        let count = shape.iter().product();
        let elements: Vec<f32> =
            (0..count).map(|_| (self.random.f32() * 2.0 - 1.0) * scale).collect();
        self.graph.constant("w", Tensor::from_slice(shape, &elements).unwrap())
    }

    fn add(&mut self, op: Op, inputs: &[ValueId]) {
        self.value = self.graph.add("node", op, inputs).unwrap();
    }

    fn activation(&mut self) {
        let functions = [Unary::Relu, Unary::Silu, Unary::Gelu, Unary::Clip { min: 0.0, max: 6.0 }];
        let function = functions[self.random.usize(..functions.len())];
        self.add(Op::Unary(function), &[self.value]);
    }

    fn conv(&mut self, outputs: usize, kernel: usize, stride: usize, groups: usize) {
        let channels = self.sizes()[0];
        let weights = self.weights(&[outputs, channels / groups, kernel, kernel]);
        let bias = self.weights(&[outputs]);
        let op = Op::Conv(Conv {
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads: vec![(kernel / 2, kernel / 2); 2],
            groups,
        });
        self.add(op, &[self.value, weights, bias]);
    }

    /// Expansion, depthwise convolution, projection and the residual: a chain on large images.
    fn inverted_residual(&mut self) {
        let (before, channels) = (self.value, self.sizes()[0]);
        let (wide, kernel) = (channels * 6, [3, 5][self.random.usize(..2)]);
        self.conv(wide, 1, 1, 1);
        self.activation();
        self.conv(wide, kernel, 1, wide);
        self.activation();
        self.conv(channels, 1, 1, 1);
        self.add(Op::Binary(Binary::Add), &[self.value, before]);
    }

    fn image_layer(&mut self) {
        let channels = self.sizes()[0];
        match self.random.usize(..7) {
            0 => self.inverted_residual(),
            1 => self.conv(channels + 3, 3, 1, 1),
            2 => self.conv(24, 1, 1, 1),
            3 => self.conv(channels, 3, 2, channels),
            4 => self.conv(20, 3, 2, 1),
            5 => {
                let kind = [PoolKind::Max, PoolKind::Average { count_include_pad: false }];
                let kind = kind[self.random.usize(..2)];
                let (kernel, pads) = (vec![3; 2], vec![(1, 1); 2]);
                let (strides, dilations) = (vec![1; 2], vec![1; 2]);
                let pool = Pool { kind, kernel, strides, dilations, pads, ceil_mode: false };
                self.add(Op::Pool(pool), &[self.value]);
            }
            _ => self.add(Op::Softmax { axis: 1 }, &[self.value]),
        }
        self.activation();
    }

    fn linear(&mut self, outputs: usize) {
        let inputs = *self.sizes().last().unwrap();
        let weights = self.weights(&[inputs, outputs]);
        self.add(Op::MatMul, &[self.value, weights]);
    }

    /// Self-attention with one head, and the residual.
    fn attention(&mut self) {
        let (before, width) = (self.value, self.sizes()[1]);
        let mut project = || {
            self.value = before;
            self.linear(width);
            self.value
        };
        let (query, key, value) = (project(), project(), project());
        self.add(Op::Transpose { perm: vec![0, 2, 1] }, &[key]);
        self.add(Op::MatMul, &[query, self.value]);
        self.add(Op::Softmax { axis: 2 }, &[self.value]);
        self.add(Op::MatMul, &[self.value, value]);
        self.add(Op::Binary(Binary::Add), &[self.value, before]);
    }

    fn token_layer(&mut self) {
        let width = self.sizes()[1];
        match self.random.usize(..3) {
            0 => self.attention(),
            1 => {
                let outputs = self.random.usize(8..200);
                self.linear(outputs);
                self.activation();
            }
            _ => {
                let (scale, bias) = (self.weights(&[width]), self.weights(&[width]));
                let op = Op::LayerNorm { axis: 2, epsilon: 1e-5 };
                self.add(op, &[self.value, scale, bias]);
            }
        }
    }
}
