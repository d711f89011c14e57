//! Latencies measured in turns: what slows the machine down for a while slows all alike.

use crate::CompressError;
use runtime::Model;
use serde::{Deserialize, Serialize};
use statrs::function::beta::checked_beta_reg;
use std::time::Instant;
use tensor::Tensor;

/// Latencies of several models, the first of which is the one to beat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// Milliseconds of each model in each round.
    pub rounds_ms: Vec<Vec<f64>>,
}

/// Rounds before the clock starts: they bind plans and fill caches.
const WARM_UP_ROUNDS: usize = 3;

/// Runs the models one after another, again and again.
pub fn race(models: &[&Model], inputs: &[Tensor], rounds: usize) -> Result<Race, CompressError> {
    let inputs: Vec<&Tensor> = inputs.iter().collect();
    let mut rounds_ms = vec![Vec::with_capacity(rounds); models.len()];
    for round in 0..WARM_UP_ROUNDS + rounds {
        for (model, times) in models.iter().zip(&mut rounds_ms) {
            let start = Instant::now();
            model.run(&inputs)?;
            if round >= WARM_UP_ROUNDS {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(Race { rounds_ms })
}

/// How long throughput is measured.
const THROUGHPUT_SECONDS: f64 = 1.0;

/// Runs a second of `threads` threads that each run the model again and again.
pub fn throughput(model: &Model, inputs: &[Tensor], threads: usize) -> Result<f64, CompressError> {
    let inputs: Vec<&Tensor> = inputs.iter().collect();
    let start = Instant::now();
    let work = || {
        let mut runs = 0usize;
        while runs == 0 || start.elapsed().as_secs_f64() < THROUGHPUT_SECONDS {
            model.run(&inputs)?;
            runs += 1;
        }
        Ok::<usize, runtime::RunError>(runs)
    };
    let counts: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = others.into_iter().filter_map(|other| other.join().ok());
        std::iter::once(own).chain(others).collect()
    });
    let runs: usize = counts.into_iter().sum::<Result<usize, _>>()?;
    Ok(runs as f64 / start.elapsed().as_secs_f64())
}

impl Race {
    /// The median latency of a model.
    pub fn median_ms(&self, model: usize) -> f64 {
        let mut times = self.rounds_ms[model].clone();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(0.0)
    }

    /// Rounds in which a model was faster than the first one, and all rounds.
    pub fn wins(&self, model: usize) -> (usize, usize) {
        let pairs = self.rounds_ms[0].iter().zip(&self.rounds_ms[model]);
        (pairs.filter(|(first, other)| other < first).count(), self.rounds_ms[0].len())
    }

    /// Is a model faster than the first one? By the sign test: it wins more rounds than chance
    /// would let it, but for this error.
    pub fn is_faster(&self, model: usize, error: f64) -> bool {
        let (wins, rounds) = self.wins(model);
        by_chance(wins, rounds) <= error
    }
}

/// The probability to win so many rounds at least when either side wins as often.
pub(super) fn by_chance(wins: usize, rounds: usize) -> f64 {
    match wins {
        0 => 1.0,
        // A sum of the binomial distribution as an incomplete beta function: DLMF 8.17.5.
        wins => checked_beta_reg(wins as f64, (rounds - wins) as f64 + 1.0, 0.5).unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faster_is_more_than_luck() {
        let race = |wins: usize, rounds: usize| {
            let other = (0..rounds).map(|round| if round < wins { 0.9 } else { 1.1 }).collect();
            Race { rounds_ms: vec![vec![1.0; rounds], other] }
        };
        // Of the binomial distribution at even odds: P(at least 17 of 20) = 0.00129, of 16 0.0059,
        // of 15 0.0207.
        for (wins, is_faster) in [(20, true), (16, true), (15, false), (10, false), (0, false)] {
            assert_eq!(race(wins, 20).is_faster(1, 0.01), is_faster, "{wins}");
            assert_eq!(race(wins, 20).wins(1), (wins, 20));
        }
        assert_eq!(race(20, 20).median_ms(1), 0.9);
    }
}
