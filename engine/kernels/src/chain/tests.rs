//! Chains against their stages run one after another: the same bytes are expected.

use super::*;
use crate::SharedMut;
use crate::conv;
use crate::conv::tests::shape;
use crate::testing::{Random, halves, isas, run};
use tensor::scalar::Unary;

/// What a stage is made of: channels out, depthwise or not, kernel, stride and pads.
type Layer = (usize, bool, usize, usize, [usize; 4]);

struct Net {
    shapes: Vec<(ConvShape, bool)>,
    weights: Vec<Vec<f32>>,
    biases: Vec<Vec<f32>>,
    input: Vec<f32>,
    residual: Vec<f32>,
}

impl Net {
    fn new(random: &mut Random, batch: usize, image: [usize; 3], layers: &[Layer]) -> Net {
        let mut shapes: Vec<(ConvShape, bool)> = Vec::new();
        let mut image = image;
        for &(channels, is_depthwise, kernel, stride, pads) in layers {
            let groups = if is_depthwise { image[2] } else { 1 };
            let out_c = if is_depthwise { image[2] } else { channels };
            let sizes = ([kernel; 2], [stride; 2], [1; 2], pads);
            let s = shape(batch, image, (out_c, groups), sizes.0, sizes.1, sizes.2, sizes.3);
            image = [s.out_h, s.out_w, s.out_c];
            shapes.push((s, is_depthwise));
        }
        let weights = shapes.iter().map(|(s, is_depthwise)| {
            let len = if *is_depthwise { s.taps() * s.in_c } else { conv::packed_len(s) };
            random.floats(len)
        });
        let weights = weights.collect();
        let biases = shapes.iter().map(|(s, _)| random.floats(s.out_c)).collect();
        let (first, last) = (&shapes[0].0, &shapes[shapes.len() - 1].0);
        let input = random.floats(batch * first.in_h * first.in_w * first.in_c);
        let residual = random.floats(last.out_pixels() * last.out_c);
        Net { shapes, weights, biases, input, residual }
    }

    fn stages(&self) -> Vec<Stage<'_>> {
        let last = self.shapes.len() - 1;
        let stage = |(at, (shape, is_depthwise)): (usize, &(ConvShape, bool))| Stage {
            shape: *shape,
            is_depthwise: *is_depthwise,
            weights: Packed::F32(&self.weights[at]),
            epilogue: Epilogue {
                bias: Some(&self.biases[at]),
                residual: (at == last).then_some((&self.residual).into()),
                activation: Some(if at == 0 { Unary::Silu } else { Unary::Relu }),
                ..Epilogue::default()
            },
            is_bf16: false,
        };
        self.shapes.iter().enumerate().map(stage).collect()
    }
}

fn check(net: &Net) {
    let stages = net.stages();
    for isa in isas() {
        let mut expected = net.input.clone();
        for Stage { shape, is_depthwise, weights, epilogue, .. } in &stages {
            let input = std::mem::take(&mut expected);
            expected = vec![f32::NAN; shape.out_pixels() * shape.out_c];
            let out = SharedMut::from(&mut expected[..]);
            if *is_depthwise {
                run(&Depthwise::new(
                    isa,
                    shape,
                    &input,
                    Taps::F32(weights.floats()),
                    *epilogue,
                    out,
                ));
            } else {
                run(&Conv::new(isa, shape, &input, *weights, *epilogue, out));
            }
        }
        for parts in [1, 2, 5] {
            let mut actual = vec![f32::NAN; expected.len()];
            let out = SharedMut::from(&mut actual[..]);
            run(&Chain::new(isa, &stages, parts, &net.input, out));
            let is_same = actual.iter().zip(&expected).all(|(a, e)| a.to_bits() == e.to_bits());
            assert!(is_same, "{} in {parts} parts: {:?}", isa.name(), net.shapes);
        }
    }
}

#[test]
fn a_chain_gives_the_bytes_of_its_stages() {
    let mut random = Random::new(23);
    let pointwise = |channels| (channels, false, 1, 1, [0; 4]);
    let depthwise = |kernel: usize, stride, pads| (0, true, kernel, stride, pads);
    let same = |kernel: usize| [kernel / 2; 4];
    let nets: [(usize, [usize; 3], Vec<Layer>); 7] = [
        (1, [56, 56, 8], vec![pointwise(48), depthwise(3, 1, same(3)), pointwise(24)]),
        (2, [33, 17, 5], vec![pointwise(37), depthwise(5, 2, [1, 1, 2, 2]), pointwise(19)]),
        (1, [30, 9, 16], vec![pointwise(32), depthwise(3, 2, [0, 0, 1, 1]), pointwise(16)]),
        (1, [29, 31, 3], vec![(33, false, 3, 2, same(3)), depthwise(3, 1, same(3)), pointwise(8)]),
        (2, [40, 40, 40], vec![depthwise(5, 1, same(5)), pointwise(17)]),
        (1, [5, 6, 7], vec![(9, false, 3, 1, [2; 4]), (11, false, 3, 1, [3; 4])]),
        (1, [23, 4, 21], vec![pointwise(13)]),
    ];
    for (batch, image, layers) in nets {
        check(&Net::new(&mut random, batch, image, &layers));
    }
}

#[test]
fn a_chain_of_bf16_gives_the_bytes_of_its_stages() {
    let mut random = Random::new(24);
    let expand = shape(1, [29, 31, 6], (33, 1), [1; 2], [1; 2], [1; 2], [0; 4]);
    let middle = shape(1, [29, 31, 33], (33, 33), [3; 2], [2; 2], [1; 2], [1; 4]);
    let project = shape(1, [15, 16, 33], (9, 1), [1; 2], [1; 2], [1; 2], [0; 4]);
    let mut packed = || {
        [&expand, &project].map(|shape| {
            let mut packed = vec![0; conv::packed_bf16_len(shape)];
            conv::pack_weights_bf16(&random.floats(shape.out_c * shape.in_c), shape, &mut packed);
            packed
        })
    };
    let [first, last] = packed();
    let taps = random.floats(9 * 33);
    let image = halves(&random.floats(29 * 31 * 6));
    let stage = |shape: ConvShape, weights| Stage {
        shape,
        is_depthwise: matches!(weights, Packed::F32(_)),
        weights,
        epilogue: Epilogue::default(),
        is_bf16: true,
    };
    let stages = [
        stage(expand, Packed::Bf16(&first)),
        stage(middle, Packed::F32(&taps)),
        stage(project, Packed::Bf16(&last)),
    ];
    for isa in isas() {
        let mut expected = image.clone();
        for Stage { shape, is_depthwise, weights, epilogue, .. } in &stages {
            let input = std::mem::take(&mut expected);
            expected = vec![0xffff; shape.out_pixels() * shape.out_c];
            let out = FloatsMut::Bf16(SharedMut::from(&mut expected[..]));
            let input = Floats::Bf16(&input);
            if *is_depthwise {
                run(&Depthwise::new(
                    isa,
                    shape,
                    input,
                    Taps::F32(weights.floats()),
                    *epilogue,
                    out,
                ));
            } else {
                run(&Conv::new(isa, shape, input, *weights, *epilogue, out));
            }
        }
        for parts in [1, 3] {
            let mut actual = vec![0xffff; expected.len()];
            let out = FloatsMut::Bf16(SharedMut::from(&mut actual[..]));
            run(&Chain::new(isa, &stages, parts, Floats::Bf16(&image), out));
            assert_eq!(actual, expected, "{} in {parts} parts", isa.name());
        }
    }
}
