//! Sister folders hold files of equal names.

use std::collections::BTreeSet;

use super::Violation;
use crate::repo::Repo;

/// Two folders whose Rust files answer one another, and why.
struct Sisters {
    left: &'static str,
    right: &'static str,
    reason: &'static str,
}

const SISTERS: &[Sisters] = &[Sisters {
    left: "compile/ir/src/ops/",
    right: "compile/reference/src/ops/",
    reason: "every family of operators has its naive twin, the oracle of its kernels",
}];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for Sisters { left, right, reason } in SISTERS {
        let (lefts, rights) = (stems(repo, left), stems(repo, right));
        for (here, there, missing) in
            [(left, right, lefts.difference(&rights)), (right, left, rights.difference(&lefts))]
        {
            found.extend(missing.map(|stem| Violation {
                path: format!("{here}{stem}.rs"),
                line: 1,
                found: format!("no {there}{stem}.rs"),
                allowed: format!("the same names in both folders: {reason}"),
                fix: format!("write {there}{stem}.rs, or move what is no family out of ops/"),
            }));
        }
    }
    found
}

/// Names of the families in a folder: files and folders alike, `mod.rs` and tests apart.
fn stems<'a>(repo: &'a Repo, folder: &str) -> BTreeSet<&'a str> {
    repo.paths
        .iter()
        .filter_map(|path| path.strip_prefix(folder))
        .filter(|rest| rest.ends_with(".rs"))
        .filter_map(|rest| rest.split(['/', '.']).next())
        .filter(|stem| !["mod", "tests"].contains(stem))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn sisters_match() {
        let files = [
            ("compile/ir/src/ops/mod.rs", ""),
            ("compile/ir/src/ops/reduce.rs", ""),
            ("compile/reference/src/ops/reduce/mod.rs", ""),
            ("compile/reference/src/ops/reduce/sum.rs", ""),
        ];
        sample::check(&check(&repo(&files, &[])), &[]);
    }

    #[test]
    fn a_missing_sister_is_named_on_either_side() {
        let files =
            [("compile/ir/src/ops/pool.rs", ""), ("compile/reference/src/ops/reduce.rs", "")];
        sample::check(
            &check(&repo(&files, &[])),
            &["compile/ir/src/ops/pool.rs:1", "compile/reference/src/ops/reduce.rs:1"],
        );
    }
}
