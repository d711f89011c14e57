//! Maps against naive twins, on every ISA.

use super::*;
use crate::SharedMut;
use crate::testing::{Random, check_close, isas, run};
use bytemuck::cast_slice;
use half::{bf16, f16};
use tensor::DType;
use tensor::scalar::{Binary, Unary};
use tensor::small::{self, Narrowing};

const UNARY: &[Unary] = &[
    Unary::Abs,
    Unary::Neg,
    Unary::Exp,
    Unary::Log,
    Unary::Sqrt,
    Unary::Reciprocal,
    Unary::Floor,
    Unary::Ceil,
    Unary::Round,
    Unary::Sign,
    Unary::Erf,
    Unary::Sin,
    Unary::Cos,
    Unary::Tanh,
    Unary::Sigmoid,
    Unary::Softplus,
    Unary::Relu,
    Unary::LeakyRelu { alpha: 0.25 },
    Unary::Elu { alpha: 1.5 },
    Unary::HardSigmoid { alpha: 0.25, beta: 0.5 },
    Unary::HardSwish,
    Unary::Silu,
    Unary::Gelu,
    Unary::GeluTanh,
    Unary::Clip { min: -0.5, max: 1.5 },
];

fn naive(op: Unary, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match op {
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round_ties_even(),
        Unary::Sign => {
            [x, -1.0, 0.0, 1.0][x.partial_cmp(&0.0).map_or(0, |o| 2 + o as i32) as usize]
        }
        Unary::Erf => libm::erf(x),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => sigmoid(x),
        Unary::Softplus => (1.0 + x.exp()).ln(),
        Unary::Relu => x.max(0.0),
        Unary::LeakyRelu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x
            }
        }
        Unary::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * (x.exp() - 1.0)
            }
        }
        Unary::HardSigmoid { alpha, beta } => {
            (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
        }
        Unary::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Unary::Silu => x * sigmoid(x),
        Unary::Gelu => x / 2.0 * (1.0 + libm::erf(x / 2f64.sqrt())),
        Unary::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            x / 2.0 * (1.0 + inner.tanh())
        }
        Unary::Clip { min, max } => x.clamp(f64::from(min), f64::from(max)),
        Unary::Not | Unary::IsNan => panic!("{op:?} yields booleans"),
    }
}

#[test]
fn functions_of_one_float_agree_with_the_naive_twin() {
    let mut random = Random::new(40);
    for (case, &op) in UNARY.iter().enumerate() {
        let len = [0, 1, 7, 16, 33, 1000, 40_000][case % 7];
        let mut input = random.floats(len);
        input.iter_mut().for_each(|x| *x *= 6.0);
        if matches!(op, Unary::Log | Unary::Sqrt) {
            input.iter_mut().for_each(|x| *x = x.abs());
        }
        let expected: Vec<f64> = input.iter().map(|&x| naive(op, f64::from(x))).collect();
        let bytes = cast_slice(&input);
        for isa in isas() {
            let mut out = vec![f32::NAN; len];
            let target = SharedMut::from_bytes_of(&mut out);
            run(&UnaryMap::new(isa, op, DType::F32, bytes, target));
            check_close(&out, &expected, 1e-6, &format!("{}: {op:?}", isa.name()));
            let mut in_place = input.clone();
            let data = SharedMut::from_bytes_of(&mut in_place);
            run(&UnaryMap::in_place(isa, op, DType::F32, data));
            assert_eq!(cast_slice::<f32, u32>(&in_place), cast_slice::<f32, u32>(&out));
        }
        let wide: Vec<f64> = input.iter().map(|&x| f64::from(x)).collect();
        let mut out = vec![f64::NAN; len];
        let target = SharedMut::from_bytes_of(&mut out);
        run(&UnaryMap::new(isas().next().unwrap(), op, DType::F64, cast_slice(&wide), target));
        let narrow: Vec<f32> = out.iter().map(|&x| x as f32).collect();
        check_close(&narrow, &expected, 1e-7, &format!("f64 {op:?}"));
    }
}

#[test]
fn a_function_does_not_depend_on_the_place() {
    let mut random = Random::new(41);
    for &op in UNARY {
        let x = random.floats(1)[0].abs();
        for isa in isas() {
            let mut out = [0.0f32; 37];
            let target = SharedMut::from_bytes_of(&mut out);
            run(&UnaryMap::new(isa, op, DType::F32, cast_slice(&[x; 37]), target));
            assert!(out.iter().all(|y| y.to_bits() == out[0].to_bits()), "{op:?} {out:?}");
        }
    }
}

#[test]
fn nan_is_kept_or_seen() {
    let input = [f32::NAN, 1.0, f32::INFINITY];
    for isa in isas() {
        for &op in UNARY {
            let mut out = [0.0f32; 3];
            let target = SharedMut::from_bytes_of(&mut out);
            run(&UnaryMap::new(isa, op, DType::F32, cast_slice(&input), target));
            assert!(out[0].is_nan(), "{}: {op:?} of NaN is {}", isa.name(), out[0]);
        }
        let mut out = [9u8; 3];
        let target = SharedMut::from(&mut out[..]);
        run(&UnaryMap::new(isa, Unary::IsNan, DType::F32, cast_slice(&input), target));
        assert_eq!(out, [1, 0, 0]);
    }
}

fn unary<T: bytemuck::Pod + Default>(op: Unary, dtype: DType, input: &[T]) -> Vec<T> {
    let mut out = vec![T::default(); input.len()];
    let target = SharedMut::from_bytes_of(&mut out);
    run(&UnaryMap::new(simd::Isa::Generic, op, dtype, cast_slice(input), target));
    out
}

#[test]
fn functions_of_integers_are_those_of_rust() {
    assert_eq!(unary(Unary::Abs, DType::I64, &[-3i64, 4, i64::MIN]), [3, 4, i64::MIN]);
    assert_eq!(unary(Unary::Sign, DType::I32, &[-3i32, 0, 7]), [-1, 0, 1]);
    assert_eq!(unary(Unary::Relu, DType::I32, &[-3i32, 5]), [0, 5]);
    let clip = Unary::Clip { min: -1.0, max: f32::INFINITY };
    assert_eq!(unary(clip, DType::I64, &[-3i64, i64::MAX]), [-1, i64::MAX]);
    assert_eq!(unary(Unary::Not, DType::Bool, &[0u8, 1, 2]), [1, 0, 0]);
}

type Exact = fn(f64, f64) -> f64;

const ARITHMETIC: &[(Binary, Exact)] = &[
    (Binary::Add, |a, b| a + b),
    (Binary::Sub, |a, b| a - b),
    (Binary::Mul, |a, b| a * b),
    (Binary::Div, |a, b| a / b),
    (Binary::Pow, f64::powf),
    (Binary::Max, f64::max),
    (Binary::Min, f64::min),
    (Binary::Mod, |a, b| a - (a / b).floor() * b),
    (Binary::Fmod, |a, b| a - (a / b).trunc() * b),
];

#[test]
fn functions_of_two_floats_agree_with_the_naive_twin() {
    let mut random = Random::new(42);
    let shapes: &[(&[usize], &[usize], &[usize])] = &[
        (&[5, 7], &[5, 7], &[5, 7]),
        (&[2, 3, 40], &[40], &[2, 3, 40]),
        (&[4, 1, 17], &[3, 1], &[4, 3, 17]),
        (&[], &[33], &[33]),
        (&[33], &[], &[33]),
        (&[], &[], &[]),
        (&[2, 1, 3, 1], &[1, 4, 1, 5], &[2, 4, 3, 5]),
        (&[200, 200], &[200, 1], &[200, 200]),
        (&[0, 3], &[3], &[0, 3]),
    ];
    for &(op, exact) in ARITHMETIC {
        for &(a_shape, b_shape, shape) in shapes {
            let count = |shape: &[usize]| shape.iter().product();
            let (a, b): (Vec<f32>, Vec<f32>) = (
                // Away from the steps of the remainders and the poles of quotients.
                random.floats(count(a_shape)).iter().map(|x| x.abs() + 0.1).collect(),
                random.floats(count(b_shape)).iter().map(|x| x.abs() + 1.2).collect(),
            );
            let nest = nest::Nest::new(shape, [a_shape, b_shape]);
            let mut expected = vec![0.0; nest.len()];
            nest.rows(0..nest.len(), |at, len, [from_a, from_b]| {
                for i in 0..len {
                    let x = f64::from(a[from_a + i * nest.inner()[0]]);
                    expected[at + i] = exact(x, f64::from(b[from_b + i * nest.inner()[1]]));
                }
            });
            let a = Operand { bytes: cast_slice(&a), shape: a_shape };
            let b = Operand { bytes: cast_slice(&b), shape: b_shape };
            for isa in isas() {
                let mut out = vec![f32::NAN; expected.len()];
                let target = SharedMut::from_bytes_of(&mut out);
                run(&BinaryMap::new(isa, op, DType::F32, a, b, shape, target));
                check_close(&out, &expected, 1e-6, &format!("{}: {op:?} {shape:?}", isa.name()));
            }
        }
    }
}

fn pairs<T: bytemuck::Pod, O: bytemuck::Pod + Default>(
    op: Binary,
    dtype: DType,
    a: &[T],
    b: &[T],
) -> Vec<O> {
    let mut out = vec![O::default(); a.len()];
    let shape = [a.len()];
    let operand = |x| Operand { bytes: cast_slice(x), shape: &shape };
    let target = SharedMut::from_bytes_of(&mut out);
    let isa = simd::Isa::best();
    run(&BinaryMap::new(isa, op, dtype, operand(a), operand(b), &shape, target));
    out
}

#[test]
fn special_pairs_follow_the_definitions() {
    let nan = f32::NAN;
    let max: Vec<f32> = pairs(Binary::Max, DType::F32, &[nan, 1.0, 1.0], &[1.0, nan, 2.0]);
    assert!(max[0].is_nan() && max[1].is_nan() && max[2] == 2.0);
    let squares: Vec<f32> = pairs(Binary::Pow, DType::F32, &[-3.0f32, 2.0], &[2.0, -1.0]);
    assert_eq!(squares, [9.0, 0.5]);
    let modulo: Vec<f32> = pairs(Binary::Mod, DType::F32, &[-5.0f32, 5.0], &[3.0, -3.0]);
    assert_eq!(modulo, [1.0, -1.0]);
    let modulo: Vec<i64> = pairs(Binary::Mod, DType::I64, &[-5i64, 5, 1], &[3, -3, 0]);
    assert_eq!(modulo, [1, -1, 0]);
    let fmod: Vec<i32> = pairs(Binary::Fmod, DType::I32, &[-5i32, 5], &[3, -3]);
    assert_eq!(fmod, [-2, 2]);
    let quotients: Vec<i32> = pairs(Binary::Div, DType::I32, &[-7i32, 7, i32::MIN], &[2, 0, -1]);
    assert_eq!(quotients, [-3, 0, i32::MIN]);
    let powers: Vec<i64> = pairs(Binary::Pow, DType::I64, &[3i64, -1, 2], &[4, -3, -1]);
    assert_eq!(powers, [81, -1, 0]);
    let sums: Vec<u8> = pairs(Binary::Add, DType::U8, &[250u8], &[10]);
    assert_eq!(sums, [4]);
    let less: Vec<u8> = pairs(Binary::LessOrEqual, DType::F32, &[1.0, 2.0, nan], &[1.0, 1.0, 1.0]);
    assert_eq!(less, [1, 0, 0]);
    let both: Vec<u8> = pairs(Binary::And, DType::Bool, &[1u8, 2, 0], &[1, 1, 1]);
    assert_eq!(both, [1, 1, 0]);
}

#[test]
fn choices_are_broadcast() {
    let condition = Operand { bytes: &[1, 0, 2], shape: &[3, 1] };
    let (a, b) = ([1i64, 2], [-1i64]);
    let a = Operand { bytes: cast_slice(&a), shape: &[2] };
    let b = Operand { bytes: cast_slice(&b), shape: &[] };
    let mut out = [0i64; 6];
    let target = SharedMut::from_bytes_of(&mut out);
    run(&Select::new(DType::I64, condition, a, b, &[3, 2], target));
    assert_eq!(out, [1, 2, -1, -1, 1, 2]);
}

fn cast<S: bytemuck::Pod, T: bytemuck::Pod + Default>(
    from: DType,
    input: &[S],
    to: DType,
) -> Vec<T> {
    let mut out = vec![T::default(); input.len()];
    run(&Cast::new(
        simd::Isa::best(),
        from,
        cast_slice(input),
        to,
        SharedMut::from_bytes_of(&mut out),
    ));
    out
}

#[test]
fn casts_are_those_of_rust() {
    let floats = [1.9f32, -1.9, 300.0, f32::NAN, f32::NEG_INFINITY, 0.0];
    assert_eq!(cast::<_, i8>(DType::F32, &floats, DType::I8), [1, -1, 127, 0, -128, 0]);
    assert_eq!(cast::<_, u8>(DType::F32, &floats, DType::U8), [1, 0, 255, 0, 0, 0]);
    assert_eq!(cast::<_, u8>(DType::F32, &floats, DType::Bool), [1, 1, 1, 1, 1, 0]);
    assert_eq!(cast::<_, f32>(DType::Bool, &[0u8, 1, 255], DType::F32), [0.0, 1.0, 1.0]);
    assert_eq!(cast::<_, i32>(DType::I64, &[-1i64, 1 << 32 | 5], DType::I32), [-1, 5]);
    let halves = [f16::from_f32(0.5), f16::from_f32(-65504.0)];
    assert_eq!(cast::<_, f32>(DType::F16, &halves, DType::F32), [0.5, -65504.0]);
    let brain = [bf16::from_f32(1.0078125)];
    assert_eq!(cast::<_, bf16>(DType::F32, &[1.0078125f32], DType::BF16), brain);
    assert_eq!(cast::<_, f32>(DType::I64, &[16_777_217i64], DType::F32), [16_777_216.0]);
}

#[test]
fn small_elements_are_cast_by_their_table() {
    let numbers = [0.3f32, -1.75, 2.5, 1e9, f32::NEG_INFINITY, 19.0];
    let integers = [5i64, -3, 1 << 40 | 9];
    for dtype in DType::ALL.into_iter().filter(|dtype| dtype.is_small()) {
        let expected = numbers.map(|x| small::from_f64(dtype, x.into(), Narrowing::default()));
        assert_eq!(cast::<_, u8>(DType::F32, &numbers, dtype), expected, "{dtype}");
        let expected = integers.map(|x| small::from_f64(dtype, x as f64, Narrowing::default()));
        assert_eq!(cast::<_, u8>(DType::I64, &integers, dtype), expected, "{dtype}");
        let bytes: Vec<u8> = (0..=255).collect();
        let found = cast::<_, f64>(dtype, &bytes, DType::F64);
        let expected = small::table(dtype);
        assert!(found.iter().zip(expected).all(|(f, e)| f.total_cmp(&e).is_eq() || e.is_nan()));
    }
}

#[test]
fn every_type_is_cast_to_every_other() {
    // Powers of two have no zero.
    let types = DType::ALL.into_iter().filter(|&dtype| dtype != DType::F8E8M0);
    for from in types.clone() {
        for to in types.clone() {
            let mut first = tensor::Tensor::zeros(from, &[3]).unwrap();
            run(&Cast::new(
                simd::Isa::best(),
                DType::Bool,
                &[1, 0, 1],
                from,
                SharedMut::from(first.bytes_mut()),
            ));
            let mut second = tensor::Tensor::zeros(to, &[3]).unwrap();
            run(&Cast::new(
                simd::Isa::best(),
                from,
                first.bytes(),
                to,
                SharedMut::from(second.bytes_mut()),
            ));
            let mut back = [9u8; 3];
            run(&Cast::new(
                simd::Isa::best(),
                to,
                second.bytes(),
                DType::Bool,
                SharedMut::from(&mut back[..]),
            ));
            assert_eq!(back, [1, 0, 1], "{from} to {to}");
        }
    }
}
