//! What the tests of all families share.

use crate::{Task, run_serially};
use simd::Isa;
use tensor::AlignedBytes;

/// The ISAs of this CPU.
pub(crate) fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

/// Runs a task with scratch full of NaN, so that reading what nobody wrote shows.
pub(crate) fn run(task: &impl Task) {
    let mut scratch = AlignedBytes::zeroed(task.scratch_bytes());
    scratch.as_mut_slice().fill(0xff);
    run_serially(task, scratch.as_mut_slice());
}

/// Random numbers from a seed, which a failing test prints.
pub(crate) struct Random(fastrand::Rng, u64);

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the random numbers came from seed {}", self.1);
        }
    }
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed), seed)
    }

    /// Numbers in [-1, 1).
    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.0.f32() * 2.0 - 1.0).collect()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    pub(crate) fn between(&mut self, first: usize, last: usize) -> usize {
        self.0.usize(first..=last)
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.0.bool()
    }
}

/// Bits of the nearest bf16.
pub(crate) fn halves(floats: &[f32]) -> Vec<u16> {
    floats.iter().map(|&x| half::bf16::from_f32(x).to_bits()).collect()
}

/// Numbers of bits of bf16.
pub(crate) fn widened(halves: &[u16]) -> Vec<f32> {
    halves.iter().map(|&x| half::bf16::from_bits(x).to_f32()).collect()
}

/// The error of a result that is rounded to bf16, relative to numbers of 1 and more: half a step of
/// 8 bits, beside the error before it.
pub(crate) const ROUNDED: f64 = 1.0 / 256.0;

/// The error that a sum of `depth` products of numbers below 1 may have: each of the depth + 3
/// roundings (epilogue included) errs by half an ULP of at most `depth + 2`, and errors of both
/// signs mix, so a square root of them counts; 8 is the margin for the tails of many elements.
pub(crate) fn dot_tolerance(depth: usize) -> f64 {
    let steps = depth as f64 + 3.0;
    8.0 * f64::from(f32::EPSILON) / 2.0 * steps.sqrt() * steps.sqrt().max(2.0)
}

/// Fails when an element is farther from the expected one than the tolerance, absolutely and
/// relatively.
pub(crate) fn check_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let found = f64::from(found);
        let same = found == expected || found.is_nan() && expected.is_nan();
        let error = (found - expected).abs();
        assert!(
            same || error <= tolerance * expected.abs().max(1.0),
            "{what}: element {i} is {found}, expected {expected} within {tolerance:e}"
        );
    }
}
