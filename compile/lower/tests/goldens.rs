//! Small models and what ONNX Runtime answers to them: `suites/goldens/<folder>`, made
//! by the script beside it.
//!
//! Floats have to be within `1e-6 + 1e-4 * |expected|`; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use std::path::PathBuf;
use support::{Tolerance, name};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-6 };

fn check(folder: &str) {
    let folder = testkit::repository().join("suites/goldens").join(folder);
    let cases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = cases.collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case");
    let outcomes = support::run_all(&cases, TOLERANCE);
    let failures = cases.iter().zip(outcomes).filter_map(|(case, outcome)| {
        outcome.err().map(|why| format!("\n  {}: {why}", name(case)))
    });
    let failures: Vec<String> = failures.collect();
    let count = (failures.len(), cases.len());
    assert!(failures.is_empty(), "{} of {} cases fail:{}", count.0, count.1, failures.concat());
}

#[test]
fn tabular_models_answer_as_onnx_runtime() {
    check("tabular");
}

#[test]
fn models_of_text_answer_as_onnx_runtime() {
    check("text");
}
