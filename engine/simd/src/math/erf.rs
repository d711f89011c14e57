//! The error function and the activations made of it.

use super::{polynomial, tanh};
use crate::F32Vector;

/// Gauss error function. Error at most 7 ULP.
///
/// The rational function x P(x^2) / Q(x^2) of Eigen (`generic_fast_erf_float`,
/// <https://gitlab.com/libeigen/eigen>, `SpecialFunctionsImpl.h`); beyond the clamp erf rounds
/// to 1.
#[inline(always)]
pub fn erf<V: F32Vector>(x: V) -> V {
    use std::f32::consts::FRAC_2_SQRT_PI;
    const P: [f32; 5] =
        [2.290_506_6e-4, 3.408_291e-3, 5.095_569_5e-2, 0.185_208_32, FRAC_2_SQRT_PI];
    const Q: [f32; 7] = [
        -1.179_160_3e-7,
        2.354_796_6e-5,
        1.017_962_5e-3,
        1.407_047e-2,
        0.110_985_05,
        0.497_469_25,
        1.0,
    ];
    let limit = 3.832_507;
    let clamped = x.fill(limit).min(x.fill(-limit).max(x));
    let square = clamped.mul(clamped);
    let ratio = clamped.mul(polynomial(square, P)).div(polynomial(square, Q));
    ratio.fill(1.0).min(ratio.fill(-1.0).max(ratio))
}

/// `x / 2 * (1 + erf(x / sqrt 2))`. Absolute error at most `4e-7 * max(1, |x|)`; from -5 on to the
/// left it is 0.
///
/// `x * (1/2 + t P(v))` with `t = x` clamped to -5 ..= 5: an odd polynomial for the normal
/// distribution function, in `v = t^2 / 12.5 - 1` so that its terms do not cancel, fitted by least
/// squares whose weights were raised where the error was largest.
#[inline(always)]
pub fn gelu<V: F32Vector>(x: V) -> V {
    const P: [f32; 13] = [
        5.826_201e-4,
        -1.589_168e-3,
        1.783_485e-3,
        -2.740_274e-3,
        6.359_382e-3,
        -1.111_993e-2,
        1.642_113e-2,
        -2.328_411_5e-2,
        3.143_920_4e-2,
        -4.044_046_3e-2,
        5.152_067_5e-2,
        -7.029_636e-2,
        0.141_363_78,
    ];
    let (low, high) = (x.fill(-5.0), x.fill(5.0));
    let t = high.min(low.max(x));
    let v = t.mul(t).mul_add(x.fill(0.08), x.fill(-1.0));
    let share = t.mul_add(polynomial(v, P), x.fill(0.5));
    V::select(low.ge(x), x.fill(0.0), x.mul(share))
}

/// [`gelu`] for results that are rounded to bf16, in two thirds of the operations. Absolute error
/// at most `6e-5 * max(1, |x|)`, and above -2 less than half of what that rounding may move the
/// result by; from -4 on to the left it is 0.
///
/// `x * (1/2 + t P(t^2))` with `t = x` clamped to -4 ..= 4: an odd polynomial for the normal
/// distribution function, fitted by least squares whose weights were raised where the error was
/// largest; it is off by 2.2e-5 at most within the clamp.
#[inline(always)]
pub fn gelu_short<V: F32Vector>(x: V) -> V {
    const P: [f32; 8] = [
        -1.580_432_3e-9,
        1.216_901_8e-7,
        -4.100_372_7e-6,
        8.066_148e-5,
        -1.048_166_7e-3,
        9.664_751e-3,
        -6.617_52e-2,
        0.398_847_43,
    ];
    let (low, high) = (x.fill(-4.0), x.fill(4.0));
    let t = high.min(low.max(x));
    let share = t.mul_add(polynomial(t.mul(t), P), x.fill(0.5));
    V::select(low.ge(x), x.fill(0.0), x.mul(share))
}

/// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`. Absolute error at most
/// `4e-7 * max(1, |x|)`.
#[inline(always)]
pub fn gelu_tanh<V: F32Vector>(x: V) -> V {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    let cubic = x.mul(x).mul_add(x.fill(0.044_715), x.fill(1.0)).mul(x);
    let inner = tanh(cubic.mul(x.fill(SQRT_2_OVER_PI)));
    // -inf * 0 would be NaN where the limit is 0; no finite result lies below this bound.
    let bounded = x.fill(f32::MIN).max(x);
    bounded.mul(x.fill(0.5)).mul(inner.add(x.fill(1.0)))
}
