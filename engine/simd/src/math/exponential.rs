//! The exponential and its kin.

use super::polynomial;
use crate::F32Vector;

/// `x = n ln 2 + r` with integer `n` and `|r| <= ln 2 / 2`, and `q = e^r - 1`.
///
/// Reduction and polynomial are those of `expf` in Cephes (S. Moshier,
/// <https://www.netlib.org/cephes/>): ln 2 is split in two so that `n * LN2_HIGH` is exact.
#[inline(always)]
fn reduce<V: F32Vector>(x: V) -> (V, V) {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const Q: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];
    let n = x.mul(x.fill(std::f32::consts::LOG2_E)).round_even();
    let r = n.mul_add(x.fill(-LN2_HIGH), x);
    let r = n.mul_add(x.fill(-LN2_LOW), r);
    (n, polynomial(r, Q).mul_add(r.mul(r), r))
}

/// `e^x`. Error at most 2 ULP; overflows to infinity, underflows gradually to 0, keeps NaN.
#[inline(always)]
pub fn exp<V: F32Vector>(x: V) -> V {
    // Beyond these, f32 is 0 or infinity anyway; the clamp keeps the exponent in range.
    let x = x.fill(89.0).min(x.fill(-104.0).max(x));
    let (n, q) = reduce(x);
    q.add(x.fill(1.0)).scale_exp2(n)
}

/// [`exp`] of numbers up to 88 for results that are rounded to bf16, in half the operations: the
/// error is at most 1.2e-4 of the result, a sixteenth of what that rounding may move it by.
///
/// `2^n 2^f` with `n` the integer nearest to `x log2 e`, and a polynomial for `2^f` that is 1 at 0,
/// fitted by least squares whose weights were raised where the relative error was largest.
#[inline(always)]
pub fn exp_short<V: F32Vector>(x: V) -> V {
    const P: [f32; 4] = [0.055_008_95, 0.242_211_01, 0.693_282_9, 1.0];
    let x = x.fill(-104.0).max(x);
    let n = x.mul(x.fill(std::f32::consts::LOG2_E)).round_even();
    let f = x.mul_add(x.fill(std::f32::consts::LOG2_E), n.neg());
    polynomial(f, P).scale_exp2(n)
}

/// `e^x - 1` without cancellation near 0. Error at most 3 ULP.
///
/// `e^x - 1 = 2^n q + (2^n - 1)`, where the second term is exact for `n >= -24`.
#[inline(always)]
pub fn exp_m1<V: F32Vector>(x: V) -> V {
    // Below -17.4 the result rounds to -1; above 89 it is infinity.
    let x = x.fill(89.0).min(x.fill(-20.0).max(x));
    let (n, q) = reduce(x);
    let half = n.mul(x.fill(0.5)).floor();
    let (low, high) = (half.exp2_int(), n.sub(half).exp2_int());
    let scaled = q.mul(low).mul_add(high, low.mul(high).sub(x.fill(1.0)));
    // -0 stays -0, and infinity does not become `inf - inf`.
    let large = q.add(x.fill(1.0)).mul(low).mul(high);
    let result = V::select(x.gt(x.fill(80.0)), large, scaled);
    V::select(x.eq(x.fill(0.0)), x, result)
}

/// `1 / (1 + e^-x)`. Error at most 3 ULP while the result is a normal number.
#[inline(always)]
pub fn sigmoid<V: F32Vector>(x: V) -> V {
    let one = x.fill(1.0);
    one.div(one.add(exp(x.neg())))
}

/// `x * sigmoid(x)`. Error at most 4 ULP while the result is a normal number.
#[inline(always)]
pub fn silu<V: F32Vector>(x: V) -> V {
    // Below -100 the true value is under the smallest normal number, and -inf * 0 would be NaN.
    let x = x.fill(-100.0).max(x);
    x.div(x.fill(1.0).add(exp(x.neg())))
}

/// Hyperbolic tangent. Error at most 3 ULP.
///
/// `tanh |x| = t / (t + 2)` with `t = e^(2|x|) - 1`, which does not cancel; from 10 on the
/// quotient rounds to 1.
#[inline(always)]
pub fn tanh<V: F32Vector>(x: V) -> V {
    let t = exp_m1(x.fill(20.0).min(x.abs().mul(x.fill(2.0))));
    t.div(t.add(x.fill(2.0))).copysign(x)
}
