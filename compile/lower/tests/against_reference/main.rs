//! Every operator through the whole engine, held against its naive twin: graph → plan → run.
//!
//! Shapes are chosen to be awkward: sizes that no vector divides, sizes of one, strides, pads on
//! one side only. Inputs are bound through symbols, so the same plan runs at several sizes.

mod convolutions;
mod windows;

use ir::{Arg, Conv, Graph, Op, PadMode, Pool, PoolKind, SliceAxis, ValueId};
use runtime::{Constants, Model};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

/// Elements in [-1, 1) by a fixed formula: no seed to lose.
fn fill(shape: &[usize], salt: u64) -> Tensor {
    let count: usize = shape.iter().product();
    let element = |i: usize| {
        let hash = (i as u64 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        hash as f32 / (1u64 << 23) as f32 - 1.0
    };
    Tensor::from_slice(shape, &(0..count).map(element).collect::<Vec<f32>>()).unwrap()
}

/// Runs the graph both ways on `inputs` and compares every output: floats to `tolerance`
/// relative to the larger of one and the expected element, everything else exactly.
fn check_with(graph: &Graph, inputs: &[Tensor], tolerance: f32) {
    graph.verify().unwrap();
    let lowered = lower::lower(graph).unwrap();
    let printed = lowered.plan.to_string();
    let decoded = plan::Plan::decode(&lowered.plan.encode(), lowered.constants.len() as u64);
    assert_eq!(decoded.as_ref(), Ok(&lowered.plan), "the encoded plan reads back");
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let expected = reference::run(graph, inputs).unwrap();
    let borrowed: Vec<&Tensor> = inputs.iter().collect();
    for round in 0..2 {
        let actual = model.run(&borrowed).unwrap();
        for (a, e) in actual.iter().zip(&expected) {
            assert_eq!((a.dtype(), a.shape()), (e.dtype(), e.shape()), "{printed}");
            let (Ok(a), Ok(e)) = (a.as_slice::<f32>(), e.as_slice::<f32>()) else {
                assert_eq!(a.bytes(), e.bytes(), "round {round}\n{printed}");
                continue;
            };
            for (i, (a, e)) in a.iter().zip(e).enumerate() {
                let is_close = a == e || (a - e).abs() <= tolerance * e.abs().max(1.0);
                assert!(is_close, "round {round}, element {i}: {a} for {e}\n{printed}");
            }
        }
    }
}

fn check(graph: &Graph, inputs: &[Tensor]) {
    check_with(graph, inputs, 1e-5);
}

/// A graph of one operator whose inputs have symbolic first sizes.
fn one(op: Op, shapes: &[&[usize]]) -> (Graph, Vec<Tensor>) {
    let mut graph = Graph::new("one");
    let mut inputs = Vec::new();
    let mut ids = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        let dims = shape.iter().map(|&d| Dim::from(d)).collect();
        ids.push(graph.input(&format!("x{at}"), DType::F32, dims));
        inputs.push(fill(shape, at as u64 * 1000));
    }
    let output = graph.add("node", op, &ids).unwrap();
    graph.output("y", output);
    (graph, inputs)
}

fn check_one(op: Op, shapes: &[&[usize]]) {
    let (graph, inputs) = one(op, shapes);
    check(&graph, &inputs);
}

fn conv(strides: [usize; 2], pads: [(usize, usize); 2], groups: usize) -> Op {
    let (strides, pads) = (strides.to_vec(), pads.to_vec());
    Op::Conv(Conv { strides, dilations: vec![1, 1], pads, groups })
}

/// Adds a convolution with constant weights and bias.
fn add_conv(graph: &mut Graph, x: ValueId, op: Op, weights: &[usize], salt: u64) -> ValueId {
    let w = graph.constant("w", fill(weights, salt));
    let b = graph.constant("b", fill(&weights[..1], salt + 7));
    graph.add("conv", op, &[x, w, b]).unwrap()
}

fn image(graph: &mut Graph, c: usize) -> ValueId {
    let dims = vec![Dim::symbol("n"), Dim::from(c), Dim::symbol("h"), Dim::symbol("w")];
    graph.input("x", DType::F32, dims)
}

#[test]
fn products() {
    for (a, b) in [
        (vec![5, 7], vec![7, 33]),
        (vec![1, 64], vec![64, 10]),
        (vec![2, 3, 9], vec![9, 4]),
        (vec![6], vec![6, 4]),
        (vec![3, 6], vec![6]),
    ] {
        // Weights known ahead, with a bias and an activation behind.
        let mut graph = Graph::new("packed");
        let x = graph.input("x", DType::F32, a.iter().map(|&d| Dim::from(d)).collect());
        let w = graph.constant("w", fill(&b, 9));
        let y = graph.add("product", Op::MatMul, &[x, w]).unwrap();
        let last = *b.get(1).unwrap_or(&1);
        let bias = graph.constant("bias", fill(&[last], 4));
        let y = if b.len() == 2 {
            graph.add("bias", Op::Binary(Binary::Add), &[bias, y]).unwrap()
        } else {
            y
        };
        let y = graph.add("act", Op::Unary(Unary::Gelu), &[y]).unwrap();
        graph.output("y", y);
        check(&graph, &[fill(&a, 2)]);
        // Both made at run time.
        check_one(Op::MatMul, &[&a, &b]);
    }
    check_one(Op::MatMul, &[&[2, 4, 5, 7], &[2, 4, 7, 3]]);
    check_one(Op::MatMul, &[&[2, 1, 5, 7], &[4, 7, 3]]);
}

/// Attention over heads that are split and joined by transpositions, as exporters write it.
fn attention(graph: &mut Graph, scaled: Option<Binary>, mask: Option<ValueId>) -> ValueId {
    let (heads, size) = (3, 8);
    let dims = vec![Dim::symbol("n"), Dim::symbol("t"), heads.into(), size.into()];
    let mut head = |name: &str, perm: [usize; 4]| {
        let x = graph.input(name, DType::F32, dims.clone());
        graph.add(name, Op::Transpose { perm: perm.to_vec() }, &[x]).unwrap()
    };
    let (q, k) = (head("q", [0, 2, 1, 3]), head("k", [0, 2, 3, 1]));
    let v = head("v", [0, 2, 1, 3]);
    let mut scores = graph.add("scores", Op::MatMul, &[q, k]).unwrap();
    if let Some(function) = scaled {
        let number = graph.constant("number", Tensor::from_slice(&[], &[0.4f32]).unwrap());
        scores = graph.add("scaled", Op::Binary(function), &[scores, number]).unwrap();
    }
    if let Some(mask) = mask {
        scores = graph.add("masked", Op::Binary(Binary::Add), &[mask, scores]).unwrap();
    }
    let weights = graph.add("weights", Op::Softmax { axis: 3 }, &[scores]).unwrap();
    let mixed = graph.add("mixed", Op::MatMul, &[weights, v]).unwrap();
    graph.add("joined", Op::Transpose { perm: vec![0, 2, 1, 3] }, &[mixed]).unwrap()
}

#[test]
fn attention_is_one_step() {
    // With masks of a row for each batch, and of a row for each row.
    let masks: [Option<[Dim; 4]>; 3] = [
        None,
        Some([Dim::symbol("n"), 1.into(), 1.into(), Dim::symbol("t")]),
        Some([1.into(), 1.into(), Dim::symbol("t"), Dim::symbol("t")]),
    ];
    for mask in &masks {
        for scaled in [None, Some(Binary::Mul), Some(Binary::Div)] {
            let mut graph = Graph::new("attention");
            let dims = mask.clone().map(|dims| graph.input("mask", DType::F32, dims.to_vec()));
            let y = attention(&mut graph, scaled, dims);
            graph.output("y", y);
            let steps = lower::lower(&graph).unwrap().plan.steps;
            assert_eq!(steps.len(), 1, "{mask:?} {scaled:?}");
            for [n, t] in [[1, 5], [2, 33]] {
                let size = |dim: &Dim| {
                    let sizes = [("n".to_string(), n as i64), ("t".to_string(), t as i64)].into();
                    dim.evaluate(&sizes).unwrap() as usize
                };
                let mask = mask.iter().map(|dims| dims.each_ref().map(size));
                let mut inputs: Vec<Tensor> = mask.map(|shape| fill(&shape, 9)).collect();
                inputs.extend((0..3).map(|salt| fill(&[n, t, 3, 8], salt)));
                check(&graph, &inputs);
            }
        }
    }
}

#[test]
fn scores_that_somebody_else_reads_are_made() {
    let mut graph = Graph::new("attention");
    let y = attention(&mut graph, Some(Binary::Mul), None);
    let weights = graph.nodes.iter().find(|node| node.name == "weights").unwrap().output;
    graph.output("y", y);
    graph.output("weights", weights);
    check(&graph, &[0, 1, 2].map(|salt| fill(&[2, 7, 3, 8], salt)));
}

#[test]
fn pooling() {
    for kind in [
        PoolKind::Max,
        PoolKind::Average { count_include_pad: false },
        PoolKind::Average { count_include_pad: true },
    ] {
        for ceil_mode in [false, true] {
            let pads = vec![(1, 0), (1, 1)];
            let pool = Pool {
                kind,
                kernel: vec![3, 2],
                strides: vec![2, 2],
                dilations: vec![1, 1],
                pads,
                ceil_mode,
            };
            check_one(Op::Pool(pool), &[&[2, 5, 8, 9]]);
        }
    }
}

#[test]
fn elementwise_functions() {
    let functions = [
        Unary::Abs,
        Unary::Neg,
        Unary::Exp,
        Unary::Floor,
        Unary::Ceil,
        Unary::Round,
        Unary::Sign,
        Unary::Erf,
        Unary::Sin,
        Unary::Cos,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::Relu,
        Unary::LeakyRelu { alpha: 0.1 },
        Unary::Elu { alpha: 1.5 },
        Unary::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Unary::HardSwish,
        Unary::Silu,
        Unary::Gelu,
        Unary::GeluTanh,
        Unary::Clip { min: -0.5, max: 0.25 },
        Unary::IsNan,
    ];
    for function in functions {
        check_one(Op::Unary(function), &[&[3, 37]]);
    }
    for function in [Unary::Log, Unary::Sqrt, Unary::Reciprocal] {
        let (mut graph, inputs) = one(Op::Unary(Unary::Exp), &[&[3, 37]]);
        let y = graph.add("f", Op::Unary(function), &[graph.outputs[0].value]).unwrap();
        graph.output("z", y);
        check(&graph, &inputs);
    }
}

#[test]
fn broadcasting_in_either_order() {
    let shapes: &[(&[usize], &[usize])] = &[
        (&[2, 5, 3, 4], &[2, 5, 3, 4]),
        (&[2, 5, 3, 4], &[5, 1, 1]),
        (&[2, 5, 3, 4], &[1, 1, 3, 4]),
        (&[1], &[2, 5, 3, 4]),
        (&[4, 1], &[1, 6]),
        (&[3, 1, 2], &[4, 1]),
    ];
    for (a, b) in shapes {
        for function in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Less] {
            check_one(Op::Binary(function), &[a, b]);
        }
        if a.len() != 4 || a[1] != 5 {
            continue;
        }
        // Behind a convolution the left side lies channels-last.
        let mut graph = Graph::new("mixed");
        let x = graph.input("x", DType::F32, a.iter().map(|&d| Dim::from(d)).collect());
        let y = graph.input("y", DType::F32, b.iter().map(|&d| Dim::from(d)).collect());
        let c = add_conv(&mut graph, x, conv([1, 1], [(0, 0), (0, 0)], 1), &[5, 5, 1, 1], 2);
        let z = graph.add("mul", Op::Binary(Binary::Mul), &[c, y]).unwrap();
        graph.output("z", z);
        check(&graph, &[fill(a, 1), fill(b, 2)]);
    }
}

#[test]
fn selection_and_casts() {
    let mut graph = Graph::new("select");
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(5)]);
    let zero = graph.constant("zero", Tensor::scalar(0f32));
    let is_positive = graph.add("gt", Op::Binary(Binary::Greater), &[x, zero]).unwrap();
    let y = graph.add("where", Op::Select, &[is_positive, x, zero]).unwrap();
    let z = graph.add("cast", Op::Cast(DType::I64), &[is_positive]).unwrap();
    let w = graph.add("double", Op::Binary(Binary::Add), &[z, z]).unwrap();
    graph.output("y", y);
    graph.output("w", w);
    check(&graph, &[fill(&[4, 5], 1)]);
}

#[test]
fn reductions_over_any_axes() {
    for reduction in [
        Reduction::Sum,
        Reduction::Mean,
        Reduction::Max,
        Reduction::Min,
        Reduction::L1,
        Reduction::L2,
        Reduction::SumSquare,
        Reduction::LogSumExp,
    ] {
        for axes in [vec![1], vec![2, 3], vec![0, 2], vec![0, 1, 2, 3], vec![1, 3]] {
            for keepdims in [false, true] {
                let op = Op::Reduce { reduction, axes: axes.clone(), keepdims };
                check_one(op.clone(), &[&[3, 4, 5, 2]]);
                let mut graph = Graph::new("behind a convolution");
                let x = image(&mut graph, 4);
                let op1 = conv([1, 1], [(0, 0), (0, 0)], 1);
                let c = add_conv(&mut graph, x, op1, &[4, 4, 1, 1], 2);
                let y = graph.add("reduce", op, &[c]).unwrap();
                graph.output("y", y);
                check(&graph, &[fill(&[3, 4, 5, 2], 1)]);
            }
        }
    }
    for (is_max, is_last) in [(true, false), (false, true)] {
        check_one(Op::Arg(Arg { is_max, axis: 1, keepdims: true, is_last }), &[&[3, 7, 2]]);
    }
}

#[test]
fn normalizations() {
    for axis in 0..3 {
        check_one(Op::Softmax { axis }, &[&[3, 5, 4]]);
        check_one(Op::LogSoftmax { axis }, &[&[3, 5, 4]]);
    }
    check_one(Op::LayerNorm { axis: 2, epsilon: 1e-5 }, &[&[2, 3, 37], &[37], &[37]]);
    check_one(Op::LayerNorm { axis: 1, epsilon: 1e-5 }, &[&[2, 3, 7], &[3, 7]]);
    let op = Op::LocalResponseNorm { size: 5, alpha: 1e-2, beta: 0.75, bias: 1.0 };
    check_one(op, &[&[2, 9, 3, 4]]);
}

#[test]
fn movements() {
    let cut = |axis, start: i64, len: usize, step| SliceAxis {
        axis,
        start: Dim::from(start),
        len: Dim::from(len),
        step,
    };
    check_one(Op::Slice { axes: vec![cut(1, 1, 2, 2), cut(2, 4, 5, -1)] }, &[&[2, 4, 5]]);
    check_one(Op::Transpose { perm: vec![2, 0, 1] }, &[&[3, 4, 5]]);
    check_one(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[&[2, 3, 4, 5]]);
    check_one(Op::Concat { axis: 1 }, &[&[2, 3, 4], &[2, 1, 4], &[2, 5, 4]]);
    check_one(Op::Expand { shape: [2, 3, 4].map(Dim::from).to_vec() }, &[&[3, 1]]);
    check_one(Op::Reshape { shape: [6, 4].map(Dim::from).to_vec() }, &[&[2, 3, 4]]);
    for mode in [PadMode::Constant(0.5), PadMode::Edge, PadMode::Reflect] {
        let (before, after) = (vec![0, 2, 1], vec![1, 0, 2]);
        check_one(Op::Pad { before, after, mode }, &[&[2, 4, 5]]);
    }
    // Longer than what there is to reflect, and a single element.
    for (before, after, x) in [(vec![7, 0], vec![2, 9], [3, 4]), (vec![2, 1], vec![0, 3], [1, 2])] {
        check_one(Op::Pad { before, after, mode: PadMode::Reflect }, &[&x]);
    }
    let (before, after) = (vec![0, -1], vec![2, -1]);
    check_one(Op::Pad { before, after, mode: PadMode::Constant(-1.0) }, &[&[3, 6]]);
}

#[test]
fn gathers_and_sizes() {
    let mut graph = Graph::new("gather");
    let table = graph.constant("table", fill(&[6, 5], 1));
    let ids = graph.input("ids", DType::I64, vec![Dim::symbol("n"), Dim::symbol("t")]);
    let y = graph.add("lookup", Op::Gather { axis: 0 }, &[table, ids]).unwrap();
    let dims = vec![Dim::symbol("n") * Dim::from(2), Dim::symbol("t")];
    let sizes = graph.add("sizes", Op::Dimensions(dims), &[]).unwrap();
    graph.output("y", y);
    graph.output("sizes", sizes);
    let ids = Tensor::from_slice(&[2, 3], &[0i64, 5, -1, 2, -6, 3]).unwrap();
    check(&graph, &[ids]);
}

#[test]
fn every_node_without_a_kernel_is_named() {
    let mut graph = Graph::new("halves that no pass has widened");
    let x = graph.input("x", DType::F16, vec![Dim::symbol("n"), Dim::from(4)]);
    let scores = graph.add("scores", Op::Softmax { axis: 1 }, &[x]).unwrap();
    let moved = graph.add("moved", Op::Transpose { perm: vec![1, 0] }, &[scores]).unwrap();
    let product = graph.add("product", Op::MatMul, &[moved, scores]).unwrap();
    graph.output("y", product);
    let refused = lower::lower(&graph).unwrap_err();
    let names: Vec<&str> = refused.0.iter().map(|refusal| refusal.node.as_str()).collect();
    assert_eq!(names, ["scores", "product"], "{refused}");
}

#[test]
fn an_index_out_of_range_is_an_error() {
    let mut graph = Graph::new("gather");
    let table = graph.constant("table", fill(&[6, 5], 1));
    let ids = graph.input("ids", DType::I64, vec![Dim::symbol("n")]);
    let y = graph.add("lookup", Op::Gather { axis: 0 }, &[table, ids]).unwrap();
    graph.output("y", y);
    let lowered = lower::lower(&graph).unwrap();
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let ids = Tensor::from_slice(&[1], &[6i64]).unwrap();
    let error = model.run(&[&ids]).unwrap_err().to_string();
    assert!(error.contains("lookup") && error.contains('6'), "{error}");
}

#[test]
fn models_that_move_their_channels_themselves() {
    let mut graph = Graph::new("nhwc");
    let dims = vec![Dim::symbol("n"), Dim::from(6), Dim::from(5), Dim::from(3)];
    let x = graph.input("x", DType::F32, dims);
    let first = graph.add("in", Op::Transpose { perm: vec![0, 3, 1, 2] }, &[x]).unwrap();
    let y = add_conv(&mut graph, first, conv([1, 1], [(1, 1), (1, 1)], 1), &[7, 3, 3, 3], 2);
    let z = graph.add("out", Op::Transpose { perm: vec![0, 2, 3, 1] }, &[y]).unwrap();
    graph.output("z", z);
    let steps = lower::lower(&graph).unwrap().plan.steps;
    assert_eq!(steps.len(), 1, "no copy around the convolution: {steps:?}");
    check(&graph, &[fill(&[2, 6, 5, 3], 1)]);
}
