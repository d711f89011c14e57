//! Where samples come from, and which of them are for what.

use crate::{CompressError, Samples};
use tensor::Tensor;

/// Samples that are made when they are needed: a large data set does not fit into memory.
pub trait Data: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Is there none?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The model's inputs for a sample.
    fn inputs(&self, sample: usize) -> Result<Vec<Tensor>, CompressError>;

    /// The classes that are right for a sample, any of them; none when nobody knows.
    fn labels(&self, sample: usize) -> Option<&[usize]>;
}

impl Data for Samples {
    fn len(&self) -> usize {
        self.inputs.len()
    }

    fn inputs(&self, sample: usize) -> Result<Vec<Tensor>, CompressError> {
        Ok(self.inputs[sample].clone())
    }

    fn labels(&self, sample: usize) -> Option<&[usize]> {
        self.labels.as_ref().map(|labels| labels[sample].as_slice())
    }
}

/// Samples to calibrate and to find the guilty with, and samples that only the gate sees: a model
/// that was fitted to the samples of its test would pass too easily.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// For calibration and blame.
    pub calibration: Vec<usize>,
    /// For the gate.
    pub test: Vec<usize>,
}

/// The part of the samples that calibration takes when nothing is said, one of so many.
const CALIBRATION_PART: usize = 5;

/// Samples for calibration at most, when nothing is said: ranges settle long before.
const CALIBRATION_MAX: usize = 256;

/// Samples at most that each layer's damage is measured on, twice: means settle before ranges do.
const PROBES_MAX: usize = 64;

impl Split {
    /// Those for calibration that damage is measured on, evenly spread.
    pub fn probes(&self) -> Vec<usize> {
        let (all, count) = (self.calibration.len(), self.calibration.len().min(PROBES_MAX));
        (0..count).map(|i| self.calibration[i * all / count]).collect()
    }

    /// Drawn by `seed`, the same each time.
    pub fn new(samples: usize, calibration: Option<usize>, seed: u64) -> Split {
        let usual = (samples / CALIBRATION_PART).clamp(1, CALIBRATION_MAX);
        let count = calibration.unwrap_or(usual).min(samples);
        let mut drawn: Vec<usize> = (0..samples).collect();
        let mut random = seed;
        for at in 0..count {
            let other = at + (mixed(&mut random) % (samples - at) as u64) as usize;
            drawn.swap(at, other);
        }
        let mut calibration = drawn[..count].to_vec();
        let mut test = drawn[count..].to_vec();
        calibration.sort_unstable();
        test.sort_unstable();
        Split { calibration, test }
    }
}

/// The next number of SplitMix64: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom
/// number generators, OOPSLA 2014.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sample_is_for_both_and_a_seed_draws_the_same() {
        for (samples, asked, expected) in [
            (10_000, None, 256),
            (153, None, 30),
            (3, None, 1),
            (50, Some(20), 20),
            (4, Some(9), 4),
        ] {
            let split = Split::new(samples, asked, 7);
            assert_eq!(split, Split::new(samples, asked, 7));
            assert_eq!(split.calibration.len(), expected);
            let probes = split.probes();
            assert_eq!(probes.len(), expected.min(PROBES_MAX));
            assert!(probes.is_sorted() && probes.iter().all(|p| split.calibration.contains(p)));
            let mut all = [split.calibration, split.test].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..samples));
        }
        assert_ne!(Split::new(100, None, 1), Split::new(100, None, 2));
    }
}
