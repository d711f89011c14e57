//! Convolutions against a naive twin, on every ISA.

use super::*;
use crate::SharedMut;
use crate::matmul::tests::rounded;
use crate::matmul::{Int8, Rounding, Steps};
use crate::testing::{ROUNDED, Random, check_close, dot_tolerance, halves, isas, run, widened};
use tensor::scalar::Unary;

/// The sum of products over taps and channels, for weights in the order of ONNX.
pub(crate) fn naive(shape: &ConvShape, input: &[f32], oihw: &[f32]) -> Vec<f64> {
    let s = shape;
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let mut out = Vec::new();
    for n in 0..s.batch {
        for (oh, ow) in (0..s.out_h).flat_map(|oh| (0..s.out_w).map(move |ow| (oh, ow))) {
            for oc in 0..s.out_c {
                let mut sum = 0.0;
                for (i, j) in (0..s.kernel[0]).flat_map(|i| (0..s.kernel[1]).map(move |j| (i, j))) {
                    let h = (oh * s.strides[0] + i * s.dilations[0]) as i64 - s.pads[0] as i64;
                    let w = (ow * s.strides[1] + j * s.dilations[1]) as i64 - s.pads[1] as i64;
                    if h < 0 || w < 0 || h >= s.in_h as i64 || w >= s.in_w as i64 {
                        continue;
                    }
                    for c in 0..group_in {
                        let channel = oc / group_out * group_in + c;
                        let pixel = (n * s.in_h + h as usize) * s.in_w + w as usize;
                        let weight = ((oc * group_in + c) * s.kernel[0] + i) * s.kernel[1] + j;
                        sum += f64::from(input[pixel * s.in_c + channel]) * f64::from(oihw[weight]);
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

/// A shape whose output size follows from the rest, rounded down.
pub(crate) fn shape(
    batch: usize,
    [in_h, in_w, in_c]: [usize; 3],
    (out_c, groups): (usize, usize),
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    pads: [usize; 4],
) -> ConvShape {
    let out = |axis: usize, size: usize| {
        let span = dilations[axis] * (kernel[axis] - 1) + 1;
        (size + pads[axis] + pads[axis + 2]).saturating_sub(span) / strides[axis] + 1
    };
    let (out_h, out_w) = (out(0, in_h), out(1, in_w));
    ConvShape {
        batch,
        in_h,
        in_w,
        in_c,
        out_h,
        out_w,
        out_c,
        groups,
        kernel,
        strides,
        dilations,
        pads,
    }
}

fn check(random: &mut Random, shape: &ConvShape) {
    let input = random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c);
    let oihw = random.floats(shape.out_c * shape.depth());
    let bias = random.floats(shape.out_c);
    let residual = random.floats(shape.out_pixels() * shape.out_c);
    let mut weights = vec![f32::NAN; packed_len(shape)];
    pack_weights(&oihw, shape, &mut weights);
    check_bf16(shape, &input, &oihw);
    check_int8(random, shape);
    let sums = naive(shape, &input, &oihw);
    for activation in [None, Some(Unary::Clip { min: 0.0, max: 6.0 }), Some(Unary::Silu)] {
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some((&residual).into()),
            activation,
            ..Epilogue::default()
        };
        let finish = |(i, sum): (usize, &f64)| {
            let x = sum + f64::from(bias[i % shape.out_c]) + f64::from(residual[i]);
            match activation {
                None => x,
                Some(Unary::Silu) => x / (1.0 + (-x).exp()),
                Some(_) => x.clamp(0.0, 6.0),
            }
        };
        let expected: Vec<f64> = sums.iter().enumerate().map(finish).collect();
        for isa in isas() {
            let mut out = vec![f32::NAN; expected.len()];
            let target = SharedMut::from(&mut out[..]);
            run(&Conv::new(isa, shape, &input, Packed::F32(&weights), epilogue, target));
            let what = format!("{}: {activation:?} {shape:?}", isa.name());
            check_close(&out, &expected, dot_tolerance(shape.depth()), &what);
        }
    }
}

/// A convolution of bytes.
pub(crate) struct Int8Case {
    shape: ConvShape,
    pub(crate) input: Vec<u8>,
    /// `[O][C / groups][taps]`
    pub(crate) weights: Vec<i8>,
    pub(crate) scales: Vec<f32>,
    pub(crate) zero: u8,
    bias: Vec<f32>,
    residual: Vec<u8>,
}

impl Int8Case {
    pub(crate) fn new(random: &mut Random, shape: &ConvShape) -> Int8Case {
        let mut bytes = |count: usize| (0..count).map(|_| random.below(256) as u8).collect();
        let input: Vec<u8> = bytes(shape.batch * shape.in_h * shape.in_w * shape.in_c);
        let weights: Vec<u8> = bytes(shape.out_c * shape.depth());
        let residual = bytes(shape.out_pixels() * shape.out_c);
        // Results reach beyond both ends of a byte.
        let spread = 2.0 / (shape.depth() as f32).sqrt() / 128.0;
        let scales = random.floats(shape.out_c).iter().map(|x| x * spread).collect();
        let bias = random.floats(shape.out_c).iter().map(|x| 128.0 + 60.0 * x).collect();
        let weights = weights.into_iter().map(|w| w as i8).collect();
        let zero = random.below(256) as u8;
        Int8Case { shape: *shape, input, weights, scales, zero, bias, residual }
    }

    /// Checks what `compute` makes as f32 and as bytes, with the zero point that is part of the
    /// input's padding and of the sums; `may_round` says whether it can round before the residual.
    pub(crate) fn check(
        &self,
        zero: u8,
        may_round: bool,
        mut compute: impl FnMut(Isa, Epilogue<'_>, FloatsMut<'_>),
    ) {
        let less = |x: &u8| f32::from(*x) - f32::from(self.zero);
        let input: Vec<f32> = self.input.iter().map(less).collect();
        let weights: Vec<f32> = self.weights.iter().map(|&w| f32::from(w)).collect();
        let sums = naive(&self.shape, &input, &weights);
        let rounding = Rounding { bounds: [3.0, 200.0], factor: 0.7, offset: -9.0 };
        let kinds = [(false, None), (true, None), (true, Some(rounding))];
        for (has_residual, rounding) in
            kinds.into_iter().filter(|kind| may_round || kind.1.is_none())
        {
            let activation = Some(Unary::Clip { min: 3.0, max: 250.0 });
            let epilogue = Epilogue {
                bias: Some(&self.bias),
                residual: has_residual.then_some(Floats::U8(&self.residual)),
                residual_scale: 0.3,
                rounding,
                activation,
                steps: None,
            };
            let finish = |(i, sum): (usize, &f64)| {
                let channel = i % self.shape.out_c;
                let each = self.shape.depth();
                let own = &self.weights[channel * each..][..each];
                let own: i64 = own.iter().map(|&w| i64::from(w)).sum();
                let sum = *sum as i64 + i64::from(zero) * own;
                let mut y = (sum as f32).mul_add(self.scales[channel], self.bias[channel]);
                if let Some(Rounding { bounds: [low, high], factor, offset }) = rounding {
                    y = y.clamp(low, high).round_ties_even().mul_add(factor, offset);
                }
                if has_residual {
                    y = f32::from(self.residual[i]).mul_add(0.3, y);
                }
                y.clamp(3.0, 250.0)
            };
            let floats: Vec<f32> = sums.iter().enumerate().map(finish).collect();
            let bytes: Vec<u8> = floats.iter().map(|x| x.round_ties_even() as u8).collect();
            for isa in isas() {
                let what = format!("{}: int8 {:?}", isa.name(), self.shape);
                let mut made = vec![f32::NAN; floats.len()];
                compute(isa, epilogue, SharedMut::from(&mut made[..]).into());
                assert_eq!(made, floats, "{what}");
                let mut made = vec![1; bytes.len()];
                compute(isa, epilogue, FloatsMut::U8(SharedMut::from(&mut made[..])));
                assert_eq!(made, bytes, "{what}");
            }
        }
    }
}

fn check_int8(random: &mut Random, shape: &ConvShape) {
    check_int8_case(&Int8Case::new(random, shape));
}

fn check_int8_case(case: &Int8Case) {
    let shape = &case.shape;
    let mut packed = vec![-1; packed_int8_len(shape)];
    pack_weights_int8(&case.weights, shape, &mut packed);
    let weights = Int8 { weights: &packed, scales: &case.scales, zero: case.zero };
    let (input, weights) = (Floats::U8(&case.input), Packed::Int8(weights));
    case.check(case.zero, true, |isa, epilogue, out| {
        run(&Conv::new(isa, shape, input, weights, epilogue, out));
    });
    // An activation that is more than bounds, with steps behind it.
    let steps = Some(Steps { factor: 100.0, offset: 30.0 });
    let epilogue = Epilogue { activation: Some(Unary::HardSwish), steps, ..Epilogue::default() };
    let found = isas().map(|isa| {
        let mut floats = vec![f32::NAN; shape.out_pixels() * shape.out_c];
        let mut bytes = vec![1; floats.len()];
        let target = SharedMut::from(&mut floats[..]);
        run(&Conv::new(isa, shape, input, weights, epilogue, target));
        let target = FloatsMut::U8(SharedMut::from(&mut bytes[..]));
        run(&Conv::new(isa, shape, input, weights, epilogue, target));
        let expected: Vec<u8> =
            floats.iter().map(|x| (x * 100.0 + 30.0).round_ties_even() as u8).collect();
        assert_eq!(bytes, expected, "{}: int8 {shape:?}", isa.name());
        bytes
    });
    let found: Vec<Vec<u8>> = found.collect();
    assert!(found.windows(2).all(|two| two[0] == two[1]), "{shape:?}");
}

/// With weights of bf16, against the naive twin of rounded operands.
fn check_bf16(shape: &ConvShape, input: &[f32], oihw: &[f32]) {
    let mut weights = vec![0xffff; packed_bf16_len(shape)];
    pack_weights_bf16(oihw, shape, &mut weights);
    let expected = naive(shape, &rounded(input), &rounded(oihw));
    for isa in isas() {
        let mut out = vec![f32::NAN; expected.len()];
        let target = SharedMut::from(&mut out[..]);
        let weights = Packed::Bf16(&weights);
        run(&Conv::new(isa, shape, input, weights, Epilogue::default(), target));
        let what = format!("{}: bf16 {shape:?}", isa.name());
        check_close(&out, &expected, dot_tolerance(shape.depth()), &what);
        // The same of numbers that are bf16 already, to such.
        let (halves, mut made) = (halves(input), vec![0xffff; expected.len()]);
        let (halves, target) =
            (Floats::Bf16(&halves), FloatsMut::Bf16(SharedMut::from(&mut made[..])));
        run(&Conv::new(isa, shape, halves, weights, Epilogue::default(), target));
        let tolerance = ROUNDED + dot_tolerance(shape.depth());
        check_close(&widened(&made), &expected, tolerance, &what);
    }
}

#[test]
fn convolutions_agree_with_the_naive_twin() {
    let mut random = Random::new(10);
    let cases = [
        shape(1, [9, 9, 3], (32, 1), [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]),
        shape(2, [8, 7, 3], (16, 1), [7, 7], [2, 2], [1, 1], [3, 3, 3, 3]),
        shape(1, [14, 14, 16], (24, 1), [1, 1], [1, 1], [1, 1], [0; 4]),
        shape(1, [13, 14, 16], (40, 1), [1, 1], [2, 2], [1, 1], [0; 4]),
        shape(2, [7, 6, 40], (33, 1), [3, 3], [1, 1], [1, 1], [1; 4]),
        shape(1, [10, 10, 8], (12, 4), [3, 3], [1, 1], [1, 1], [1; 4]),
        shape(1, [11, 9, 12], (6, 3), [1, 1], [1, 1], [1, 1], [0; 4]),
        shape(1, [12, 12, 20], (17, 1), [3, 3], [1, 1], [2, 2], [2; 4]),
        shape(1, [5, 30, 4], (8, 1), [1, 7], [1, 1], [1, 1], [0, 3, 0, 3]),
        shape(1, [30, 5, 4], (8, 1), [7, 1], [1, 1], [1, 1], [3, 0, 3, 0]),
        shape(1, [2, 2, 5], (3, 1), [3, 3], [1, 1], [1, 1], [4; 4]),
        shape(3, [28, 28, 1], (16, 1), [5, 5], [1, 1], [1, 1], [2; 4]),
        shape(1, [5, 13, 24], (96, 1), [1, 1], [1, 1], [1, 1], [0; 4]),
        shape(1, [7, 5, 16], (112, 1), [3, 3], [2, 1], [1, 1], [1; 4]),
    ];
    for case in &cases {
        check(&mut random, case);
    }
}

#[test]
fn bytes_are_bounded_where_results_leave_i32() {
    let mut random = Random::new(13);
    let shape = shape(1, [6, 7, 8], (64, 1), [1, 1], [1, 1], [1, 1], [0; 4]);
    let mut case = Int8Case::new(&mut random, &shape);
    case.scales.iter_mut().for_each(|scale| *scale *= 1e12);
    check_int8_case(&case);
}

#[test]
fn random_convolutions_agree_with_the_naive_twin() {
    let mut random = Random::new(11);
    for _ in 0..30 {
        let groups = [1, 1, 2, 3][random.below(4)];
        let (group_in, group_out) = (random.between(1, 20), random.between(1, 40));
        let kernel = [random.between(1, 4), random.between(1, 4)];
        let size = [random.between(4, 15), random.between(4, 15), groups * group_in];
        let case = shape(
            random.between(1, 3),
            size,
            (groups * group_out, groups),
            kernel,
            [random.between(1, 3), random.between(1, 3)],
            [random.between(1, 2), random.between(1, 2)],
            [(); 4].map(|()| random.below(4)),
        );
        check(&mut random, &case);
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_batch() {
    let mut random = Random::new(12);
    for (in_c, kernel) in [(3, 3), (24, 3), (32, 1)] {
        let one = shape(1, [13, 11, in_c], (20, 1), [kernel; 2], [1, 1], [1, 1], [kernel / 2; 4]);
        let three = ConvShape { batch: 3, ..one };
        let image = random.floats(13 * 11 * in_c);
        let oihw = random.floats(20 * in_c * kernel * kernel);
        let mut weights = vec![0.0; packed_len(&one)];
        pack_weights(&oihw, &one, &mut weights);
        for isa in isas() {
            let mut alone = vec![0.0; one.out_pixels() * 20];
            let target = SharedMut::from(&mut alone[..]);
            run(&Conv::new(isa, &one, &image, Packed::F32(&weights), Epilogue::default(), target));
            let mut together = vec![0.0; alone.len() * 3];
            let images = image.repeat(3);
            let target = SharedMut::from(&mut together[..]);
            run(&Conv::new(
                isa,
                &three,
                &images,
                Packed::F32(&weights),
                Epilogue::default(),
                target,
            ));
            assert_eq!(together, alone.repeat(3), "{}", isa.name());
        }
    }
}

#[test]
#[should_panic(expected = "groups do not divide output channels")]
fn impossible_groups_are_refused() {
    packed_len(&shape(1, [4, 4, 4], (3, 2), [1, 1], [1, 1], [1, 1], [0; 4]));
}
