//! One plan on one instruction set gives an input the same bytes, whatever stands beside it in the
//! batch and however many threads compute it: random models, image by image against batches.

use ir::{Conv, Graph, Op, Pool, PoolKind, ValueId};
use plan::Precision;
use runtime::{Constants, Model};
use std::sync::Arc;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

/// A model in the making, with what random choices need to know of its last value.
struct Net {
    random: fastrand::Rng,
    graph: Graph,
    value: ValueId,
}

impl Net {
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

    /// Runs batches of several sizes on several numbers of threads.
    fn check(mut self) {
        const BATCH: usize = 5;
        let fact = self.graph.fact(self.graph.inputs[0]);
        self.graph.output("y", self.value);
        let shape: Vec<usize> =
            fact.shape[1..].iter().map(|dim| dim.known().unwrap() as usize).collect();
        let each: usize = shape.iter().product();
        let elements: Vec<f32> = (0..BATCH * each).map(|_| self.random.f32() * 2.0 - 1.0).collect();
        let batch = |from: usize, to: usize| {
            let shape = [&[to - from], &shape[..]].concat();
            Tensor::from_slice(&shape, &elements[from * each..to * each]).unwrap()
        };
        let inputs: Vec<Tensor> = (0..BATCH).map(|i| batch(i, i + 1)).collect();
        let mut answers = Vec::new();
        for precision in Precision::ALL {
            let options = lower::Options { precision, ..Default::default() };
            let lowered = lower::lower_with(&self.graph, &options).unwrap();
            let printed = lowered.plan.to_string();
            let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
            let on = |threads| model.clone().with_pool(Arc::new(runtime::Pool::new(threads)));
            let alone = on(1);
            let expected: Vec<Tensor> =
                inputs.iter().map(|input| alone.run(&[input]).unwrap().remove(0)).collect();
            for threads in [1, 2, 3, 8] {
                let model = on(threads);
                for (from, to) in [(0, BATCH), (1, 3), (4, 5), (0, 4)] {
                    let found = model.run(&[&batch(from, to)]).unwrap();
                    let bytes: Vec<&[u8]> =
                        expected[from..to].iter().map(|tensor| tensor.bytes()).collect();
                    let is_same = found[0].bytes() == bytes.concat();
                    assert!(is_same, "{threads} threads, inputs {from}..{to}\n{printed}");
                }
            }
            answers.push(expected);
        }
        for (exact, rounded) in answers[0].iter().zip(&answers[1]) {
            check_close(rounded.as_slice().unwrap(), exact.as_slice().unwrap());
        }
    }
}

/// Some layers of bf16 may move an element by some of the 8 bits that each factor keeps, relative
/// to the largest one.
fn check_close(rounded: &[f32], exact: &[f32]) {
    let largest = exact.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    for (&x, &y) in rounded.iter().zip(exact) {
        assert!((x - y).abs() <= largest / 16.0, "{x} for {y}, the largest being {largest}");
    }
}

#[test]
fn an_image_has_the_same_bytes_in_any_batch_on_any_threads() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let [height, width] = [(); 2].map(|()| random.usize(5..64));
        let shape = vec![Dim::symbol("n"), random.usize(3..20).into(), height.into(), width.into()];
        let mut net = Net::new(seed, shape);
        (0..random.usize(2..6)).for_each(|_| net.image_layer());
        let reduction = Reduction::Mean;
        net.add(Op::Reduce { reduction, axes: vec![2, 3], keepdims: false }, &[net.value]);
        net.linear(10);
        net.check();
    }
}

#[test]
fn a_text_has_the_same_bytes_in_any_batch_on_any_threads() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let shape = vec![Dim::symbol("n"), random.usize(1..150).into(), random.usize(4..80).into()];
        let mut net = Net::new(seed, shape);
        (0..random.usize(2..7)).for_each(|_| net.token_layer());
        net.check();
    }
}
