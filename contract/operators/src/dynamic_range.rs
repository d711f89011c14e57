//! The parameters that ONNX DynamicQuantizeLinear-11 quantizes by.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// `(x)`: the scale (`f32`) and the zero point (`u8`) of the 256 steps that span all elements of
/// `x` (`f32`) and zero. The scale is 1 where there is nothing to span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicRange {}

impl Compute for DynamicRange {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_type(0, x, |dtype| dtype == DType::F32, "f32")?;
        let scalar = |dtype| Fact { dtype, shape: vec![] };
        Ok(vec![scalar(DType::F32), scalar(DType::U8)])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let [low, high] = extremes(bytemuck::cast_slice(inputs[0].bytes));
        let span = (high - low) / 255.0;
        let scale = if span == 0.0 { 1.0 } else { span };
        let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0);
        outputs[0].bytes.copy_from_slice(&scale.to_ne_bytes());
        outputs[1].bytes.copy_from_slice(&[zero as u8]);
        Ok(())
    }
}

/// Extremes that are sought side by side: several vector registers, so that none waits for itself.
const LANES: usize = 64;

/// The least and the greatest element, or zero where that is less or greater. What is no number is
/// passed over.
fn extremes(x: &[f32]) -> [f32; 2] {
    let least = |a: f32, b: f32| if b < a { b } else { a };
    let greatest = |a: f32, b: f32| if b > a { b } else { a };
    let (mut low, mut high) = ([0f32; LANES], [0f32; LANES]);
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        for lane in 0..LANES {
            low[lane] = least(low[lane], x[lane]);
            high[lane] = greatest(high[lane], x[lane]);
        }
    }
    let low = low.iter().chain(rest).copied().fold(0.0, least);
    let high = high.iter().chain(rest).copied().fold(0.0, greatest);
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_always_among_what_is_spanned() {
        let cases: [(&[f32], [f32; 2]); 5] = [
            (&[], [0.0, 0.0]),
            (&[3.0, 1.0], [0.0, 3.0]),
            (&[-3.0, -1.0], [-3.0, 0.0]),
            (&[-3.0, f32::NAN, 1.0], [-3.0, 1.0]),
            (&[0.0; 70], [0.0, 0.0]),
        ];
        for (x, expected) in cases {
            assert_eq!(extremes(x), expected, "{x:?}");
        }
        let mut long: Vec<f32> = (0..200).map(|i| (i * 37 % 200) as f32 - 90.0).collect();
        assert_eq!(extremes(&long), [-90.0, 109.0]);
        long[199] = -500.0;
        assert_eq!(extremes(&long), [-500.0, 109.0]);
    }
}
