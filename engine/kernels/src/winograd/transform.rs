//! The transforms along one axis, F(M, 3): M outputs of a filter of 3 taps from N = M + 2 inputs
//! by N products (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
//! <https://arxiv.org/abs/1509.09308>).
//!
//! Inputs, filter and outputs are polynomials; they are evaluated at N - 1 points and infinity,
//! multiplied there, and interpolated:
//!
//! ```text
//! y = A^T ((G g) * (B^T d))
//! ```
//!
//! The points of F(2, 3) are 0, 1 and -1; those of F(4, 3) are 0, ±[`POINT_A`] and ±[`POINT_B`].

use simd::F32Vector;

/// The smaller point of F(4, 3). With 5/8 and 3/2 the mean error is half, and the largest a third,
/// of what the usual 1 and 2 give: the powers of points near 1 are of like size. And f32 holds
/// every coefficient of the transforms of inputs and outputs exactly.
const POINT_A: f32 = 0.625;
/// The larger point of F(4, 3).
const POINT_B: f32 = 1.5;

/// `B^T d`
///
/// # Panics
/// When N is neither 4 nor 6.
#[inline(always)]
pub(super) fn input<V: F32Vector, const N: usize>(d: &[V; N]) -> [V; N] {
    let mut out = *d;
    match N {
        4 => {
            out[0] = d[2].sub(d[0]);
            out[1] = d[2].add(d[1]);
            out[2] = d[2].sub(d[1]);
            out[3] = d[3].sub(d[1]);
        }
        6 => {
            let (a2, b2) = (POINT_A * POINT_A, POINT_B * POINT_B);
            let (product, sum) = (d[0].fill(a2 * b2), d[0].fill(-(a2 + b2)));
            let (a2, b2) = (d[0].fill(-a2), d[0].fill(-b2));
            let even = d[2].mul_add(b2, d[4]);
            let odd = d[1].mul_add(b2, d[3]);
            out[1] = odd.mul_add(d[0].fill(POINT_A), even);
            out[2] = odd.mul_add(d[0].fill(-POINT_A), even);
            let even = d[2].mul_add(a2, d[4]);
            let odd = d[1].mul_add(a2, d[3]);
            out[3] = odd.mul_add(d[0].fill(POINT_B), even);
            out[4] = odd.mul_add(d[0].fill(-POINT_B), even);
            out[0] = d[0].mul_add(product, d[2].mul_add(sum, d[4]));
            out[5] = d[1].mul_add(product, d[3].mul_add(sum, d[5]));
        }
        _ => unreachable!("no transform of {N} inputs"),
    }
    out
}

/// `A^T m`
///
/// # Panics
/// When N is neither 4 nor 6, or M is not N - 2.
#[inline(always)]
pub(super) fn output<V: F32Vector, const N: usize, const M: usize>(m: &[V; N]) -> [V; M] {
    let mut out = [m[0]; M];
    match N {
        4 => {
            out[0] = m[0].add(m[1].add(m[2]));
            out[1] = m[3].add(m[1].sub(m[2]));
        }
        6 => {
            let power = |point: f32, n: i32| m[0].fill(point.powi(n));
            let (even_a, odd_a) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (even_b, odd_b) = (m[3].add(m[4]), m[3].sub(m[4]));
            out[0] = m[0].add(even_a.add(even_b));
            out[1] = odd_a.mul_add(power(POINT_A, 1), odd_b.mul(power(POINT_B, 1)));
            out[2] = even_a.mul_add(power(POINT_A, 2), even_b.mul(power(POINT_B, 2)));
            let odd = odd_b.mul_add(power(POINT_B, 3), m[5]);
            out[3] = odd_a.mul_add(power(POINT_A, 3), odd);
        }
        _ => unreachable!("no transform of {N} products"),
    }
    out
}

/// `G g`: the first `n` of the numbers.
pub(super) fn weights(g: [f64; 3], n: usize) -> [f64; 6] {
    // The filter at a point, over the product of its distances from all other points.
    let at = |p: f64, distances: f64| (g[0] + p * g[1] + p * p * g[2]) / distances;
    if n == 4 {
        return [at(0.0, -1.0), at(1.0, 2.0), at(-1.0, 2.0), g[2], 0.0, 0.0];
    }
    let (a, b) = (f64::from(POINT_A), f64::from(POINT_B));
    let (at_a, at_b) = (2.0 * a * a * (a * a - b * b), 2.0 * b * b * (b * b - a * a));
    [at(0.0, a * a * b * b), at(a, at_a), at(-a, at_a), at(b, at_b), at(-b, at_b), g[2]]
}
