//! The discrete Fourier transform of vectors of any length.
//!
//! ```text
//! transform(x of n = p * m elements, p the smallest prime factor of n):
//!     part[r] = transform(x[r], x[r + p], x[r + 2p], …)          for r in 0..p
//!     y[k + q * m] = sum over r of root^(r * (k + q * m)) * part[r][k]
//! ```
//!
//! Computed in `f64` (Cooley and Tukey, "An algorithm for the machine calculation of complex
//! Fourier series", 1965). The relative error in the Euclidean norm is below `u * sum of c * p`
//! over the prime factors `p`, with `u = 2^-53` and `c` about 4 (Higham, "Accuracy and Stability of
//! Numerical Algorithms", 24.1): for powers of two some 1e-14, far below what `f32` holds.

/// A complex number: real and imaginary part.
pub(crate) type Complex = [f64; 2];

/// The transform of vectors of one length.
pub(crate) struct Fourier {
    /// `e^(-2πi k / n)`, or its inverse, for `k` from 0 to `n`.
    roots: Vec<Complex>,
}

impl Fourier {
    /// Of vectors of `length` elements. The inverse is not divided by the length.
    pub(crate) fn new(length: usize, is_inverse: bool) -> Fourier {
        let sign = if is_inverse { 1.0 } else { -1.0 };
        let root = |k: usize| {
            let (sin, cos) = (sign * std::f64::consts::TAU * k as f64 / length as f64).sin_cos();
            [cos, sin]
        };
        Fourier { roots: (0..length).map(root).collect() }
    }

    /// The transform of as many elements as the length is.
    pub(crate) fn transform(&self, x: &[Complex]) -> Vec<Complex> {
        let mut made = vec![[0.0; 2]; x.len()];
        self.part(x, 1, &mut made);
        made
    }

    /// The transform of every `step`-th element of `x`.
    fn part(&self, x: &[Complex], step: usize, made: &mut [Complex]) {
        let length = made.len();
        let Some(factor) = smallest_factor(length) else {
            made.copy_from_slice(&x[..length]);
            return;
        };
        let rest = length / factor;
        for (r, made) in made.chunks_exact_mut(rest).enumerate() {
            self.part(&x[r * step..], step * factor, made);
        }
        let mut terms = vec![[0.0; 2]; factor];
        for k in 0..rest {
            (0..factor).for_each(|r| terms[r] = made[r * rest + k]);
            for index in (k..length).step_by(rest) {
                let root = |r: usize| self.roots[r * index % length * step];
                let products = terms.iter().enumerate().map(|(r, &term)| times(root(r), term));
                made[index] = products.fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
            }
        }
    }
}

fn times([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a * c - b * d, a * d + b * c]
}

/// The smallest prime factor of a number above 1.
fn smallest_factor(number: usize) -> Option<usize> {
    let candidates = (2..).take_while(|factor| factor * factor <= number);
    let found = candidates.into_iter().find(|&factor| number.is_multiple_of(factor));
    (number > 1).then(|| found.unwrap_or(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_for_lengths_of_every_kind() {
        for length in [0, 1, 2, 7, 8, 30, 49, 97] {
            let x: Vec<Complex> =
                (0..length).map(|k| [(k * k % 11) as f64 - 5.0, (k % 3) as f64]).collect();
            let fourier = Fourier::new(length, false);
            let made = fourier.transform(&x);
            for (k, made) in made.iter().enumerate() {
                let expected = (0..length).fold([0.0; 2], |[a, b], j| {
                    let [c, d] = times(fourier.roots[j * k % length], x[j]);
                    [a + c, b + d]
                });
                let error = (made[0] - expected[0]).hypot(made[1] - expected[1]);
                assert!(error < 1e-11, "{length}: {made:?}, expected {expected:?}");
            }
        }
    }
}
