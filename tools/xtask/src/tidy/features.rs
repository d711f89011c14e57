//! Cargo features only for optional dependencies, and few.

use std::collections::BTreeSet;

use super::Violation;
use crate::repo::{Package, Repo};

/// Ten features can be tried one by one in CI; their combinations already cannot.
const FEATURES_MAX: usize = 10;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for package in &repo.packages {
        for feature in package.features.keys().filter(|feature| *feature != "default") {
            names.insert(feature);
            if !enables_dependency(package, feature, 0) {
                found.push(violation(
                    package,
                    format!("feature `{feature}` turns on no optional dependency"),
                    "a feature that lists `dep:<crate>`, itself or through another".to_owned(),
                    "compile the code always; choose at run time or by another crate",
                ));
            }
        }
    }
    if let Some(package) = repo.packages.first()
        && names.len() > FEATURES_MAX
    {
        found.push(violation(
            package,
            format!("{} features in the workspace: {names:?}", names.len()),
            format!("{FEATURES_MAX}"),
            "drop the one that nobody turns off",
        ));
    }
    found
}

/// Whether the feature reaches an optional dependency. Features of other crates
/// (`crate/feature`) do not count: they belong to the line that declares the crate.
fn enables_dependency(package: &Package, feature: &str, depth: usize) -> bool {
    let optional = |name: &str| {
        package.dependencies.iter().any(|dependency| {
            dependency.optional
                && (dependency.name == name || dependency.rename.as_deref() == Some(name))
        })
    };
    package.features.get(feature).into_iter().flatten().any(|enabled| {
        match enabled.strip_prefix("dep:") {
            Some(name) => optional(name),
            // Cargo refuses cycles, so the depth only guards against metadata made by hand.
            None => depth < FEATURES_MAX && enables_dependency(package, enabled, depth + 1),
        }
    })
}

fn violation(package: &Package, found: String, allowed: String, fix: &str) -> Violation {
    Violation {
        path: format!("{}/Cargo.toml", package.folder),
        line: 1,
        found,
        allowed,
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{self, member, repo};
    use super::*;

    fn with(features: Value) -> Value {
        let mut member = member("tools/cli", &["tonic"]);
        member["dependencies"][0]["optional"] = true.into();
        member["features"] = features;
        member
    }

    #[test]
    fn a_feature_may_turn_on_a_dependency() {
        let features = json!({ "default": [], "grpc": ["dep:tonic"], "all": ["grpc"] });
        sample::check(&check(&repo(&[], &[with(features)])), &[]);
    }

    #[test]
    fn a_feature_for_our_own_code_is_seen() {
        for feature in [json!([]), json!(["dep:serde"]), json!(["tonic/tls"])] {
            let found = check(&repo(&[], &[with(json!({ "avx512": feature }))]));
            sample::check(&found, &["tools/cli/Cargo.toml:1"]);
        }
    }

    #[test]
    fn too_many_features_are_seen() {
        let many: serde_json::Map<String, Value> =
            (0..=FEATURES_MAX).map(|n| (format!("f{n}"), json!(["dep:tonic"]))).collect();
        sample::check(&check(&repo(&[], &[with(many.into())])), &["tools/cli/Cargo.toml:1"]);
    }
}
