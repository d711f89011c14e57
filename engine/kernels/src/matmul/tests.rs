//! Products against a naive twin, on every ISA.

use super::*;
use crate::testing::{ROUNDED, Random, check_close, dot_tolerance, halves, isas, run, widened};
use crate::{Floats, FloatsMut, SharedMut};
use tensor::scalar::Unary;

/// `c[i][j] = sum over l of a[i * a_rows + l * a_columns] * b[l * b_rows + j * b_columns]`
fn naive(
    [m, k, n]: [usize; 3],
    (a, a_rows, a_columns): (&[f32], usize, usize),
    (b, b_rows, b_columns): (&[f32], usize, usize),
) -> Vec<f64> {
    let product = |i: usize, j: usize, l: usize| {
        f64::from(a[i * a_rows + l * a_columns]) * f64::from(b[l * b_rows + j * b_columns])
    };
    (0..m * n).map(|at| (0..k).map(|l| product(at / n, at % n, l)).sum()).collect()
}

fn naive_activation(activation: Option<Unary>, x: f64) -> f64 {
    match activation {
        None => x,
        Some(Unary::Relu) => x.max(0.0),
        Some(Unary::Clip { min, max }) => x.max(f64::from(min)).min(f64::from(max)),
        Some(Unary::Sigmoid) => 1.0 / (1.0 + (-x).exp()),
        Some(Unary::Tanh) => x.tanh(),
        Some(other) => panic!("no naive {other:?}"),
    }
}

fn packed(b: &[f32], k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; packed_len(k, n)];
    pack(b, k, n, n, 1, &mut out);
    out
}

const SHAPES: &[[usize; 3]] = &[
    [1, 1, 1],
    [1, 3, 1000],
    [14, 8, 32],
    [15, 7, 33],
    [29, 64, 48],
    [3, 0, 5],
    [0, 4, 5],
    [5, 4, 0],
    [97, 129, 65],
    [1, 1280, 100],
    [300, 16, 17],
];

#[test]
fn products_agree_with_the_naive_twin() {
    let mut random = Random::new(1);
    let mut shapes = SHAPES.to_vec();
    shapes.extend((0..20).map(|_| [(); 3].map(|()| random.between(1, 70))));
    let activations = [
        None,
        Some(Unary::Relu),
        Some(Unary::Clip { min: -0.5, max: 0.25 }),
        Some(Unary::Sigmoid),
        Some(Unary::Tanh),
    ];
    for (case, &[m, k, n]) in shapes.iter().enumerate() {
        let stride = k + random.below(3);
        let (a, b) = (random.floats(m * stride + 2), random.floats(k * n));
        let (bias, residual) = (random.floats(n), random.floats(m * n));
        let epilogue = Epilogue {
            bias: random.flip().then_some(&bias),
            residual: random.flip().then_some((&residual).into()),
            activation: activations[case % activations.len()],
            ..Epilogue::default()
        };
        let mut expected = naive([m, k, n], (&a, stride, 1), (&b, n, 1));
        for (at, x) in expected.iter_mut().enumerate() {
            let sum = *x
                + epilogue.bias.map_or(0.0, |bias| f64::from(bias[at % n]))
                + epilogue.residual.map_or(0.0, |_| f64::from(residual[at]));
            *x = naive_activation(epilogue.activation, sum);
        }
        let b = packed(&b, k, n);
        for isa in isas() {
            let mut out = vec![f32::NAN; m * n];
            run(&MatMul::new(
                isa,
                [m, k, n],
                &a,
                stride,
                Packed::F32(&b),
                epilogue,
                SharedMut::from(&mut out[..]),
            ));
            let what = format!("{}: {m}x{k}x{n} {epilogue:?}", isa.name());
            check_close(&out, &expected, dot_tolerance(k), &what);
        }
    }
}

/// Rounded to the nearest bf16.
pub(crate) fn rounded(floats: &[f32]) -> Vec<f32> {
    floats.iter().map(|&x| half::bf16::from_f32(x).to_f32()).collect()
}

#[test]
fn bf16_products_agree_with_the_naive_twin_of_rounded_operands() {
    let mut random = Random::new(4);
    let mut shapes = SHAPES.to_vec();
    shapes.extend((0..20).map(|_| [(); 3].map(|()| random.between(1, 70))));
    for &[m, k, n] in &shapes {
        let stride = k + random.below(3);
        let (a, b) = (random.floats(m * stride + 2), random.floats(k * n));
        let bias = random.floats(n);
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        let expected = naive([m, k, n], (&rounded(&a), stride, 1), (&rounded(&b), n, 1));
        let expected: Vec<f64> =
            expected.iter().enumerate().map(|(at, x)| x + f64::from(bias[at % n])).collect();
        let mut packed = vec![0xffff; packed_bf16_len(k, n)];
        pack_bf16(&b, k, n, &mut packed);
        let b = Packed::Bf16(&packed);
        for isa in isas() {
            let mut out = vec![f32::NAN; m * n];
            run(&MatMul::new(
                isa,
                [m, k, n],
                &a,
                stride,
                b,
                epilogue,
                SharedMut::from(&mut out[..]),
            ));
            let what = format!("{}: {m}x{k}x{n} in bf16", isa.name());
            check_close(&out, &expected, dot_tolerance(k), &what);
        }
    }
}

#[test]
fn bf16_is_read_and_written_as_rows_lie() {
    let mut random = Random::new(6);
    for case in 0..40 {
        let [m, k, n] = [(); 3].map(|()| random.between(1, 70));
        let stride = k + random.below(3);
        let (a, b) = (halves(&random.floats(m * stride + 2)), random.floats(k * n));
        let (bias, residual) = (random.floats(n), halves(&random.floats(m * n)));
        let activation = [None, Some(Unary::Relu), Some(Unary::Tanh)][case % 3];
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some(Floats::Bf16(&residual)),
            activation,
            ..Epilogue::default()
        };
        let sums = naive([m, k, n], (&widened(&a), stride, 1), (&rounded(&b), n, 1));
        let finish = |(at, sum): (usize, &f64)| {
            let other = f64::from(widened(&residual[at..=at])[0]);
            naive_activation(activation, sum + f64::from(bias[at % n]) + other)
        };
        let expected: Vec<f64> = sums.iter().enumerate().map(finish).collect();
        let mut packed = vec![0xffff; packed_bf16_len(k, n)];
        pack_bf16(&b, k, n, &mut packed);
        for isa in isas() {
            let mut out = vec![0xffff; m * n];
            let (a, b) = (Floats::Bf16(&a), Packed::Bf16(&packed));
            let target = FloatsMut::Bf16(SharedMut::from(&mut out[..]));
            run(&MatMul::new(isa, [m, k, n], a, stride, b, epilogue, target));
            let what = format!("{}: {m}x{k}x{n} bf16 {activation:?}", isa.name());
            check_close(&widened(&out), &expected, ROUNDED + dot_tolerance(k), &what);
        }
    }
}

#[test]
fn narrowing_rounds_to_the_nearest_even_and_keeps_what_is_no_number() {
    let special =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0, -0.0, 1.0 + 2f32.powi(-8)];
    let mut random = Random::new(5);
    let floats = [&special[..], &random.floats(30)].concat();
    let expected: Vec<u16> = floats.iter().map(|&x| half::bf16::from_f32(x).to_bits()).collect();
    for isa in isas() {
        for count in 0..floats.len() {
            let mut found = vec![0xaaaa; count + 1];
            let narrow = Kernel::bf16(isa).narrow;
            // SAFETY: both hold `count` numbers, and this CPU has the ISA.
            unsafe { narrow(floats.as_ptr(), count, found.as_mut_ptr()) };
            for (at, (&found, &expected)) in found[..count].iter().zip(&expected).enumerate() {
                let both_nan = [found, expected].map(|x| half::bf16::from_bits(x).is_nan());
                let is_same = found == expected || both_nan == [true; 2];
                assert!(is_same, "{}: {} of {count}: {found:x}", isa.name(), floats[at]);
            }
            assert_eq!(found[count], 0xaaaa, "{}: written beyond {count}", isa.name());
        }
    }
}

#[test]
fn products_of_bytes_are_exact_on_every_isa() {
    let mut random = Random::new(6);
    let mut shapes = SHAPES.to_vec();
    shapes.extend((0..20).map(|_| [(); 3].map(|()| random.between(1, 70))));
    for (case, &[m, k, n]) in shapes.iter().enumerate() {
        // Extremes in some cases: a sum of two products of 255 and -128 does not fit in 16 bits.
        let a: Vec<u8> = match case % 3 {
            0 => vec![255; m * k],
            _ => (0..m * k).map(|_| random.below(256) as u8).collect(),
        };
        let b: Vec<i8> = match case % 3 {
            0 => vec![-128; k * n],
            _ => (0..k * n).map(|_| random.below(256) as u8 as i8).collect(),
        };
        let scales: Vec<f32> = (0..n).map(|j| 2f32.powi((j % 5) as i32 - 2)).collect();
        let expected: Vec<f32> = (0..m * n)
            .map(|at| {
                let (i, j) = (at / n, at % n);
                let products = (0..k).map(|l| i32::from(a[i * k + l]) * i32::from(b[l * n + j]));
                products.sum::<i32>() as f32 * scales[j]
            })
            .collect();
        let mut packed = vec![-1; packed_int8_len(k, n)];
        pack_int8(&b, k, n, &mut packed);
        let b = Packed::Int8(Int8 { weights: &packed, scales: &scales, zero: 0 });
        for isa in isas() {
            let mut out = vec![f32::NAN; m * n];
            let target = SharedMut::from(&mut out[..]);
            let a = Floats::U8(&a);
            run(&MatMul::new(isa, [m, k, n], a, k, b, Epilogue::default(), target));
            assert_eq!(out, expected, "{}: {m}x{k}x{n}", isa.name());
            let mut out = vec![1; m * n];
            let target = FloatsMut::U8(SharedMut::from(&mut out[..]));
            run(&MatMul::new(isa, [m, k, n], a, k, b, Epilogue::default(), target));
            let bytes: Vec<u8> = expected.iter().map(|x| x.round_ties_even() as u8).collect();
            assert_eq!(out, bytes, "{}: {m}x{k}x{n}", isa.name());
        }
    }
}

#[test]
fn a_row_has_the_same_bits_wherever_it_stands() {
    let mut random = Random::new(2);
    let (k, n) = (77, 50);
    let row = random.floats(k);
    let b = packed(&random.floats(k * n), k, n);
    for isa in isas() {
        let mut alone = vec![0.0; n];
        let one = SharedMut::from(&mut alone[..]);
        run(&MatMul::new(isa, [1, k, n], &row, k, Packed::F32(&b), Epilogue::default(), one));
        for m in [2, 5, 13, 14, 15, 28, 200] {
            let a = row.repeat(m);
            let mut out = vec![0.0; m * n];
            let many = SharedMut::from(&mut out[..]);
            run(&MatMul::new(isa, [m, k, n], &a, k, Packed::F32(&b), Epilogue::default(), many));
            assert_eq!(out, alone.repeat(m), "{}: {m} rows", isa.name());
        }
    }
}

#[test]
fn dynamic_products_agree_with_the_naive_twin() {
    let mut random = Random::new(3);
    let mut shapes = vec![[197, 64, 197], [1, 5, 1], [50, 300, 40], [2, 0, 3], [33, 9000, 40]];
    shapes.extend((0..12).map(|_| [(); 3].map(|()| random.between(1, 60))));
    for &[m, k, n] in &shapes {
        let (a, b) = (random.floats(3 * m * k + 1), random.floats(2 * k * n + 1));
        let (a_offsets, b_offsets) = ([0, m * k, 2 * m * k], [k * n, 0, 0]);
        let transposed = |yes: bool, rows: usize, columns: usize| {
            if yes { (1, rows) } else { (columns, 1) }
        };
        let (a_rows, a_columns) = transposed(random.flip(), m, k);
        let (b_rows, b_columns) = transposed(random.flip(), k, n);
        let mut expected = Vec::new();
        for i in 0..3 {
            let (a, b) = (&a[a_offsets[i]..], &b[b_offsets[i]..]);
            expected.extend(naive([m, k, n], (a, a_rows, a_columns), (b, b_rows, b_columns)));
        }
        let a =
            Matrix { data: &a, offsets: &a_offsets, row_stride: a_rows, column_stride: a_columns };
        let b =
            Matrix { data: &b, offsets: &b_offsets, row_stride: b_rows, column_stride: b_columns };
        for isa in isas() {
            let mut out = vec![f32::NAN; 3 * m * n];
            run(&BatchMatMul::new(isa, [m, k, n], a, b, SharedMut::from(&mut out[..])));
            let what = format!("{}: {m}x{k}x{n} strides {a_rows} {b_rows}", isa.name());
            check_close(&out, &expected, dot_tolerance(k), &what);
        }
    }
}

#[test]
#[should_panic(expected = "leaves the buffer")]
fn a_matrix_that_leaves_its_buffer_is_refused() {
    let data = [0.0; 12];
    let a = Matrix { data: &data, offsets: &[0], row_stride: 4, column_stride: 1 };
    let b = Matrix { data: &data, offsets: &[1], row_stride: 3, column_stride: 1 };
    let mut out = [0.0; 9];
    BatchMatMul::new(Isa::Generic, [3, 4, 3], a, b, SharedMut::from(&mut out[..]));
}

#[test]
fn pieces_depend_on_the_shape_only() {
    let (m, k, n) = (400, 300, 200);
    let (a, b) = (vec![0.0; m * k], vec![0.0; packed_len(k, n)]);
    let mut counts = Vec::new();
    for isa in isas() {
        let mut out = vec![0.0; m * n];
        let out = SharedMut::from(&mut out[..]);
        counts.push(
            MatMul::new(isa, [m, k, n], &a, k, Packed::F32(&b), Epilogue::default(), out).tasks(),
        );
    }
    assert!(counts[0] > 8, "a product of 24 million multiply-adds should feed many threads");
    assert!(counts.iter().all(|&count| count == counts[0]));
}

use crate::Task;
