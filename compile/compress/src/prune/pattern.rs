//! Which weights may go together.

use serde::{Deserialize, Serialize};

/// What zeros among weights look like, along what a layer sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Each weight for itself.
    Single,
    /// Of so many neighbours so many are kept, as in 2:4.
    Among {
        /// Those that are kept.
        kept: usize,
        /// Of how many.
        of: usize,
    },
    /// So many neighbours at once.
    Block(usize),
}

impl Pattern {
    /// Neighbours that belong together.
    pub(super) fn unit(self) -> Option<usize> {
        match self {
            Pattern::Single => None,
            Pattern::Among { of, .. } => Some(of.max(1)),
            Pattern::Block(size) => Some(size.max(1)),
        }
    }

    /// Which of some weights go, by what each one's loss damages. The share counts unless the
    /// pattern has one of its own.
    pub(super) fn gone(self, scores: &[f64], share: f64) -> Vec<bool> {
        let mut gone = vec![false; scores.len()];
        match self {
            Pattern::Single => least(scores, share, |i| gone[i] = true),
            Pattern::Among { kept, of } => {
                let of = of.max(1);
                for (group, scores) in scores.chunks(of).enumerate() {
                    let share = 1.0 - (kept.min(of) as f64 / of as f64);
                    least(scores, share, |i| gone[group * of + i] = true);
                }
            }
            Pattern::Block(size) => {
                let size = size.max(1);
                let sums: Vec<f64> = scores.chunks(size).map(|part| part.iter().sum()).collect();
                least(&sums, share, |i| {
                    gone[i * size..((i + 1) * size).min(scores.len())].fill(true);
                });
            }
        }
        gone
    }
}

/// Calls with the least of some scores, so many of them as the share says.
fn least(scores: &[f64], share: f64, mut call: impl FnMut(usize)) {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let count = (scores.len() as f64 * share).round() as usize;
    order.into_iter().take(count).for_each(&mut call);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_go_as_the_pattern_says() {
        let scores = [5.0, 1.0, 2.0, 9.0, 0.1, 0.2, 0.3, 8.0];
        let gone = |pattern: Pattern, share| {
            let gone = pattern.gone(&scores, share);
            (0..8).filter(|&i| gone[i]).collect::<Vec<_>>()
        };
        assert_eq!(gone(Pattern::Single, 0.5), [1, 4, 5, 6]);
        assert_eq!(gone(Pattern::Among { kept: 2, of: 4 }, 0.9), [1, 2, 4, 5]);
        assert_eq!(gone(Pattern::Block(2), 0.25), [4, 5]);
    }
}
