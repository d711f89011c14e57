//! Normalizations against naive twins, on every ISA.

use super::*;
use crate::testing::{Random, check_close, dot_tolerance, isas, run};
use crate::{FloatsMut, SharedMut};

#[test]
fn softmax_agrees_with_the_naive_twin() {
    let mut random = Random::new(60);
    let mut shapes = vec![[1, 1, 1], [2, 1000, 1], [3, 17, 5], [1, 197, 300], [0, 3, 1]];
    shapes.extend((0..12).map(|_| [(); 3].map(|()| random.between(1, 40))));
    for &[outer, axis, inner] in &shapes {
        let input: Vec<f32> =
            random.floats(outer * axis * inner).iter().map(|x| x * 20.0 + 80.0).collect();
        for is_log in [false, true] {
            let exact = |at: usize| {
                let start = at / (axis * inner) * axis * inner + at % inner;
                let x = |a: usize| f64::from(input[start + a * inner]);
                let sum: f64 = (0..axis).map(|a| x(a).exp()).sum();
                let y = f64::from(input[at]).exp() / sum;
                if is_log { y.ln() } else { y }
            };
            let expected: Vec<f64> = (0..input.len()).map(exact).collect();
            for isa in isas() {
                let mut out = vec![f32::NAN; input.len()];
                let target = SharedMut::from(&mut out[..]);
                let sizes = [outer, axis, inner];
                run(&if is_log {
                    Softmax::log(isa, sizes, &input, target)
                } else {
                    Softmax::new(isa, sizes, &input, target)
                });
                let what = format!("{}: log {is_log} {sizes:?}", isa.name());
                // Logarithms lose what lies below the last place of the largest input.
                let tolerance = if is_log { 2e-5 } else { dot_tolerance(axis) };
                check_close(&out, &expected, tolerance, &what);
            }
        }
    }
}

#[test]
fn layer_norms_agree_with_the_naive_twin() {
    let mut random = Random::new(61);
    for width in [1, 3, 16, 17, 192, 768, 1001] {
        let rows = random.between(1, 40);
        let input: Vec<f32> = random.floats(rows * width).iter().map(|x| x * 3.0 + 10.0).collect();
        let (scale, bias) = (random.floats(width), random.floats(width));
        let epsilon = 1e-5;
        for (is_centered, with_bias) in [(true, true), (true, false), (false, false)] {
            let exact = |at: usize| {
                let row = &input[at / width * width..][..width];
                let mean = |f: &dyn Fn(f64) -> f64| {
                    row.iter().map(|&x| f(f64::from(x))).sum::<f64>() / width as f64
                };
                let center = if is_centered { mean(&|x| x) } else { 0.0 };
                let deviation = (mean(&|x| (x - center).powi(2)) + f64::from(epsilon)).sqrt();
                let y = (f64::from(input[at]) - center) / deviation;
                let bias = if with_bias { f64::from(bias[at % width]) } else { 0.0 };
                y * f64::from(scale[at % width]) + bias
            };
            let expected: Vec<f64> = (0..input.len()).map(exact).collect();
            for isa in isas() {
                let mut out = vec![f32::NAN; input.len()];
                let target = SharedMut::from(&mut out[..]);
                let sizes = [rows, width];
                if is_centered {
                    let bias = with_bias.then_some(&bias[..]);
                    run(&LayerNorm::new(isa, sizes, &input, &scale, bias, epsilon, target));
                } else {
                    run(&RmsNorm::new(isa, sizes, &input, &scale, epsilon, target));
                }
                let what = format!("{}: {sizes:?} centered {is_centered}", isa.name());
                check_close(&out, &expected, 10.0 * dot_tolerance(width), &what);
                if is_centered {
                    let mut short = vec![0u16; input.len()];
                    let target = FloatsMut::Bf16(SharedMut::from(&mut short[..]));
                    let bias = with_bias.then_some(&bias[..]);
                    run(&LayerNorm::new(isa, sizes, &input, &scale, bias, epsilon, target));
                    let rounded = out.iter().map(|&x| half::bf16::from_f32(x).to_bits());
                    assert_eq!(short, rounded.collect::<Vec<u16>>(), "{what} as bf16");
                }
            }
        }
    }
}

#[test]
fn local_response_agrees_with_the_naive_twin() {
    let mut random = Random::new(62);
    for (channels, size) in [(64, 5), (7, 3), (33, 4), (5, 9), (1, 1), (48, 2)] {
        let rows = random.between(1, 30);
        let input = random.floats(rows * channels);
        for beta in [0.75, 0.5] {
            let (alpha, bias) = (0.3f32, 1.5f32);
            let exact = |at: usize| {
                let channel = at % channels;
                let first = channel.saturating_sub((size - 1) / 2);
                let last = (channel + size / 2).min(channels - 1);
                let row = &input[at - channel..][..channels];
                let sum: f64 = row[first..=last].iter().map(|&x| f64::from(x).powi(2)).sum();
                let base = f64::from(bias) + f64::from(alpha) / size as f64 * sum;
                f64::from(input[at]) / base.powf(f64::from(beta))
            };
            let expected: Vec<f64> = (0..input.len()).map(exact).collect();
            for isa in isas() {
                let mut out = vec![f32::NAN; input.len()];
                let target = SharedMut::from(&mut out[..]);
                let (sizes, parameters) = ([rows, channels], [alpha, beta, bias]);
                run(&LocalResponseNorm::new(isa, sizes, size, parameters, &input, target));
                let what = format!("{}: {channels} channels, window {size}", isa.name());
                check_close(&out, &expected, dot_tolerance(size), &what);
            }
        }
    }
}
