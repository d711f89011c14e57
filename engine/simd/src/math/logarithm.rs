//! The natural logarithm and its kin.

use super::{exp, polynomial};
use crate::F32Vector;

/// Natural logarithm. Error at most 2 ULP; 0 gives -inf, negative numbers NaN.
///
/// Method and polynomial are those of `logf` in Cephes (S. Moshier,
/// <https://www.netlib.org/cephes/>): `x = m 2^e` with `m` in `[1/sqrt 2, sqrt 2)`, then
/// `ln m` as a polynomial in `m - 1`, and `e ln 2` added in two parts.
#[inline(always)]
pub fn ln<V: F32Vector>(x: V) -> V {
    const P: [f32; 9] = [
        7.037_683_6e-2,
        -0.115_146_1,
        0.116_769_984,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_58,
        0.200_007_15,
        -0.249_999_94,
        0.333_333_3,
    ];
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Subnormal numbers have no exponent of their own: lift them by 2^23.
    let subnormal = x.fill(f32::MIN_POSITIVE).gt(x);
    let lifted = V::select(subnormal, x.mul(x.fill(8_388_608.0)), x);
    let (m, e) = lifted.split_exponent();
    let e = V::select(subnormal, e.sub(x.fill(23.0)), e);
    let high = m.gt(x.fill(std::f32::consts::SQRT_2));
    let m = V::select(high, m.mul(x.fill(0.5)), m);
    let e = V::select(high, e.add(x.fill(1.0)), e);

    let r = m.sub(x.fill(1.0));
    let square = r.mul(r);
    let y = polynomial(r, P).mul(square).mul(r);
    let y = e.mul_add(x.fill(LN2_LOW), y);
    let y = square.mul_add(x.fill(-0.5), y);
    let y = e.mul_add(x.fill(LN2_HIGH), r.add(y));

    let zero = x.fill(0.0);
    let y = V::select(x.eq(x.fill(f32::INFINITY)), x, y);
    let y = V::select(x.eq(zero), x.fill(f32::NEG_INFINITY), y);
    V::select(zero.gt(x), x.fill(f32::NAN), V::select(x.is_nan(), x, y))
}

/// `ln(1 + e^x)` without overflow or cancellation. Error at most 4 ULP.
///
/// `max(x, 0) + ln(1 + t)` with `t = e^-|x|`; the rounding error of `u = 1 + t` is put back as
/// `(t - (u - 1)) / u` (W. Kahan's correction, as in HP-15C's `ln1p`).
#[inline(always)]
pub fn softplus<V: F32Vector>(x: V) -> V {
    let one = x.fill(1.0);
    let t = exp(x.abs().neg());
    let u = one.add(t);
    let tail = ln(u).add(t.sub(u.sub(one)).div(u));
    x.fill(0.0).max(x).add(tail)
}
