//! ONNX RandomNormal-1,22, RandomUniform-1,22, those that are like another tensor, and what is made
//! of them.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// `(x)`: independent numbers of a distribution, in the shape of `x`, whose elements are not read.
///
/// They follow from the seed and the place of each element alone, so that every run, every machine
/// and every number of threads gives the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Random {
    /// How the numbers are distributed.
    pub distribution: Distribution,
    /// What they follow from.
    pub seed: u64,
    /// Their type.
    pub dtype: DType,
}

/// How numbers are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normally, of this mean and standard deviation.
    Normal(f32, f32),
    /// Evenly, from the first on and below the second.
    Uniform(f32, f32),
    /// `-log(-log(u))` of an even `u` between 0 and 1: the index of the largest of several sums of
    /// such a number and a logarithm is distributed as the logarithms say.
    Gumbel,
}

impl Compute for Random {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        let made = Fact { dtype: self.dtype, shape: x.shape.clone() };
        require_type(0, &made, DType::is_float, "floats")?;
        Ok(vec![made])
    }

    fn compute(&self, _: &[View<'_>], outputs: &mut [ViewMut<'_>]) -> Result<(), ComputeError> {
        let made: Vec<f64> = (0..outputs[0].len() as u64).map(|at| self.number(at)).collect();
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl Random {
    /// The number at a place.
    fn number(&self, place: u64) -> f64 {
        let pair = [0, 1].map(|of| between_zero_and_one(self.seed, place.wrapping_mul(2) + of));
        match self.distribution {
            // Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
            Distribution::Normal(mean, scale) => {
                let radius = (-2.0 * pair[0].ln()).sqrt();
                let deviate = radius * (std::f64::consts::TAU * pair[1]).cos();
                f64::from(mean) + f64::from(scale) * deviate
            }
            Distribution::Uniform(low, high) => {
                f64::from(low) + pair[0] * (f64::from(high) - f64::from(low))
            }
            Distribution::Gumbel => -(-pair[0].ln()).ln(),
        }
    }
}

/// The `place`-th number of the generator SplitMix64, whose state is a counter (Steele, Lea and
/// Flood, "Fast Splittable Pseudorandom Number Generators", 2014), as the middle of one of 2^52
/// equal parts between 0 and 1.
fn between_zero_and_one(seed: u64, place: u64) -> f64 {
    let mut bits = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    fn draw(distribution: Distribution) -> Vec<f64> {
        let random = Random { distribution, seed: 7, dtype: DType::F64 };
        let x = Tensor::zeros(DType::Bool, &[200, 500]).unwrap();
        let made = crate::Operator::from(random).evaluate(&[x.view()]).unwrap();
        made[0].as_slice::<f64>().unwrap().to_vec()
    }

    #[track_caller]
    fn check(distribution: Distribution, mean: f64, deviation: f64) {
        let made = draw(distribution);
        let count = made.len() as f64;
        let found = made.iter().sum::<f64>() / count;
        let variance = made.iter().map(|x| (x - found).powi(2)).sum::<f64>() / count;
        // Five standard errors of 100 000 numbers.
        assert!((found - mean).abs() < 0.016 * deviation, "mean {found}");
        assert!((variance.sqrt() / deviation - 1.0).abs() < 0.02, "deviation {variance}");
    }

    #[test]
    fn numbers_are_distributed_as_told() {
        check(Distribution::Normal(3.0, 2.0), 3.0, 2.0);
        check(Distribution::Uniform(-1.0, 5.0), 2.0, 6.0 / 12f64.sqrt());
        // Euler's constant, and pi / sqrt(6).
        check(Distribution::Gumbel, 0.577_215_664_9, 1.282_549_830_2);
        let even = draw(Distribution::Uniform(-1.0, 5.0));
        assert!(even.iter().all(|x| (-1.0..5.0).contains(x)));
    }
}
