//! The ONNX project's own tests of each operator and of models, through the naive twin and through
//! the compiled engine: `suites/onnx-node`.
//!
//! Floats have to be within `1e-7 + 1e-3 * |expected|`, the tolerance of the project's own runner;
//! everything else has to be equal. A case that fails has to be listed in `expected_failures.txt`
//! with the reason, and a listed case has to fail. `BLESS=1` writes the list anew.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use std::path::{Path, PathBuf};
use support::{Tolerance, name};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-7 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let Some(folder) = testkit::onnx_node() else { return };
    let suite = testkit::repository().join("suites/onnx-node");
    let cases = cases(&folder);
    let outcomes = support::run_all(&cases, TOLERANCE);
    let names = cases.iter().map(|path| name(path));
    testkit::hold_to_list(&suite.join("expected_failures.txt"), names.zip(outcomes).collect());
}

/// Small graphs by hand and what PyTorch exported in ONNX's first years.
#[test]
fn models_of_the_first_exporters_pass() {
    let Some(folder) = testkit::onnx_node() else { return };
    let suites = ["simple", "pytorch-converted", "pytorch-operator"];
    let cases: Vec<PathBuf> =
        suites.iter().flat_map(|suite| cases(&folder.with_file_name(suite))).collect();
    let outcomes = cases.iter().zip(support::run_all(&cases, TOLERANCE));
    let failures = outcomes.filter_map(|(path, outcome)| Some((name(path), outcome.err()?)));
    let failures: Vec<String> = failures.map(|(name, why)| format!("\n  {name}: {why}")).collect();
    assert!(failures.is_empty(), "these fail:{}", failures.concat());
    println!("{} cases pass", cases.len());
}

/// The cases in a folder, without those that `left_out.txt` lists.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let left_out = testkit::reasons(&testkit::repository().join("suites/onnx-node/left_out.txt"));
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !left_out.keys().any(|prefix| name(path).starts_with(prefix)))
        .collect();
    cases.sort();
    cases
}
