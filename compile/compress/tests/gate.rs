//! The gate by simulation: pairs of models whose true drop is known.

use compress::gate::{Gate, Pairs, needed};
use std::collections::HashMap;

/// Synthetic pairs of models in each case.
const PAIRS: usize = 10_000;

/// Pairs of models of one kind, and whether they pass.
struct Kind {
    gate: Gate,
    samples: u64,
    lost: f64,
    gained: f64,
    verdicts: HashMap<(u64, u64), bool>,
}

impl Kind {
    fn new(gate: Gate, samples: u64, drop: f64, rate: f64) -> Kind {
        let rate = rate.max(drop);
        let (lost, gained) = (0.5 * (rate + drop), 0.5 * (rate - drop));
        Kind { gate, samples, lost, gained, verdicts: HashMap::new() }
    }

    /// The share of pairs that pass.
    fn passing(mut self, random: &mut fastrand::Rng) -> f64 {
        let mut passing = 0;
        let rate = self.lost + self.gained;
        for _ in 0..PAIRS {
            let (mut lost, mut gained) = (0, 0);
            // From one sample on which the two differ to the next it is geometrically far.
            let mut far = || ((1.0 - random.f64()).ln() / (-rate).ln_1p()).floor() + 1.0;
            let mut distances = 0.0;
            let mut differing = 0u64;
            loop {
                distances += far();
                if distances > self.samples as f64 {
                    break;
                }
                differing += 1;
            }
            for _ in 0..differing {
                if random.f64() * rate < self.lost { lost += 1 } else { gained += 1 }
            }
            let pairs = Pairs { samples: self.samples, lost, gained };
            let verdict = self.verdicts.entry((lost, gained));
            passing += usize::from(*verdict.or_insert_with(|| self.gate.passes(&pairs)));
        }
        passing as f64 / PAIRS as f64
    }
}

fn gate(points: &str) -> Gate {
    Gate { budget: points.parse().unwrap(), confidence: 0.99 }
}

#[test]
fn a_model_that_loses_more_than_the_budget_passes_at_most_once_in_a_hundred() {
    let mut random = fastrand::Rng::with_seed(20);
    for (points, samples, rate) in [
        ("0.5pp", 2_000, 0.006),
        ("0.5pp", 10_000, 0.005),
        ("0.5pp", 10_000, 0.015),
        ("0.5pp", 10_000, 0.06),
        ("1pp", 1_000, 0.02),
        ("1pp", 5_000, 0.1),
        ("5pp", 200, 0.08),
        ("5pp", 1_000, 0.3),
    ] {
        for over in [1.001, 1.3] {
            let drop = gate(points).budget.share() * over;
            let share = Kind::new(gate(points), samples, drop, rate).passing(&mut random);
            assert!(share <= 0.01, "{share} of {points}, {samples}, {rate}, {over}");
        }
    }
}

#[test]
fn a_model_that_loses_half_of_the_budget_passes_when_there_is_enough_data() {
    let mut random = fastrand::Rng::with_seed(21);
    for (points, rate) in
        [("0.5pp", 0.0025), ("0.5pp", 0.01), ("1pp", 0.005), ("1pp", 0.03), ("5pp", 0.1)]
    {
        let samples = needed(&gate(points), rate);
        for part in [0.5, 0.0] {
            let drop = gate(points).budget.share() * part;
            let share = Kind::new(gate(points), samples, drop, rate).passing(&mut random);
            assert!(share >= 0.95, "{share} of {points}, {samples}, {rate}, {part}");
        }
    }
}

/// The table of docs/compression.md; the failure shows the rows to put there.
#[test]
fn the_documentation_has_the_samples_that_are_needed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compression.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let cell = |points: &str, rate: f64| {
        let samples = needed(&gate(points), rate) as f64;
        // Two digits, upwards: nobody counts samples more exactly.
        let unit = 10f64.powi(samples.log10() as i32 - 1);
        format!("{:.0}", (samples / unit).ceil() * unit)
    };
    let rows: Vec<String> = ["0.25pp", "0.5pp", "1pp", "2pp"]
        .iter()
        .map(|points| {
            let cells: Vec<String> =
                [0.005, 0.01, 0.02, 0.04].map(|rate| cell(points, rate)).to_vec();
            format!("| {points} | {} |", cells.join(" | "))
        })
        .collect();
    let expected = rows.join("\n");
    assert!(documentation.contains(&expected), "docs/compression.md lacks\n{expected}");
}
