//! Suites of which some cases are known to fail.

use std::collections::BTreeMap;
use std::path::Path;

/// The lines `name: reason` of a list.
///
/// # Panics
/// When there is no such file, or a line of it has no reason.
pub fn reasons(list: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(list).expect("a list of cases");
    let pairs = text.lines().map(|line| line.split_once(": ").expect("`name: reason`"));
    pairs.map(|(name, reason)| (name.to_string(), reason.to_string())).collect()
}

/// Holds the outcomes of named cases against a list of those that fail, and why. With `BLESS=1`,
/// writes the list anew.
///
/// # Panics
/// When a case fails that is not listed, or a listed one passes.
pub fn hold_to_list(list: &Path, outcomes: Vec<(String, Result<(), String>)>) {
    let count = outcomes.len();
    let failures: BTreeMap<String, String> =
        outcomes.into_iter().filter_map(|(name, outcome)| Some((name, outcome.err()?))).collect();
    eprintln!("{} of {count} cases pass", count - failures.len());
    if std::env::var_os("BLESS").is_some() {
        let text: String = failures.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
        return std::fs::write(list, text).expect("the list can be written");
    }
    let listed = reasons(list);
    let unlisted = failures.iter().filter(|(name, _)| !listed.contains_key(*name));
    let unlisted: String = unlisted.map(|(name, why)| format!("\n  {name}: {why}")).collect();
    assert!(unlisted.is_empty(), "these fail and are not listed:{unlisted}");
    let passing: Vec<&String> =
        listed.keys().filter(|name| !failures.contains_key(*name)).collect();
    assert!(passing.is_empty(), "these are listed and pass: {passing:?}; BLESS=1 writes the list");
}
