//! The 256 steps of eight bits that a range is cut into.

use crate::Range;

/// `(q - zero) * scale` for `q` from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Width of a step.
    pub scale: f32,
    /// The step that stands for zero, which is exact: padding and rectified elements are zeros.
    pub zero: u8,
}

/// The last of the steps.
const LAST: f32 = 255.0;

impl Affine {
    /// The steps of a range, which is widened to hold zero.
    pub fn of(range: Range) -> Affine {
        let (low, high) = (range.low.min(0.0), range.high.max(0.0));
        let scale = high / LAST - low / LAST;
        if !scale.is_normal() {
            return Affine { scale: 1.0, zero: 0 };
        }
        let zero = (-low / scale).round_ties_even().clamp(0.0, LAST);
        Affine { scale, zero: zero as u8 }
    }

    /// The step of a number.
    pub fn quantized(self, x: f32) -> u8 {
        ((x / self.scale).round_ties_even() + f32::from(self.zero)).clamp(0.0, LAST) as u8
    }

    /// The number that stands for `x`.
    pub fn rounded(self, x: f32) -> f32 {
        (f32::from(self.quantized(x)) - f32::from(self.zero)) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_within_half_a_step() {
        for (low, high) in [(-1.0, 2.0), (0.0, 6.0), (0.5, 6.0), (-8.0, -1.0), (-1e-30, 3e30)] {
            let affine = Affine::of(Range { low, high });
            assert_eq!(affine.rounded(0.0), 0.0);
            for end in [low, high] {
                let error = (affine.rounded(end) - end).abs();
                assert!(error <= affine.scale * 0.5001, "{end} of {low} to {high}: {error}");
            }
        }
    }

    #[test]
    fn a_range_of_nothing_has_steps_too() {
        let affine = Affine::of(Range { low: 0.0, high: 0.0 });
        assert_eq!((affine.quantized(0.0), affine.rounded(0.0)), (0, 0.0));
    }
}
