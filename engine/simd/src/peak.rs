//! How much arithmetic one core does at most.

use crate::{F32Vector, Isa, Vectorize};
use std::hint::black_box;
use std::time::Instant;

/// Multiply-adds that do not wait for each other: more than the latency of one on two ports, and
/// few enough for 16 registers.
const CHAINS: usize = 12;
/// Steps of a chain in a round: some tens of microseconds.
const STEPS: usize = 20_000;
/// Rounds, of which the fastest counts: others may have been interrupted.
const ROUNDS: usize = 40;

/// Chains of multiply-adds in registers; gives their sum and the lanes of a vector.
struct Chains;

impl Vectorize for Chains {
    type Output = (f32, usize);

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) -> (f32, usize) {
        // SAFETY: the caller vouches for the ISA.
        let (factor, term, one) =
            unsafe { (V::splat(black_box(0.5)), V::splat(black_box(0.25)), V::splat(1.0)) };
        let mut sums = [one; CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, term);
            }
        }
        let sum = sums.into_iter().fold(one, |sum, x| sum.add(x));
        (sum.reduce_sum(), V::LANES)
    }
}

/// Floating-point operations per nanosecond of fused multiply-adds of f32 on this core, as
/// measured now; a multiply-add is two. Takes some milliseconds.
///
/// # Panics
/// When this CPU has no `isa`.
pub fn peak_gflops(isa: Isa) -> f64 {
    let token = isa.require();
    let round = |_| {
        let start = Instant::now();
        let (sum, lanes) = token.run(Chains);
        let elapsed = start.elapsed();
        black_box(sum);
        (2 * CHAINS * STEPS * lanes) as f64 / elapsed.as_secs_f64() / 1e9
    };
    (0..ROUNDS).map(round).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_isa_of_this_cpu_has_a_peak() {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let peak = peak_gflops(isa);
            assert!(peak.is_finite() && peak > 0.0, "{isa:?}: {peak}");
        }
    }
}
