//! Pooling against a naive twin, on every ISA.

use super::*;
use crate::SharedMut;
use crate::conv::tests::shape;
use crate::testing::{Random, check_close, isas, run};

/// Every element of the window that is not padding, and how many elements padding adds.
fn window(s: &ConvShape, input: &[f32], at: usize) -> (Vec<f64>, usize) {
    let (channel, pixel) = (at % s.in_c, at / s.in_c);
    let (w, h, n) = (pixel % s.out_w, pixel / s.out_w % s.out_h, pixel / s.out_w / s.out_h);
    let (mut inside, mut padding) = (Vec::new(), 0);
    for i in 0..s.kernel[0] {
        for j in 0..s.kernel[1] {
            let y = (h * s.strides[0] + i * s.dilations[0]) as i64 - s.pads[0] as i64;
            let x = (w * s.strides[1] + j * s.dilations[1]) as i64 - s.pads[1] as i64;
            if (0..s.in_h as i64).contains(&y) && (0..s.in_w as i64).contains(&x) {
                let pixel = (n * s.in_h + y as usize) * s.in_w + x as usize;
                inside.push(f64::from(input[pixel * s.in_c + channel]));
            } else if y < (s.in_h + s.pads[2]) as i64 && x < (s.in_w + s.pads[3]) as i64 {
                padding += 1;
            }
        }
    }
    (inside, padding)
}

fn naive(kind: PoolKind, s: &ConvShape, input: &[f32]) -> Vec<f64> {
    let one = |at| {
        let (inside, padding) = window(s, input, at);
        match kind {
            PoolKind::Max => inside.into_iter().fold(f64::NEG_INFINITY, f64::max),
            PoolKind::Average { count_include_pad } => {
                let count = inside.len() + if count_include_pad { padding } else { 0 };
                inside.iter().sum::<f64>() / count.max(1) as f64
            }
        }
    };
    (0..s.batch * s.out_h * s.out_w * s.in_c).map(one).collect()
}

#[test]
fn pools_agree_with_the_naive_twin() {
    let mut random = Random::new(30);
    for case in 0..40 {
        let channels = random.between(1, 40);
        let size = [random.between(3, 12), random.between(3, 12), channels];
        let mut case_shape = shape(
            random.between(1, 2),
            size,
            (channels, 1),
            [random.between(1, 4), random.between(1, 4)],
            [random.between(1, 3), random.between(1, 3)],
            [random.between(1, 2), random.between(1, 2)],
            [(); 4].map(|()| random.below(3)),
        );
        // Sizes rounded up, as `ceil_mode` has it.
        case_shape.out_h += case % 2;
        let input = random.floats(case_shape.batch * size[0] * size[1] * channels);
        for kind in [
            PoolKind::Max,
            PoolKind::Average { count_include_pad: false },
            PoolKind::Average { count_include_pad: true },
        ] {
            let expected = naive(kind, &case_shape, &input);
            for isa in isas() {
                let mut out = vec![f32::NAN; expected.len()];
                let target = SharedMut::from(&mut out[..]);
                run(&Pool::new(isa, kind, &case_shape, &input, target));
                let what = format!("{}: {kind:?} {case_shape:?}", isa.name());
                check_close(&out, &expected, 1e-6, &what);
            }
        }
        let bytes: Vec<u8> = input.iter().map(|x| (x * 127.0 + 128.0) as u8).collect();
        let input: Vec<f32> = bytes.iter().map(|&x| f32::from(x)).collect();
        let expected = naive(PoolKind::Max, &case_shape, &input);
        let expected: Vec<u8> = expected.iter().map(|&x| x as u8).collect();
        for isa in isas() {
            let mut out = vec![1u8; expected.len()];
            let (input, target) = (Floats::U8(&bytes), SharedMut::from(&mut out[..]));
            let target = FloatsMut::U8(target);
            run(&Pool::new(isa, PoolKind::Max, &case_shape, input, target));
            assert_eq!(out, expected, "{}: {case_shape:?}", isa.name());
        }
    }
}

#[test]
fn a_nan_is_the_largest() {
    let one = shape(1, [1, 3, 1], (1, 1), [1, 3], [1, 1], [1, 1], [0; 4]);
    for isa in isas() {
        for input in [[f32::NAN, 1.0, 2.0], [1.0, f32::NAN, 2.0], [1.0, 2.0, f32::NAN]] {
            let mut out = [0.0];
            run(&Pool::new(isa, PoolKind::Max, &one, &input[..], SharedMut::from(&mut out[..])));
            assert!(out[0].is_nan(), "{}", isa.name());
        }
    }
}
