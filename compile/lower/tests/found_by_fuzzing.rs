//! Graphs that a fuzz target broke something with, each named after what it was.

use fuzzing::graphs::compare;
use ir::{Conv, Graph, Op, PadMode, SliceAxis, ValueId};
use tensor::scalar::Reduction;
use tensor::{DType, Dim, Tensor};

/// One operator, as many of it as are given one after another; the engine has to answer as the
/// naive twins do.
#[track_caller]
fn check(shape: &[i64], ops: &[(Op, &[ValueId])], constants: &[&Tensor]) {
    let graph = graph(shape, ops, constants);
    compare(&graph, &mut fastrand::Rng::with_seed(1));
}

/// Value 0 is the input, then come the constants, then what the operators make.
fn graph(shape: &[i64], ops: &[(Op, &[ValueId])], constants: &[&Tensor]) -> Graph {
    let mut graph = Graph::new("found");
    let mut last = graph.input("x", DType::F32, shape.iter().map(|&d| Dim::from(d)).collect());
    for tensor in constants {
        graph.constant("c", Tensor::clone(tensor));
    }
    for (op, inputs) in ops {
        last = graph.add("node", op.clone(), inputs).unwrap();
    }
    graph.output("y", last);
    graph
}

/// Nothing of axis 1.
fn nothing(axis: usize) -> Op {
    let (start, len) = (Dim::from(0), Dim::from(0));
    Op::Slice { axes: vec![SliceAxis { axis, start, len, step: 1 }] }
}

const X: ValueId = ValueId(0);

#[test]
fn a_product_over_nothing_is_zero() {
    let weights = Tensor::zeros(DType::F32, &[0, 3]).unwrap();
    let made = ValueId(2);
    check(&[2, 4], &[(nothing(1), &[X]), (Op::MatMul, &[made, ValueId(1)])], &[&weights]);
}

#[test]
fn a_pad_may_cut_more_than_there_is_where_it_adds_at_the_other_end() {
    let mode = PadMode::Constant(0.5);
    for (before, after) in [(vec![0, 2], vec![0, -1]), (vec![0, -3], vec![0, 5])] {
        let pad = Op::Pad { before, after, mode };
        check(&[2, 4], &[(nothing(1), &[X]), (pad.clone(), &[ValueId(1)])], &[]);
        check(&[2, 2], &[(pad, &[X])], &[]);
    }
}

#[test]
fn a_reduction_over_no_axis_is_of_each_element() {
    for reduction in [Reduction::SumSquare, Reduction::Mean, Reduction::L1] {
        let reduce = Op::Reduce { reduction, axes: vec![], keepdims: false };
        check(&[2, 3], &[(reduce, &[X])], &[]);
    }
}

#[test]
fn a_convolution_of_a_size_that_no_kernel_counts_with_is_refused() {
    let conv = |dilation: usize, stride: usize| {
        let conv = Conv {
            strides: vec![stride, 1],
            dilations: vec![dilation, 1],
            pads: vec![(0, 0); 2],
            groups: 1,
        };
        let weights = Tensor::zeros(DType::F32, &[1, 1, 1, 1]).unwrap();
        let graph = graph(&[1, 1, 4, 4], &[(Op::Conv(conv), &[X, ValueId(1)])], &[&weights]);
        lower::lower(&graph).map(|_| ()).map_err(|error| error.to_string())
    };
    conv(1, 1).unwrap();
    for (dilation, stride) in [(1 << 32, 1), (1, 1 << 31)] {
        let error = conv(dilation, stride).unwrap_err();
        assert!(error.contains("no kernel for a size of"), "{error}");
    }
}

#[test]
fn indices_for_another_number_of_batches_are_refused() {
    let mut graph = Graph::new("found");
    let x = graph.input("x", DType::F32, vec![Dim::from(2), Dim::from(4)]);
    let indices = graph.constant("indices", Tensor::zeros(DType::I64, &[3, 1]).unwrap());
    let gather = Op::Whole(operators::gather_nd::GatherNd { batch_dims: 1 }.into());
    let error = graph.add("node", gather, &[x, indices]).unwrap_err().to_string();
    assert!(error.contains("a batch axis of the indices"), "{error}");
}
