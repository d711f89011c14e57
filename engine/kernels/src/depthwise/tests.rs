//! Depthwise convolutions against the naive twin of convolution, on every ISA.

use super::*;
use crate::conv::tests::{naive, shape};
use crate::testing::{Random, check_close, dot_tolerance, isas, run};
use tensor::scalar::Unary;

fn check(random: &mut Random, shape: &ConvShape) {
    let input = random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c);
    let oihw = random.floats(shape.in_c * shape.taps());
    let mut weights = vec![f32::NAN; oihw.len()];
    pack_weights(&oihw, shape, &mut weights);
    let (bias, residual) =
        (random.floats(shape.in_c), random.floats(shape.out_pixels() * shape.in_c));
    for activation in [None, Some(Unary::Relu), Some(Unary::Tanh)] {
        let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), activation };
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
            run(&Depthwise::new(isa, shape, &input, &weights, epilogue, target));
            let what = format!("{}: {activation:?} {shape:?}", isa.name());
            check_close(&out, &expected, dot_tolerance(shape.taps()), &what);
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
        run(&Depthwise::new(isa, &one, &image, &weights, Epilogue::default(), target));
        let mut together = vec![0.0; alone.len() * 3];
        let images = image.repeat(3);
        let target = SharedMut::from(&mut together[..]);
        run(&Depthwise::new(isa, &three, &images, &weights, Epilogue::default(), target));
        assert_eq!(together, alone.repeat(3), "{}", isa.name());
    }
}
