use crate::{bools, check, check_refused, t};
use ir::Op;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Tensor};

#[track_caller]
fn check_float(function: Unary, cases: &[(f32, f32)]) {
    let (x, y): (Vec<f32>, Vec<f32>) = cases.iter().copied().unzip();
    check(Op::Unary(function), &[&t(&[x.len()], &x)], &t(&[y.len()], &y));
}

#[test]
fn functions_of_one_float() {
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    check_float(Unary::Abs, &[(-1.5, 1.5), (2.0, 2.0), (-INF, INF), (NAN, NAN)]);
    check_float(Unary::Neg, &[(-1.5, 1.5), (2.0, -2.0)]);
    check_float(Unary::Exp, &[(0.0, 1.0), (1.0, std::f32::consts::E), (-INF, 0.0)]);
    check_float(Unary::Log, &[(1.0, 0.0), (10.0, std::f32::consts::LN_10), (0.0, -INF)]);
    check_float(Unary::Sqrt, &[(4.0, 2.0), (2.0, std::f32::consts::SQRT_2), (-1.0, NAN)]);
    check_float(Unary::Reciprocal, &[(4.0, 0.25), (0.0, INF)]);
    check_float(Unary::Floor, &[(-1.5, -2.0), (1.2, 1.0)]);
    check_float(Unary::Ceil, &[(-1.5, -1.0), (1.2, 2.0)]);
    check_float(Unary::Round, &[(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-4.5, -4.0), (0.9, 1.0)]);
    check_float(Unary::Sign, &[(-3.0, -1.0), (0.0, 0.0), (7.0, 1.0), (NAN, NAN)]);
    // erf(1/2) and erf(1) from Abramowitz & Stegun, table 7.1.
    check_float(Unary::Erf, &[(0.0, 0.0), (0.5, 0.520_499_9), (-1.0, -0.842_700_8)]);
    check_float(Unary::Sin, &[(0.0, 0.0), (1.0, 0.841_471)]);
    check_float(Unary::Cos, &[(0.0, 1.0), (1.0, 0.540_302_3)]);
    check_float(Unary::Tanh, &[(0.0, 0.0), (1.0, 0.761_594_2), (100.0, 1.0)]);
    check_float(Unary::Sigmoid, &[(0.0, 0.5), (1.0, 0.731_058_6), (-INF, 0.0), (INF, 1.0)]);
    check_float(
        Unary::Softplus,
        &[(0.0, std::f32::consts::LN_2), (1.0, 1.313_261_7), (200.0, 200.0)],
    );
    check_float(Unary::Relu, &[(-1.0, 0.0), (2.0, 2.0), (NAN, NAN)]);
    check_float(Unary::LeakyRelu { alpha: 0.1 }, &[(-1.0, -0.1), (0.0, 0.0), (1.0, 1.0)]);
    check_float(Unary::Elu { alpha: 2.0 }, &[(-1.0, -1.264_241_1), (0.0, 0.0), (1.0, 1.0)]);
    let hard_sigmoid = Unary::HardSigmoid { alpha: 0.5, beta: 0.625 };
    check_float(hard_sigmoid, &[(-1.0, 0.125), (0.0, 0.625), (1.0, 1.0), (-9.0, 0.0)]);
    check_float(Unary::HardSwish, &[(-3.0, 0.0), (-1.5, -0.375), (3.0, 3.0), (0.0, 0.0)]);
    check_float(Unary::Silu, &[(0.0, 0.0), (1.0, 0.731_058_6), (-INF, 0.0)]);
    check_float(Unary::Gelu, &[(0.0, 0.0), (1.0, 0.841_344_8), (-1.0, -0.158_655_26)]);
    check_float(Unary::GeluTanh, &[(0.0, 0.0), (1.0, 0.841_192), (-1.0, -0.158_808_01)]);
    let clip = Unary::Clip { min: -1.0, max: 6.0 };
    check_float(clip, &[(-2.0, -1.0), (0.5, 0.5), (7.0, 6.0), (NAN, NAN)]);
}

#[test]
fn functions_of_integers_and_booleans() {
    let x = t(&[3], &[-5i8, 0, i8::MIN]);
    check(Op::Unary(Unary::Abs), &[&x], &t(&[3], &[5i8, 0, i8::MIN]));
    check(Op::Unary(Unary::Sign), &[&x], &t(&[3], &[-1i8, 0, -1]));
    check(Op::Unary(Unary::Relu), &[&x], &t(&[3], &[0i8, 0, 0]));
    check(Op::Unary(Unary::Neg), &[&t(&[1], &[1u8])], &t(&[1], &[255u8]));
    check(Op::Unary(Unary::Not), &[&bools(&[2], &[true, false])], &bools(&[2], &[false, true]));
    let y = bools(&[2], &[true, false]);
    check(Op::Unary(Unary::IsNan), &[&t(&[2], &[f32::NAN, 1.0])], &y);
    let message = "unary: input 0: expected bool, found f32";
    check_refused(Op::Unary(Unary::Not), &[&t(&[1], &[1.0f32])], message);
}

#[test]
fn functions_of_two_floats() {
    let a = t(&[4], &[7.0f32, -7.0, 5.5, f32::NAN]);
    let b = t(&[4], &[3.0f32, 3.0, -2.0, 1.0]);
    let floats = |f: Binary, y: [f32; 4]| check(Op::Binary(f), &[&a, &b], &t(&[4], &y));
    floats(Binary::Add, [10.0, -4.0, 3.5, f32::NAN]);
    floats(Binary::Sub, [4.0, -10.0, 7.5, f32::NAN]);
    floats(Binary::Mul, [21.0, -21.0, -11.0, f32::NAN]);
    floats(Binary::Div, [7.0 / 3.0, -7.0 / 3.0, -2.75, f32::NAN]);
    floats(Binary::Pow, [343.0, -343.0, 0.033_057_85, f32::NAN]);
    floats(Binary::Max, [7.0, 3.0, 5.5, f32::NAN]);
    floats(Binary::Min, [3.0, -7.0, -2.0, f32::NAN]);
    floats(Binary::Mod, [1.0, 2.0, -0.5, f32::NAN]);
    floats(Binary::Fmod, [1.0, -1.0, 1.5, f32::NAN]);
    let booleans = |f, y: [bool; 4]| check(Op::Binary(f), &[&a, &b], &bools(&[4], &y));
    booleans(Binary::Equal, [false; 4]);
    booleans(Binary::Less, [false, true, false, false]);
    booleans(Binary::LessOrEqual, [false, true, false, false]);
    booleans(Binary::Greater, [true, false, true, false]);
    booleans(Binary::GreaterOrEqual, [true, false, true, false]);
}

#[test]
fn functions_of_two_integers_wrap_and_round_towards_zero() {
    let (a, b) = (t(&[4], &[-7i32, 7, 5, i32::MAX]), t(&[4], &[3i32, -3, 0, 2]));
    let integers = |f, y: [i32; 4]| check(Op::Binary(f), &[&a, &b], &t(&[4], &y));
    integers(Binary::Add, [-4, 4, 5, i32::MIN + 1]);
    integers(Binary::Mul, [-21, -21, 0, -2]);
    integers(Binary::Div, [-2, -2, 0, i32::MAX / 2]);
    integers(Binary::Mod, [2, -2, 0, 1]);
    integers(Binary::Fmod, [-1, 1, 0, 1]);
    integers(Binary::Pow, [-343, 0, 1, 1]);
    let (a, b) = (t(&[2], &[u64::MAX, 1]), t(&[2], &[u64::MAX, 2]));
    check(Op::Binary(Binary::Mul), &[&a, &b], &t(&[2], &[1u64, 2]));
    check(Op::Binary(Binary::Sub), &[&a, &b], &t(&[2], &[0u64, u64::MAX]));
    check(Op::Binary(Binary::Less), &[&a, &b], &bools(&[2], &[false, true]));
}

#[test]
fn logic() {
    let a = bools(&[4], &[false, false, true, true]);
    let b = bools(&[4], &[false, true, false, true]);
    let check = |f, y: [bool; 4]| check(Op::Binary(f), &[&a, &b], &bools(&[4], &y));
    check(Binary::And, [false, false, false, true]);
    check(Binary::Or, [false, true, true, true]);
    check(Binary::Xor, [false, true, true, false]);
    check(Binary::Equal, [true, false, false, true]);
}

#[test]
fn operands_are_broadcast() {
    let column = t(&[2, 1], &[10.0f32, 20.0]);
    let row = t(&[3], &[1.0f32, 2.0, 3.0]);
    let y = t(&[2, 3], &[11.0f32, 12.0, 13.0, 21.0, 22.0, 23.0]);
    check(Op::Binary(Binary::Add), &[&column, &row], &y);
    check(Op::Binary(Binary::Add), &[&row, &column], &y);
    let empty = t::<f32>(&[0, 1], &[]);
    check(Op::Binary(Binary::Add), &[&empty, &row], &t::<f32>(&[0, 3], &[]));
    let message = "binary: shapes [3] and [2] do not broadcast";
    check_refused(Op::Binary(Binary::Add), &[&row, &t(&[2], &[1.0f32, 2.0])], message);
}

#[test]
fn select_picks_by_condition() {
    let condition = bools(&[2, 1], &[true, false]);
    let (a, b) = (t(&[2], &[1i64, 2]), t(&[1], &[9i64]));
    check(Op::Select, &[&condition, &a, &b], &t(&[2, 2], &[1i64, 2, 9, 9]));
}

#[test]
fn casts_saturate_floats_and_wrap_integers() {
    let x = t(&[5], &[-1.9f32, 300.0, f32::NAN, f32::INFINITY, 0.4]);
    check(Op::Cast(DType::I8), &[&x], &t(&[5], &[-1i8, 127, 0, 127, 0]));
    check(Op::Cast(DType::U8), &[&x], &t(&[5], &[0u8, 255, 0, 255, 0]));
    check(Op::Cast(DType::Bool), &[&x], &bools(&[5], &[true; 5]));
    check(Op::Cast(DType::U8), &[&t(&[2], &[-1i32, 257])], &t(&[2], &[255u8, 1]));
    check(Op::Cast(DType::F32), &[&bools(&[2], &[true, false])], &t(&[2], &[1.0f32, 0.0]));
    // 2^24 + 2^-1 + … : rounded once, not first to f64 and then to f32.
    let x = (1i64 << 54) + (1 << 30) + 1;
    check(Op::Cast(DType::F32), &[&t(&[1], &[x])], &t(&[1], &[x as f32]));
    let half = Tensor::from_bytes(DType::F16, &[2], &[0x00, 0x3c, 0x01, 0x00]).unwrap();
    let y = t(&[2], &[1.0f32, f32::powi(2.0, -24)]);
    check(Op::Cast(DType::F32), &[&half], &y);
    check(Op::Cast(DType::F16), &[&y], &half);
    let brain = Tensor::from_bytes(DType::BF16, &[1], &[0x80, 0x3f]).unwrap();
    check(Op::Cast(DType::BF16), &[&t(&[1], &[1.0f32])], &brain);
    check(Op::Cast(DType::F32), &[&brain], &t(&[1], &[1.0f32]));
}
