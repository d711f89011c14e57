//! Depthwise convolutions against the naive twin of convolution, on every ISA.

use super::*;
use crate::SharedMut;
use crate::conv::tests::{Int8Case, naive, shape};
use crate::matmul::tests::rounded;
use crate::testing::{ROUNDED, Random, check_close, dot_tolerance, halves, isas, run, widened};
use tensor::scalar::Unary;

fn check(random: &mut Random, shape: &ConvShape) {
    let input = random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c);
    let oihw = random.floats(shape.in_c * shape.taps());
    let mut weights = vec![f32::NAN; oihw.len()];
    pack_weights(&oihw, shape, &mut weights);
    let (bias, residual) =
        (random.floats(shape.in_c), random.floats(shape.out_pixels() * shape.in_c));
    for activation in [None, Some(Unary::Relu), Some(Unary::Tanh)] {
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some((&residual).into()),
            activation,
            ..Epilogue::default()
        };
        let mut expected = naive(shape, &input, &oihw);
        for (i, x) in expected.iter_mut().enumerate() {
            *x += f64::from(bias[i % shape.in_c]) + f64::from(residual[i]);
            match activation {
                None => {}
                Some(Unary::Relu) => *x = x.max(0.0),
                Some(_) => *x = x.tanh(),
            }
        }
        for isa in isas() {
            let mut out = vec![f32::NAN; expected.len()];
            let target = SharedMut::from(&mut out[..]);
            run(&Depthwise::new(isa, shape, &input, Taps::F32(&weights), epilogue, target));
            let what = format!("{}: {activation:?} {shape:?}", isa.name());
            check_close(&out, &expected, dot_tolerance(shape.taps()), &what);
        }
    }
    check_bf16(random, shape);
    check_int8(random, shape);
}

/// From bytes to bytes and to f32, the same on every ISA to the last bit.
fn check_int8(random: &mut Random, shape: &ConvShape) {
    let case = Int8Case::new(random, shape);
    let weights: Vec<f32> = case.weights.iter().map(|&w| f32::from(w)).collect();
    let mut packed = vec![f32::NAN; weights.len()];
    pack_weights(&weights, shape, &mut packed);
    let taps = Taps::Int8 { weights: &packed, scales: &case.scales, zero: case.zero };
    let input = Floats::U8(&case.input);
    case.check(0, false, |isa, epilogue, out| {
        run(&Depthwise::new(isa, shape, input, taps, epilogue, out))
    });
}

/// From bf16 to bf16. Weights may be rounded too.
fn check_bf16(random: &mut Random, shape: &ConvShape) {
    let input = halves(&random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c));
    let weights = rounded(&random.floats(shape.in_c * shape.taps()));
    let mut packed = vec![f32::NAN; weights.len()];
    pack_weights(&weights, shape, &mut packed);
    let bias = random.floats(shape.in_c);
    let residual = halves(&random.floats(shape.out_pixels() * shape.in_c));
    let sums = naive(shape, &widened(&input), &weights);
    for (has_residual, activation) in
        [(false, None), (false, Some(Unary::Relu)), (true, None), (false, Some(Unary::Tanh))]
    {
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: has_residual.then_some(Floats::Bf16(&residual)),
            activation,
            ..Epilogue::default()
        };
        let finish = |(i, sum): (usize, &f64)| {
            let other = if has_residual { widened(&residual[i..=i])[0] } else { 0.0 };
            let x = sum + f64::from(bias[i % shape.in_c]) + f64::from(other);
            match activation {
                None => x,
                Some(Unary::Relu) => x.max(0.0),
                Some(_) => x.tanh(),
            }
        };
        let expected: Vec<f64> = sums.iter().enumerate().map(finish).collect();
        for isa in isas() {
            let mut out = vec![0xffff; expected.len()];
            let target = FloatsMut::Bf16(SharedMut::from(&mut out[..]));
            run(&Depthwise::new(
                isa,
                shape,
                Floats::Bf16(&input),
                Taps::F32(&packed),
                epilogue,
                target,
            ));
            let what = format!("{}: bf16 {activation:?} {shape:?}", isa.name());
            // What is given to the function is rounded as well.
            let tolerance = 2.0 * ROUNDED + dot_tolerance(shape.taps());
            check_close(&widened(&out), &expected, tolerance, &what);
        }
    }
}

#[test]
fn the_usual_kernels_agree_with_the_naive_twin_in_bf16_and_in_bytes() {
    let mut random = Random::new(22);
    for (taps, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
        for (size, channels, pads) in
            [([9, 13], 64, [1; 4]), ([14, 6], 97, [2, 0, 1, 2]), ([5, 5], 3, [3; 4])]
        {
            let size = [size[0], size[1], channels];
            let (kernel, strides) = ([taps; 2], [stride; 2]);
            let case = shape(2, size, (channels, channels), kernel, strides, [1; 2], pads);
            check_bf16(&mut random, &case);
            check_int8(&mut random, &case);
        }
    }
}

#[test]
fn depthwise_convolutions_agree_with_the_naive_twin() {
    let mut random = Random::new(20);
    for _ in 0..25 {
        let channels = random.between(1, 50);
        let size = [random.between(3, 14), random.between(3, 20), channels];
        let case = shape(
            random.between(1, 2),
            size,
            (channels, channels),
            [random.between(1, 5), random.between(1, 5)],
            [random.between(1, 2), random.between(1, 3)],
            [random.between(1, 2), random.between(1, 2)],
            [(); 4].map(|()| random.below(4)),
        );
        check(&mut random, &case);
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_batch() {
    let mut random = Random::new(21);
    let one = shape(1, [9, 12, 37], (37, 37), [3, 3], [1, 1], [1, 1], [1; 4]);
    let three = ConvShape { batch: 3, ..one };
    let (image, weights) = (random.floats(9 * 12 * 37), random.floats(9 * 37));
    for isa in isas() {
        let mut alone = vec![0.0; one.out_pixels() * 37];
        let target = SharedMut::from(&mut alone[..]);
        run(&Depthwise::new(isa, &one, &image, Taps::F32(&weights), Epilogue::default(), target));
        let mut together = vec![0.0; alone.len() * 3];
        let images = image.repeat(3);
        let target = SharedMut::from(&mut together[..]);
        run(&Depthwise::new(
            isa,
            &three,
            &images,
            Taps::F32(&weights),
            Epilogue::default(),
            target,
        ));
        assert_eq!(together, alone.repeat(3), "{}", isa.name());
    }
}
