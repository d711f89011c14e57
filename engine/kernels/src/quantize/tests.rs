//! Quantization against a naive twin, on every ISA.

use super::*;
use crate::testing::{Random, isas, run};

/// The parameters of the element at a place.
fn of(parameters: &Parameters<'_>, at: usize) -> (f32, i32) {
    let [_, channels, inner] = parameters.sizes;
    let channel = if parameters.scales.len() == 1 { 0 } else { at / inner % channels };
    (parameters.scales[channel], integer(parameters, parameters.zeros[channel]))
}

fn integer(parameters: &Parameters<'_>, byte: u8) -> i32 {
    match parameters.dtype {
        DType::U8 => i32::from(byte),
        DType::I8 => i32::from(byte as i8),
        DType::U4 => i32::from(byte % 16),
        _ => i32::from(byte % 16) - if byte % 16 > 7 { 16 } else { 0 },
    }
}

fn naive(parameters: &Parameters<'_>, at: usize, x: f32) -> u8 {
    let (scale, zero) = of(parameters, at);
    let (low, high) = if parameters.dtype == DType::I8 { (-128, 127) } else { (0, 255) };
    if x.is_nan() {
        return low as u8;
    }
    let steps = (x / scale).round_ties_even() as i32;
    steps.saturating_add(zero).clamp(low, high) as u8
}

#[test]
fn quantization_and_its_inverse_agree_with_the_naive_twin() {
    let mut random = Random::new(71);
    for case in 0..60 {
        let sizes = [random.between(1, 3), random.between(1, 9), random.between(1, 700)];
        let count: usize = sizes.iter().product();
        let is_each = case % 2 == 0;
        let parts = if is_each { sizes[1] } else { 1 };
        let scales: Vec<f32> = random.floats(parts).iter().map(|x| 0.02 + x.abs()).collect();
        let zeros: Vec<u8> = (0..parts).map(|_| random.below(256) as u8).collect();
        let dtype = [DType::U8, DType::I8, DType::U4, DType::I4][random.below(4)];
        let parameters = Parameters { sizes, scales: &scales, zeros: &zeros, dtype };
        let mut input: Vec<f32> = random.floats(count).iter().map(|x| x * 80.0).collect();
        input[0] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38][case % 4];
        // A tie.
        input[count - 1] = 2.5 * of(&parameters, count - 1).0;
        let bytes: Vec<u8> =
            input.iter().enumerate().map(|(at, &x)| naive(&parameters, at, x)).collect();
        let floats: Vec<f32> = bytes
            .iter()
            .enumerate()
            .map(|(at, &byte)| {
                let (scale, zero) = of(&parameters, at);
                (integer(&parameters, byte) - zero) as f32 * scale
            })
            .collect();
        for isa in isas() {
            if matches!(dtype, DType::U8 | DType::I8) {
                let mut found = vec![1u8; count];
                run(&Quantize::new(isa, parameters, &input, found.as_mut_slice().into()));
                assert_eq!(found, bytes, "case {case} on {isa:?}");
            }
            let mut found = vec![f32::NAN; count];
            run(&Dequantize::new(isa, parameters, &bytes, found.as_mut_slice().into()));
            assert_eq!(found, floats, "case {case} on {isa:?}");
        }
    }
}

#[test]
fn sums_of_bytes_agree_with_the_naive_twin() {
    let mut random = Random::new(72);
    for _ in 0..40 {
        let count = random.between(0, 40_000);
        let mut bytes = || (0..count).map(|_| random.below(256) as u8).collect::<Vec<u8>>();
        let (a, b) = (bytes(), bytes());
        let factors = [0.5, if random.flip() { 0.25 } else { -1.125 }];
        let parameters = SumParameters { factors, offset: 3.25, bounds: [2.0, 250.0] };
        let sum = |(a, b): (&u8, &u8)| {
            let other = f32::from(*b).mul_add(factors[1], 3.25);
            let y = f32::from(*a).mul_add(factors[0], other);
            y.clamp(2.0, 250.0).round_ties_even() as u8
        };
        let expected: Vec<u8> = a.iter().zip(&b).map(sum).collect();
        for isa in isas() {
            let mut found = vec![1u8; count];
            run(&Sum::new(isa, parameters, [&a, &b], found.as_mut_slice().into()));
            assert_eq!(found, expected, "{isa:?}");
        }
    }
}
