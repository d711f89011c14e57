//! Every operator of the graph over every element type that its rule takes: the passes and the
//! engine held against the naive twin, on shapes and elements from a seeded generator.
//!
//! Integers, booleans and what is only moved have to be equal, floats as near as their type allows.

use ir::{Arg, Conv, Graph, Op, PadMode, Pool, PoolKind, SliceAxis};
use runtime::{Constants, Model};
use std::collections::BTreeSet;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{Bindings, DType, Dim, Tensor};

/// Shapes for each operator and type.
const ROUNDS: u64 = 8;

/// Numbers by a fixed formula: no seed to lose.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end
    }

    fn size(&mut self) -> usize {
        1 + self.below(5)
    }

    fn sizes(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).map(|_| self.size()).collect()
    }

    /// Quarters between -2 and 4, in the type: every type holds the most of them.
    fn tensor(&mut self, dtype: DType, shape: &[usize]) -> Tensor {
        let count = shape.iter().product();
        let quarters: Vec<f64> = (0..count).map(|_| self.below(24) as f64 / 4.0 - 2.0).collect();
        cast(&Tensor::from_slice(shape, &quarters).unwrap(), dtype)
    }

    fn indices(&mut self, dtype: DType, shape: &[usize], end: usize) -> Tensor {
        let count = shape.iter().product();
        let picked: Vec<i64> = (0..count).map(|_| self.below(end) as i64).collect();
        cast(&Tensor::from_slice(shape, &picked).unwrap(), dtype)
    }
}

fn cast(tensor: &Tensor, dtype: DType) -> Tensor {
    reference::evaluate(&Op::Cast(dtype), &[tensor], &Bindings::new()).unwrap()
}

/// An operator with operands for it.
type Case = (Op, Vec<Tensor>);

fn dims(sizes: &[usize]) -> Vec<Dim> {
    sizes.iter().map(|&size| Dim::from(size)).collect()
}

fn elementwise(random: &mut Random, dtype: DType) -> Vec<Case> {
    use Unary::{Abs, Ceil, Cos, Erf, Exp, Floor, Gelu, GeluTanh, HardSwish, IsNan, Log, Neg, Not};
    use Unary::{Reciprocal, Relu, Round, Sigmoid, Sign, Silu, Sin, Softplus, Sqrt, Tanh};
    let unary = [
        Abs,
        Neg,
        Exp,
        Log,
        Sqrt,
        Reciprocal,
        Floor,
        Ceil,
        Round,
        Sign,
        Erf,
        Sin,
        Cos,
        Tanh,
        Sigmoid,
        Softplus,
        Relu,
        HardSwish,
        Silu,
        Gelu,
        GeluTanh,
        Not,
        IsNan,
        Unary::LeakyRelu { alpha: 0.25 },
        Unary::Elu { alpha: 1.5 },
        Unary::HardSigmoid { alpha: 0.25, beta: 0.5 },
        Unary::Clip { min: -0.5, max: 1.25 },
    ];
    let binary = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
        Binary::Mod,
        Binary::Fmod,
        Binary::Equal,
        Binary::Less,
        Binary::LessOrEqual,
        Binary::Greater,
        Binary::GreaterOrEqual,
        Binary::And,
        Binary::Or,
        Binary::Xor,
    ];
    let shape = random.sizes(3);
    let mut cases: Vec<Case> = Vec::new();
    for function in unary {
        cases.push((Op::Unary(function), vec![random.tensor(dtype, &shape)]));
    }
    let repeated = [shape[1], 1];
    for function in binary {
        let operands = vec![random.tensor(dtype, &shape), random.tensor(dtype, &repeated)];
        cases.push((Op::Binary(function), operands));
    }
    let condition = random.tensor(DType::Bool, &shape);
    let operands = vec![condition, random.tensor(dtype, &shape), random.tensor(dtype, &repeated)];
    cases.push((Op::Select, operands));
    for to in DType::ALL {
        cases.push((Op::Cast(to), vec![random.tensor(dtype, &shape)]));
    }
    cases
}

fn products(random: &mut Random, dtype: DType) -> Vec<Case> {
    let (n, m, k) = (random.size(), random.size(), random.size());
    let batch = random.size();
    let operands = |a: &[usize], b: &[usize], random: &mut Random| {
        vec![random.tensor(dtype, a), random.tensor(dtype, b)]
    };
    let mut cases = vec![
        (Op::MatMul, operands(&[batch, m, k], &[batch, k, n], random)),
        (Op::MatMul, operands(&[batch, 2, m, k], &[1, k, n], random)),
        (Op::MatMul, operands(&[k], &[k, n], random)),
    ];
    let groups = random.size();
    let weights = [groups * random.size(), random.size(), 1 + random.below(2), 1 + random.below(3)];
    let image = [batch, groups * weights[1], 3 + random.size(), 4 + random.size()];
    let conv =
        Conv { strides: vec![1, 2], dilations: vec![2, 1], pads: vec![(1, 0), (0, 2)], groups };
    let operands = [&image[..], &weights, &weights[..1]].map(|shape| random.tensor(dtype, shape));
    cases.push((Op::Conv(conv.clone()), operands[..2].to_vec()));
    cases.push((Op::Conv(conv), operands.to_vec()));
    for kind in [
        PoolKind::Max,
        PoolKind::Average { count_include_pad: false },
        PoolKind::Average { count_include_pad: true },
    ] {
        let pool = Pool {
            kind,
            kernel: vec![2, 3],
            strides: vec![2, 1],
            dilations: vec![1, 1],
            pads: vec![(1, 0), (1, 1)],
            ceil_mode: false,
        };
        cases.push((Op::Pool(pool), vec![random.tensor(dtype, &image)]));
    }
    cases
}

fn along_axes(random: &mut Random, dtype: DType) -> Vec<Case> {
    use Reduction::{L1, L2, LogSum, LogSumExp, Max, Mean, Min, Prod, Sum, SumSquare};
    let shape = random.sizes(4);
    let axis = random.below(4);
    let mut x = || vec![random.tensor(dtype, &shape)];
    let mut cases: Vec<Case> = Vec::new();
    for reduction in [Sum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp] {
        for axes in [vec![axis], vec![0, 2], vec![1, 2, 3]] {
            cases.push((Op::Reduce { reduction, axes, keepdims: true }, x()));
        }
    }
    for (is_max, is_last) in [(true, false), (false, true)] {
        cases.push((Op::Arg(Arg { is_max, axis, keepdims: false, is_last }), x()));
    }
    cases.push((Op::Softmax { axis }, x()));
    cases.push((Op::LogSoftmax { axis }, x()));
    let norm = Op::LocalResponseNorm { size: 3, alpha: 0.01, beta: 0.75, bias: 1.0 };
    cases.push((norm, x()));
    let scales = [&shape[..], &shape[axis..], &shape[axis..]];
    let operands = scales.map(|shape| random.tensor(dtype, shape)).to_vec();
    cases.push((Op::LayerNorm { axis, epsilon: 0.25 }, operands));
    cases
}

fn movements(random: &mut Random, dtype: DType) -> Vec<Case> {
    let shape = random.sizes(3).iter().map(|size| size + 2).collect::<Vec<_>>();
    let mut x = || vec![random.tensor(dtype, &shape)];
    let cut = |axis, start: usize, len: usize, step| SliceAxis {
        axis,
        start: Dim::from(start),
        len: Dim::from(len),
        step,
    };
    let wide = [vec![2], shape.clone()].concat();
    let mut cases: Vec<Case> = vec![
        (Op::Reshape { shape: dims(&[shape[0] * shape[1], shape[2]]) }, x()),
        (Op::Transpose { perm: vec![2, 0, 1] }, x()),
        (Op::Slice { axes: vec![cut(0, 1, 2, 1), cut(2, 2, 3, -1)] }, x()),
        (Op::Concat { axis: 1 }, [x(), x()].concat()),
        (Op::Expand { shape: dims(&wide) }, x()),
        (Op::Dimensions(dims(&shape)), vec![]),
    ];
    for mode in [PadMode::Constant(1.0), PadMode::Edge, PadMode::Reflect] {
        cases.push((Op::Pad { before: vec![1, 0, 2], after: vec![0, 2, 1], mode }, x()));
    }
    for index in [DType::I32, DType::I64] {
        let picked = random.indices(index, &[2, 2], shape[1]);
        let operands = vec![random.tensor(dtype, &shape), picked];
        cases.push((Op::Gather { axis: 1 }, operands));
    }
    cases
}

/// Integers of a type that stand for numbers.
fn quantized(random: &mut Random, dtype: DType) -> Vec<Case> {
    let shape = random.sizes(3);
    let axis = random.below(3);
    let mut cases: Vec<Case> = Vec::new();
    for parameters in [&shape[axis..=axis], &[]] {
        let count: usize = parameters.iter().product();
        let scales: Vec<f32> = (0..count).map(|i| 0.25 + i as f32).collect();
        let scale = Tensor::from_slice(parameters, &scales).unwrap();
        let zero = random.tensor(dtype, parameters);
        let operands = |x| vec![x, scale.clone(), zero.clone()];
        if matches!(dtype, DType::U8 | DType::I8) {
            let x = random.tensor(DType::F32, &shape);
            cases.push((Op::Quantize { dtype, axis }, operands(x)));
        }
        cases.push((Op::Dequantize { axis }, operands(random.tensor(dtype, &shape))));
    }
    cases
}

/// A number for each operator of the graph: whoever adds one is asked for a case above.
fn index(op: &Op) -> usize {
    match op {
        Op::Unary(_) => 0,
        Op::Binary(_) => 1,
        Op::Select => 2,
        Op::Cast(_) => 3,
        Op::Conv(_) => 4,
        Op::MatMul => 5,
        Op::Pool(_) => 6,
        Op::Reduce { .. } => 7,
        Op::Arg(_) => 8,
        Op::Softmax { .. } => 9,
        Op::LogSoftmax { .. } => 10,
        Op::LayerNorm { .. } => 11,
        Op::LocalResponseNorm { .. } => 12,
        Op::Reshape { .. } => 13,
        Op::Transpose { .. } => 14,
        Op::Slice { .. } => 15,
        Op::Concat { .. } => 16,
        Op::Expand { .. } => 17,
        Op::Gather { .. } => 18,
        Op::Pad { .. } => 19,
        Op::Dimensions(_) => 20,
        Op::Quantize { .. } => 21,
        Op::Dequantize { .. } => 22,
        // Takes two types, each held in `suites/goldens/tabular`.
        Op::TreeEnsemble { .. } => unreachable!("no case above"),
        Op::Whole(_) | Op::Dynamic(_) | Op::If { .. } | Op::Loop(_) => {
            unreachable!("computed by the same code on both sides")
        }
    }
}

/// How far floats of a type may be apart, relative to the larger of one and the expected one.
fn tolerance(dtype: DType) -> Option<f64> {
    match dtype {
        DType::F64 => Some(1e-12),
        DType::F32 => Some(1e-5),
        // Two neighbors of a rounded number.
        DType::F16 => Some(2f64.powi(-10)),
        DType::BF16 => Some(2f64.powi(-7)),
        _ => None,
    }
}

#[track_caller]
fn check(op: &Op, operands: &[Tensor], weights_are_known: bool) {
    let mut graph = Graph::new("one");
    let mut given = Vec::new();
    let mut ids = Vec::new();
    for (at, operand) in operands.iter().enumerate() {
        // Packed kernels take constant weights.
        let id = if weights_are_known && at > 0 {
            graph.constant("w", operand.clone())
        } else {
            given.push(operand);
            graph.input("x", operand.dtype(), dims(operand.shape()))
        };
        ids.push(id);
    }
    let output = graph.add("node", op.clone(), &ids).unwrap();
    graph.output("y", output);
    let what = format!("{op:?} of {operands:?}");
    let inputs: Vec<Tensor> = given.iter().copied().cloned().collect();
    let expected = reference::run(&graph, &inputs).unwrap().remove(0);
    let (optimized, _) = passes::optimize(graph).unwrap();
    let lowered = lower::lower(&optimized).unwrap_or_else(|error| panic!("{what}: {error}"));
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let found = model.run(&given).unwrap_or_else(|error| panic!("{what}: {error}")).remove(0);
    assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()), "{what}");
    let Some(tolerance) = tolerance(found.dtype()) else {
        return assert_eq!(found.bytes(), expected.bytes(), "{what}");
    };
    let [f, e] = [&found, &expected].map(|tensor| cast(tensor, DType::F64));
    let pairs = f.as_slice::<f64>().unwrap().iter().zip(e.as_slice::<f64>().unwrap());
    for (f, e) in pairs {
        let is_same = f == e || f.is_nan() && e.is_nan();
        let is_close = (f - e).abs() <= tolerance * e.abs().max(1.0);
        assert!(is_same || is_close, "{what}: {f} for {e}");
    }
}

#[test]
fn every_operator_takes_every_type_of_its_rule() {
    let mut seen = BTreeSet::new();
    for dtype in DType::ALL {
        for round in 0..ROUNDS {
            let mut random = Random(round * 1000 + dtype as u64);
            let mut cases = elementwise(&mut random, dtype);
            cases.extend(products(&mut random, dtype));
            cases.extend(along_axes(&mut random, dtype));
            cases.extend(movements(&mut random, dtype));
            cases.extend(quantized(&mut random, dtype));
            for (op, operands) in &cases {
                let facts: Vec<ir::Fact> = operands
                    .iter()
                    .map(|t| ir::Fact { dtype: t.dtype(), shape: dims(t.shape()) })
                    .collect();
                if op.infer_all(&facts).is_ok() {
                    seen.insert(index(op));
                    // Weights of f32, and of halves with it, have to be known.
                    let is_conv = matches!(op, Op::Conv(_));
                    check(op, operands, is_conv && dtype != DType::F64);
                }
            }
        }
    }
    assert_eq!(seen.len(), 23, "every operator takes some type: {seen:?}");
}
