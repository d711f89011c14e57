//! The ONNX project's own tests of each operator and of models, through the naive twin and through
//! the compiled engine: `suites/onnx-node`.
//!
//! Floats have to be within `1e-7 + 1e-3 * |expected|`, the tolerance of the project's own runner;
//! everything else has to be equal. A case that fails has to be listed in `expected_failures.txt`
//! with the reason, and a listed case has to fail. `BLESS=1` writes the list anew.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{Tolerance, name};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-7 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let Some(folder) = testkit::onnx_node() else { return };
    let suite = testkit::repository().join("suites/onnx-node");
    let cases = cases(&folder);
    let outcomes = support::run_all(&cases, TOLERANCE);
    let failures: BTreeMap<String, String> = cases
        .iter()
        .zip(outcomes)
        .filter_map(|(path, outcome)| Some((name(path), outcome.err()?)))
        .collect();
    println!("{} of {} cases pass", cases.len() - failures.len(), cases.len());
    let list = suite.join("expected_failures.txt");
    if std::env::var_os("BLESS").is_some() {
        let text: String = failures.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
        return std::fs::write(list, text).unwrap();
    }
    let listed = lines(&list);
    let unlisted = failures.iter().filter(|(name, _)| !listed.contains_key(*name));
    let unlisted: String = unlisted.map(|(name, why)| format!("\n  {name}: {why}")).collect();
    assert!(unlisted.is_empty(), "these fail and are not listed:{unlisted}");
    let passing: Vec<&String> =
        listed.keys().filter(|name| !failures.contains_key(*name)).collect();
    assert!(passing.is_empty(), "these are listed and pass: {passing:?}; BLESS=1 writes the list");
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
    let left_out = lines(&testkit::repository().join("suites/onnx-node/left_out.txt"));
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !left_out.keys().any(|prefix| name(path).starts_with(prefix)))
        .collect();
    cases.sort();
    cases
}

/// `name: reason` on each line.
fn lines(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let pairs = text.lines().map(|line| line.split_once(": ").expect("`name: reason`"));
    pairs.map(|(name, reason)| (name.to_string(), reason.to_string())).collect()
}
