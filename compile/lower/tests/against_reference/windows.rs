//! Convolutions whose weights are computed, and windows over any number of axes.

use super::{check, check_one, fill, one};
use ir::{Conv, Graph, Op, Pool, PoolKind};
use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use tensor::scalar::Unary;
use tensor::{DType, Dim};

#[test]
fn convolutions_with_weights_that_are_computed() {
    // Weights [O, C/g, kernel…], groups.
    let cases: &[(&[usize], usize)] = &[
        (&[4, 3, 3, 3], 1),
        (&[16, 5, 1, 1], 1),
        (&[35, 2, 3, 2], 1),
        (&[32, 2, 3], 1),
        (&[6, 1, 3, 3], 6),
        (&[5, 1, 4], 5),
        (&[40, 2, 3, 3], 2),
        (&[6, 1, 3, 3], 3),
    ];
    for &(weights, groups) in cases {
        let axes = weights.len() - 2;
        let (strides, dilations) = (vec![1; axes], vec![1; axes]);
        let op = Op::Conv(Conv { strides, dilations, pads: vec![(1, 0); axes], groups });
        let mut shape = vec![2, weights[1] * groups];
        shape.extend([7, 6].iter().take(axes));
        check_one(op.clone(), &[&shape, weights, &weights[..1]]);
        // Beside one whose weights are another node's.
        let (mut graph, inputs) = one(op.clone(), &[&shape, weights]);
        let (x, w) = (graph.inputs[0], graph.inputs[1]);
        let halved = graph.add("halved", Op::Unary(Unary::Tanh), &[w]).unwrap();
        let y = graph.add("second", op, &[x, halved]).unwrap();
        graph.output("z", y);
        check(&graph, &inputs);
    }
}

#[test]
fn weights_that_are_computed_may_have_symbolic_sizes() {
    let mut graph = Graph::new("symbolic");
    let size = |name: &str| Dim::symbol(name);
    let x = graph.input("x", DType::F32, vec![size("n"), size("c"), 9.into(), size("w")]);
    let w = graph.input("w", DType::F32, vec![size("o"), size("c"), 3.into(), 2.into()]);
    let conv =
        Conv { strides: vec![2, 1], dilations: vec![1; 2], pads: vec![(1, 1); 2], groups: 1 };
    let y = graph.add("conv", Op::Conv(conv), &[x, w]).unwrap();
    graph.output("y", y);
    for outputs in [3, 16, 50] {
        check(&graph, &[fill(&[2, 5, 9, 6], 1), fill(&[outputs, 5, 3, 2], 2)]);
    }
}

#[test]
fn pooling_over_any_number_of_axes() {
    for kind in [
        PoolKind::Max,
        PoolKind::Average { count_include_pad: false },
        PoolKind::Average { count_include_pad: true },
    ] {
        for axes in [1, 3, 4, 5] {
            let pool = Pool {
                kind,
                kernel: vec![3, 2, 2, 3, 2][..axes].to_vec(),
                strides: vec![2, 1, 3, 2, 1][..axes].to_vec(),
                dilations: vec![1, 2, 1, 1, 1][..axes].to_vec(),
                pads: vec![(1, 1), (0, 1), (1, 0), (1, 1), (0, 0)][..axes].to_vec(),
                ceil_mode: axes % 2 == 1,
            };
            let shape = [&[2, 3], &[5, 4, 6, 4, 3][..axes]].concat();
            check_one(Op::Pool(pool), &[&shape]);
        }
    }
}

#[test]
fn resizing_of_every_kind() {
    let kinds = [
        (Interpolation::Nearest(Rounding::Floor), Coordinates::Asymmetric),
        (Interpolation::Nearest(Rounding::PreferCeil), Coordinates::HalfPixel),
        (Interpolation::Linear, Coordinates::HalfPixel),
        (Interpolation::Linear, Coordinates::AlignCorners),
        (Interpolation::Cubic(-0.75), Coordinates::PytorchHalfPixel),
    ];
    for (interpolation, coordinates) in kinds {
        for (shape, sizes) in [
            (vec![2, 5, 7, 6], vec![(2, 14), (3, 9)]),
            (vec![1, 19, 6, 5], vec![(3, 3)]),
            (vec![2, 3, 8], vec![(2, 5)]),
            // Without a kernel: other axes than spatial ones, or more of them.
            (vec![2, 3, 4, 4], vec![(1, 6)]),
            (vec![1, 2, 3, 4, 2], vec![(2, 6), (4, 3)]),
        ] {
            for is_other in [false, true] {
                let axis = |&(axis, size): &(usize, usize)| ResizeAxis {
                    axis,
                    size: Dim::from(size),
                    scale: None,
                };
                let resize = Resize {
                    axes: sizes.iter().map(axis).collect(),
                    interpolation,
                    coordinates,
                    excludes_outside: is_other,
                    is_antialiased: is_other,
                    extrapolation: 0.0,
                };
                check_one(Op::Whole(resize.into()), &[&shape]);
            }
        }
    }
}
