//! Where a member lies and what it is called.

use super::Violation;
use crate::repo::Repo;

/// The folders that hold members, in the order of the data's way.
const GROUPS: &[&str] = &["contract", "compile", "engine", "serve", "tools"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["core", "common", "utils", "util", "base", "data", "extra", "helpers", "misc", "shared"];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &repo.packages {
        let mut refuse = |found_here: String, allowed: String, fix: &str| {
            found.push(Violation {
                path: format!("{}/Cargo.toml", package.folder),
                line: 1,
                found: found_here,
                allowed,
                fix: fix.to_owned(),
            });
        };
        let parts: Vec<&str> = package.folder.split('/').collect();
        let [group, name] = parts.as_slice() else {
            refuse(
                format!("a member in `{}`", package.folder),
                format!("<group>/<name>, with a group of {GROUPS:?}"),
                "move the crate two folders deep",
            );
            continue;
        };
        if !GROUPS.contains(group) {
            refuse(
                format!("a member in the group `{group}`"),
                format!("one of {GROUPS:?}"),
                "move the crate to the part of the data's way that it serves",
            );
        }
        if EMPTY_NAMES.contains(name) {
            refuse(
                format!("a crate called `{name}`"),
                format!("a name that says what is inside; none of {EMPTY_NAMES:?}"),
                "name it after its main noun, or move its parts to the crates that use them",
            );
        }
        if package.name != format!("schooner-{name}") {
            refuse(
                format!("package `{}` in the folder `{name}`", package.name),
                format!("`schooner-{name}`"),
                "rename the package or the folder",
            );
        }
        // Integration tests, examples and binaries have names of their own.
        let library = |kind: &String| kind.ends_with("lib");
        for target in package.targets.iter().filter(|target| target.kind.iter().any(library)) {
            if target.name != *name {
                refuse(
                    format!("library `{}` in the folder `{name}`", target.name),
                    format!("`{name}`"),
                    "set `name` under [lib]",
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sample::{self, member, repo};
    use super::*;

    #[test]
    fn a_well_named_member_passes() {
        sample::check(&check(&repo(&[], &[member("engine/simd", &[])])), &[]);
    }

    #[test]
    fn every_bad_name_is_seen() {
        for folder in ["engine", "engine/a/b", "lib/tensor", "contract/common"] {
            let found = check(&repo(&[], &[member(folder, &[])]));
            sample::check(&found, &[&format!("{folder}/Cargo.toml:1")]);
        }
    }

    #[test]
    fn package_and_library_follow_the_folder() {
        let change: [fn(&mut Value); 2] = [
            |member| member["name"] = "simd".into(),
            |member| member["targets"][0]["name"] = "schooner_simd".into(),
        ];
        for change in change {
            let mut member = member("engine/simd", &[]);
            change(&mut member);
            sample::check(&check(&repo(&[], &[member])), &["engine/simd/Cargo.toml:1"]);
        }
    }
}
