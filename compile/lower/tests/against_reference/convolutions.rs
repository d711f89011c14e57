//! Convolutions, what is fused into them, and what they are fused into.

use super::{add_conv, check, check_with, conv, fill, image};
use ir::{Conv, Graph, Op};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

#[test]
fn convolutions_of_every_kind() {
    // Weights [O, C/g, kh, kw], strides, pads, groups.
    type Case = ([usize; 4], [usize; 2], [(usize, usize); 2], usize);
    let cases: &[Case] = &[
        ([8, 3, 3, 3], [2, 2], [(0, 1), (0, 1)], 1),
        ([17, 5, 1, 1], [1, 1], [(0, 0), (0, 0)], 1),
        ([33, 16, 1, 1], [2, 1], [(0, 0), (0, 0)], 1),
        ([20, 7, 5, 3], [1, 2], [(2, 2), (1, 0)], 1),
        ([6, 1, 3, 3], [1, 1], [(1, 1), (1, 1)], 6),
        ([35, 1, 5, 5], [2, 2], [(2, 2), (2, 2)], 35),
        ([12, 4, 1, 1], [1, 1], [(0, 0), (0, 0)], 3),
        ([12, 2, 3, 3], [1, 1], [(1, 1), (1, 1)], 2),
        ([6, 1, 3, 3], [1, 1], [(1, 1), (1, 1)], 3),
    ];
    for (weights, strides, pads, groups) in cases {
        let mut graph = Graph::new("conv");
        let channels = weights[1] * groups;
        let x = image(&mut graph, channels);
        let y = add_conv(&mut graph, x, conv(*strides, *pads, *groups), weights, 3);
        graph.output("y", y);
        for [n, h, w] in [[1, 9, 8], [3, 6, 13]] {
            check(&graph, &[fill(&[n, channels, h, w], 1)]);
        }
    }
}

#[test]
fn convolutions_in_winograd_form() {
    // Side of the image, channels, output channels, tiles that this is worth.
    let cases = [(14, 9, 20, Some("Four")), (8, 128, 33, Some("Two")), (8, 64, 8, None)];
    for (side, channels, outputs, tile) in cases {
        let mut graph = Graph::new("winograd");
        let dims = [Dim::symbol("n"), channels.into(), side.into(), side.into()];
        let x = graph.input("x", DType::F32, dims.to_vec());
        let op = conv([1, 1], [(1, 1), (0, 2)], 1);
        let y = add_conv(&mut graph, x, op, &[outputs, channels, 3, 3], 3);
        let z = graph.add("act", Op::Unary(Unary::Silu), &[y]).unwrap();
        graph.output("z", z);
        let printed = lower::lower(&graph).unwrap().plan.to_string();
        let expected = tile.map_or("convolution[".to_string(), |t| format!("winograd[{t} "));
        assert!(printed.contains(&expected), "{printed}");
        // Sums of up to 1152 products whose terms cancel.
        check_with(&graph, &[fill(&[2, channels, side, side], 1)], 1e-4);
    }
}

#[test]
fn convolutions_over_large_images_become_chains() {
    // Side of the image, and whether what is between is read a second time.
    for (side, is_shared, expected) in [(40, false, 1), (12, false, 0), (40, true, 0)] {
        let mut graph = Graph::new("chain");
        let dims = [Dim::symbol("n"), 8.into(), side.into(), side.into()];
        let x = graph.input("x", DType::F32, dims.to_vec());
        let pointwise = || conv([1, 1], [(0, 0), (0, 0)], 1);
        let a = add_conv(&mut graph, x, pointwise(), &[96, 8, 1, 1], 1);
        let b = graph.add("act", Op::Unary(Unary::Clip { min: 0.0, max: 6.0 }), &[a]).unwrap();
        let c = add_conv(&mut graph, b, conv([1, 1], [(1, 1), (1, 1)], 96), &[96, 1, 3, 3], 2);
        let d = add_conv(&mut graph, c, pointwise(), &[8, 96, 1, 1], 3);
        let e = graph.add("sum", Op::Binary(Binary::Add), &[x, d]).unwrap();
        graph.output("e", e);
        if is_shared {
            graph.output("b", b);
            graph.output("c", c);
        }
        let steps = lower::lower(&graph).unwrap().plan.steps;
        let chains = steps.iter().filter(|step| step.operation.name() == "chain").count();
        assert_eq!(chains, expected, "side {side}, shared: {is_shared}");
        check_with(&graph, &[fill(&[2, 8, side, side], 1)], 1e-4);
    }
}

#[test]
fn one_dimensional_and_dilated_convolutions() {
    let mut graph = Graph::new("conv1d");
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(4), Dim::symbol("t")]);
    let op = Op::Conv(Conv { strides: vec![2], dilations: vec![3], pads: vec![(2, 3)], groups: 1 });
    let y = add_conv(&mut graph, x, op, &[19, 4, 3], 5);
    let z = graph.add("max", Op::Unary(Unary::Relu), &[y]).unwrap();
    graph.output("z", z);
    check(&graph, &[fill(&[2, 4, 21], 1)]);
}

#[test]
fn epilogues_take_residuals_and_activations() {
    for function in [Unary::Relu, Unary::Clip { min: 0.0, max: 0.4 }, Unary::Silu] {
        let mut graph = Graph::new("residual");
        let x = image(&mut graph, 8);
        let same = || conv([1, 1], [(1, 1), (1, 1)], 1);
        let a = add_conv(&mut graph, x, same(), &[8, 8, 3, 3], 2);
        let b = graph.add("act", Op::Unary(function), &[a]).unwrap();
        let c = add_conv(&mut graph, b, same(), &[8, 8, 3, 3], 4);
        let d = graph.add("sum", Op::Binary(Binary::Add), &[x, c]).unwrap();
        let e = graph.add("act2", Op::Unary(function), &[d]).unwrap();
        graph.output("e", e);
        let steps = lower::lower(&graph).unwrap().plan.steps;
        let products = steps.iter().filter(|s| s.operation.name() == "winograd").count();
        assert_eq!((products, steps.len()), (2, 4), "two products, an image in and one out");
        // Winograd errors go by the largest term: inputs of the second product are about 10, and
        // the weights of a channel sum up to about 36.
        check_with(&graph, &[fill(&[2, 8, 7, 5], 1)], 1e-4);
    }
}

#[test]
fn a_value_that_somebody_else_reads_is_not_fused_away() {
    let mut graph = Graph::new("shared");
    let x = image(&mut graph, 4);
    let a = add_conv(&mut graph, x, conv([1, 1], [(0, 0), (0, 0)], 1), &[4, 4, 1, 1], 2);
    let b = graph.add("act", Op::Unary(Unary::Relu), &[a]).unwrap();
    let c = graph.add("twice", Op::Binary(Binary::Add), &[b, b]).unwrap();
    graph.output("a", a);
    graph.output("c", c);
    check(&graph, &[fill(&[1, 4, 3, 3], 1)]);
}
