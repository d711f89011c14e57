//! What no other candidate beats in everything.

use serde::{Deserialize, Serialize};

/// A model that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is.
    pub name: String,
    /// Bytes of its weights.
    pub bytes: u64,
    /// The median latency.
    pub latency_ms: f64,
    /// The drop that was seen on the samples of the gate, as a share of them.
    pub drop: f64,
    /// Did it pass the gate? The original does.
    pub has_passed: bool,
    /// Is it the one that is written out?
    pub is_chosen: bool,
}

/// For each candidate whether none is at least as good in size, latency and drop, and better in
/// one of them.
pub fn front(candidates: &[Candidate]) -> Vec<bool> {
    let beats = |a: &Candidate, b: &Candidate| {
        let [a, b] = [a, b].map(|c| [c.bytes as f64, c.latency_ms, c.drop]);
        a.iter().zip(&b).all(|(a, b)| a <= b) && a != b
    };
    candidates.iter().map(|b| !candidates.iter().any(|a| beats(a, b))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let candidate = |bytes, latency_ms, drop| Candidate {
            name: String::new(),
            bytes,
            latency_ms,
            drop,
            has_passed: true,
            is_chosen: false,
        };
        let all = [
            candidate(100, 10.0, 0.0),
            candidate(25, 4.0, 0.01),
            candidate(30, 5.0, 0.01),
            candidate(50, 6.0, 0.001),
            candidate(25, 4.0, 0.01),
        ];
        assert_eq!(front(&all), [true, true, false, true, true]);
    }
}
