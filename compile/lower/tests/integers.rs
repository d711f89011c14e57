//! Graphs whose numbers are integers of 8 bits, against the naive twin: results may be one integer
//! away, since the engine rounds factors where the graph rounds numbers.

use ir::{Conv, Graph, Op, ValueId};
use operators::dynamic_range::DynamicRange;
use plan::{Operation, Plan};
use runtime::{Constants, Model};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor};

struct Random(fastrand::Rng);

/// The scale of every quantized value: powers of two, so that the twin's own rounding is none.
const SCALE: f32 = 1.0 / 16.0;

struct Net {
    graph: Graph,
    random: Random,
    value: ValueId,
}

impl Random {
    fn floats(&mut self, shape: &[usize], range: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let floats: Vec<f32> = (0..count).map(|_| (self.0.f32() * 2.0 - 1.0) * range).collect();
        Tensor::from_slice(shape, &floats).unwrap()
    }
}

impl Net {
    fn new(seed: u64, shape: &[usize]) -> Net {
        let mut graph = Graph::new("integers");
        let dims = shape.iter().map(|&d| Dim::from(d)).collect();
        let value = graph.input("x", DType::F32, dims);
        Net { graph, random: Random(fastrand::Rng::with_seed(seed)), value }
    }

    fn add(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> ValueId {
        self.graph.add(name, op, inputs).unwrap()
    }

    /// Quantizes the value and gives what the integers stand for.
    fn quantize(&mut self, zero: u8) {
        let scale = self.graph.constant("s", Tensor::from_slice(&[], &[SCALE]).unwrap());
        let zero = self.graph.constant("z", Tensor::from_slice(&[], &[zero]).unwrap());
        let op = Op::Quantize { dtype: DType::U8, axis: 0 };
        let made = self.add("quantize", op, &[self.value, scale, zero]);
        self.value = self.add("dequantize", Op::Dequantize { axis: 0 }, &[made, scale, zero]);
    }

    /// Weights of integers with a scale for each place along `axis`.
    fn weights(&mut self, shape: &[usize], axis: usize) -> ValueId {
        let count: usize = shape.iter().product();
        let depth = (count / shape[axis]) as f32;
        let integers: Vec<i8> = (0..count).map(|_| self.random.0.i8(..)).collect();
        // So that sums fill about the range of a byte.
        let power = (4.0 / depth.sqrt() / 128.0).log2().round() as i32;
        let scales: Vec<f32> =
            (0..shape[axis]).map(|_| 2f32.powi(power - self.random.0.i32(0..2))).collect();
        let zeros = vec![0i8; shape[axis]];
        let integers = self.graph.constant("w", Tensor::from_slice(shape, &integers).unwrap());
        let size = &shape[axis..=axis];
        let scales = self.graph.constant("s", Tensor::from_slice(size, &scales).unwrap());
        let zeros = self.graph.constant("z", Tensor::from_slice(size, &zeros).unwrap());
        self.add("weights", Op::Dequantize { axis }, &[integers, scales, zeros])
    }

    fn conv(&mut self, sizes: [usize; 4], groups: usize, stride: usize, has_bias: bool) {
        let weights = self.weights(&sizes, 0);
        let mut inputs = vec![self.value, weights];
        if has_bias {
            let bias = self.random.floats(&sizes[..1], 1.0);
            inputs.push(self.graph.constant("b", bias));
        }
        let pad = sizes[2] / 2;
        let conv = Conv {
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads: vec![(pad, pad); 2],
            groups,
        };
        self.value = self.add("conv", Op::Conv(conv), &inputs);
    }

    /// Quantizes the value by the range that it turns out to have, and gives what the integers
    /// stand for.
    fn quantize_dynamically(&mut self) {
        self.add("range", Op::Whole(DynamicRange {}.into()), &[self.value]);
        let found: Vec<ValueId> = self.graph.nodes.last().unwrap().outputs().collect();
        let quantize = Op::Quantize { dtype: DType::U8, axis: 0 };
        let bytes = self.add("bytes", quantize, &[self.value, found[0], found[1]]);
        self.value = self.add("x", Op::Dequantize { axis: 0 }, &[bytes, found[0], found[1]]);
    }

    fn unary(&mut self, function: Unary) {
        self.value = self.add("act", Op::Unary(function), &[self.value]);
    }

    fn plus(&mut self, other: ValueId) {
        self.value = self.add("sum", Op::Binary(Binary::Add), &[self.value, other]);
    }

    /// As [`Net::weights`], of 4 bits.
    fn narrow_weights(&mut self, shape: &[usize]) -> ValueId {
        let count: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..count).map(|_| self.random.0.i8(-8..8) as u8).collect();
        let integers = Tensor::from_bytes(DType::I4, shape, &bytes).unwrap();
        let integers = self.graph.constant("w", integers);
        let scale = self.graph.constant("s", Tensor::from_slice(&[], &[0.125f32]).unwrap());
        let zero = self.graph.constant("z", Tensor::from_bytes(DType::I4, &[], &[0]).unwrap());
        self.add("weights", Op::Dequantize { axis: 0 }, &[integers, scale, zero])
    }

    /// Compares engine and twin, and gives the plan.
    #[track_caller]
    fn check(mut self, shape: &[usize]) -> Plan {
        self.graph.output("y", self.value);
        let x = self.random.floats(shape, 6.0);
        let expected = reference::run(&self.graph, std::slice::from_ref(&x)).unwrap().remove(0);
        let (graph, _) = passes::optimize(self.graph).unwrap();
        let lowered = lower::lower(&graph).unwrap();
        let plan = lowered.plan.clone();
        let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
        let found = model.run(&[&x]).unwrap().remove(0);
        let (found, expected) =
            (found.as_slice::<f32>().unwrap(), expected.as_slice::<f32>().unwrap());
        let mut away = 0;
        for (found, expected) in found.iter().zip(expected) {
            let difference = (found - expected).abs();
            assert!(difference <= SCALE * 1.01, "{found} for {expected}\n{plan}");
            away += usize::from(difference > SCALE * 0.01);
        }
        assert!(away * 50 <= found.len(), "{away} of {} differ\n{plan}", found.len());
        assert!(expected.iter().any(|&x| x != expected[0]), "a result that says nothing");
        plan
    }
}

fn count(plan: &Plan, wanted: fn(&Operation) -> bool) -> usize {
    plan.steps.iter().filter(|step| wanted(&step.operation)).count()
}

fn is_integers(operation: &Operation) -> bool {
    match operation {
        Operation::Convolution(p) | Operation::Depthwise(p) => p.epilogue.integers.is_some(),
        Operation::MatMul(p) => p.epilogue.integers.is_some(),
        _ => false,
    }
}

fn is_conversion(operation: &Operation) -> bool {
    matches!(operation, Operation::Quantize { .. } | Operation::Dequantize { .. })
}

#[test]
fn a_residual_block_is_bytes_from_end_to_end() {
    let shape = [2, 6, 9, 7];
    let mut net = Net::new(1, &shape);
    net.quantize(128);
    let shortcut = net.value;
    net.conv([20, 6, 1, 1], 1, 1, true);
    net.unary(Unary::Clip { min: 0.0, max: 6.0 });
    net.quantize(0);
    net.conv([20, 1, 3, 3], 20, 1, true);
    net.unary(Unary::Relu);
    net.quantize(3);
    net.conv([6, 20, 1, 1], 1, 1, false);
    net.plus(shortcut);
    net.unary(Unary::Relu);
    net.quantize(10);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 3, "{plan}");
    // The first and the last step alone.
    assert_eq!(count(&plan, is_conversion), 2, "{plan}");
}

#[test]
fn images_that_leave_the_cache() {
    let shape = [1, 16, 112, 112];
    let mut net = Net::new(11, &shape);
    net.quantize(128);
    net.conv([96, 16, 1, 1], 1, 1, true);
    net.unary(Unary::Relu);
    net.quantize(0);
    net.conv([96, 1, 3, 3], 96, 2, true);
    net.unary(Unary::Relu);
    net.quantize(0);
    net.conv([24, 96, 1, 1], 1, 1, true);
    net.quantize(128);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 3, "{plan}");
}

#[test]
fn padding_is_what_stands_for_zero() {
    for (seed, zero) in [(2, 0), (3, 77), (4, 255)] {
        let shape = [1, 3, 11, 10];
        let mut net = Net::new(seed, &shape);
        net.quantize(zero);
        net.conv([17, 3, 3, 3], 1, 2, true);
        net.quantize(128);
        net.conv([17, 1, 5, 5], 17, 2, false);
        net.quantize(120);
        let plan = net.check(&shape);
        assert_eq!(count(&plan, is_integers), 2, "{plan}");
    }
}

#[test]
fn activations_that_are_more_than_bounds_and_residuals_of_floats() {
    let shape = [1, 8, 6, 6];
    let mut net = Net::new(5, &shape);
    let before = net.value;
    net.quantize(128);
    net.conv([8, 8, 3, 3], 1, 1, true);
    net.plus(before);
    net.unary(Unary::HardSwish);
    net.quantize(20);
    net.conv([8, 1, 3, 3], 8, 1, true);
    net.unary(Unary::Silu);
    net.quantize(30);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 2, "{plan}");
}

#[test]
fn groups_of_channels() {
    let shape = [1, 12, 8, 8];
    let mut net = Net::new(6, &shape);
    net.quantize(100);
    net.conv([18, 4, 3, 3], 3, 1, true);
    net.quantize(128);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 1, "{plan}");
}

#[test]
fn matrices() {
    for (seed, k, n) in [(7, 33, 50), (8, 64, 64), (9, 5, 1)] {
        let shape = [3, 4, k];
        let mut net = Net::new(seed, &shape);
        net.quantize(117);
        let weights = net.weights(&[k, n], 1);
        net.value = net.add("product", Op::MatMul, &[net.value, weights]);
        let bias = net.random.floats(&[n], 1.0);
        let bias = net.graph.constant("b", bias);
        net.plus(bias);
        net.unary(Unary::GeluTanh);
        net.quantize(5);
        let plan = net.check(&shape);
        assert_eq!(count(&plan, is_integers), 1, "{plan}");
    }
}

#[test]
fn a_value_that_integers_and_floats_are_made_of() {
    let shape = [1, 4, 5, 5];
    let mut net = Net::new(10, &shape);
    net.quantize(128);
    let shared = net.value;
    net.conv([4, 4, 1, 1], 1, 1, false);
    net.unary(Unary::Relu);
    let other = net.add("sigmoid", Op::Unary(Unary::Sigmoid), &[shared]);
    net.value = net.add("product", Op::Binary(Binary::Mul), &[net.value, other]);
    net.quantize(0);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 1, "{plan}");
}

#[test]
fn a_plan_says_what_its_products_multiply() {
    let shape = [2, 24];
    let mut net = Net::new(26, &shape);
    net.quantize(128);
    let weights = net.weights(&[24, 16], 1);
    net.value = net.add("product", Op::MatMul, &[net.value, weights]);
    let floats = net.random.floats(&[16, 5], 0.2);
    let floats = net.graph.constant("w", floats);
    net.value = net.add("head", Op::MatMul, &[net.value, floats]);
    net.quantize(128);
    let plan = net.check(&shape);
    assert_eq!(plan.arithmetic(), "int8 and f32");
    assert_eq!(plan.precision(), plan::Precision::F32, "which --precision asks for");
}

#[test]
fn weights_of_four_bits() {
    let shape = [5, 24];
    let mut net = Net::new(12, &shape);
    net.quantize(128);
    let weights = net.narrow_weights(&[24, 20]);
    net.value = net.add("product", Op::MatMul, &[net.value, weights]);
    net.quantize(128);
    let plan = net.check(&shape);
    assert_eq!(count(&plan, is_integers), 1, "{plan}");
}

#[test]
fn scales_that_are_found_at_each_run() {
    for (seed, k, n) in [(20, 33, 50), (21, 64, 64), (22, 5, 1)] {
        let shape = [3, 4, k];
        let mut net = Net::new(seed, &shape);
        net.quantize_dynamically();
        let weights = net.weights(&[k, n], 1);
        net.value = net.add("product", Op::MatMul, &[net.value, weights]);
        let bias = net.random.floats(&[n], 1.0);
        let bias = net.graph.constant("b", bias);
        net.plus(bias);
        net.unary(Unary::GeluTanh);
        let plan = net.check(&shape);
        assert_eq!(count(&plan, is_integers), 1, "{plan}");
        assert_eq!(count(&plan, is_conversion), 1, "{plan}");
    }
}

#[test]
fn zero_points_that_are_found_at_each_run_lie_around_images() {
    for (seed, weights, groups, stride) in
        [(23, [17, 6, 3, 3], 1, 1), (24, [6, 1, 5, 5], 6, 2), (25, [9, 2, 3, 3], 3, 1)]
    {
        let shape = [2, 6, 11, 10];
        let mut net = Net::new(seed, &shape);
        net.quantize_dynamically();
        net.conv(weights, groups, stride, true);
        net.unary(Unary::Relu);
        let plan = net.check(&shape);
        assert_eq!(count(&plan, is_integers), 1, "{plan}");
        assert_eq!(count(&plan, is_conversion), 1, "{plan}");
        assert_eq!(plan.arithmetic(), "int8");
    }
}

#[test]
fn sums_of_values_that_were_quantized_before() {
    // By the product where it can round before it adds, and by a step of their own.
    let kinds = [(13, [5, 5, 1, 1], 1, 0), (14, [5, 5, 3, 3], 1, 0), (15, [5, 1, 3, 3], 5, 1)];
    for (seed, weights, groups, sums) in kinds {
        let shape = [2, 5, 7, 6];
        let mut net = Net::new(seed, &shape);
        net.quantize(128);
        let shortcut = net.value;
        net.conv(weights, groups, 1, true);
        net.quantize(100);
        net.plus(shortcut);
        net.unary(Unary::Relu);
        net.quantize(3);
        let plan = net.check(&shape);
        let is_sum = |operation: &Operation| matches!(operation, Operation::ByteSum(_));
        assert_eq!(count(&plan, is_integers), 1, "{plan}");
        assert_eq!(count(&plan, is_sum), sums, "{plan}");
        assert_eq!(count(&plan, is_conversion), 2, "{plan}");
    }
}
