//! Transcendental functions of vectors.
//!
//! Each names its error bound in units in the last place of f32 (ULP) against f64, measured over
//! the ranges of the tests at the end of this module, and the source of its method.

mod erf;
mod exponential;
mod logarithm;

pub use erf::{erf, gelu, gelu_short, gelu_tanh};
pub use exponential::{exp, exp_m1, exp_short, sigmoid, silu, tanh};
pub use logarithm::{ln, softplus};

use crate::F32Vector;

/// `c[0] * x^(N-1) + ... + c[N-1]` by Horner's rule.
#[inline(always)]
fn polynomial<V: F32Vector, const N: usize>(x: V, coefficients: [f32; N]) -> V {
    let mut sum = x.fill(coefficients[0]);
    for c in &coefficients[1..] {
        sum = sum.mul_add(x, x.fill(*c));
    }
    sum
}

#[cfg(test)]
mod tests;
