//! No lint is switched off for a whole crate.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::inner_attributes;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for target in repo.packages.iter().flat_map(|package| &package.targets) {
        let Some(file) = repo.file(&target.root) else { continue };
        let Some(rust) = &file.rust else { continue };
        for word in ["allow", "expect"] {
            found.extend(inner_attributes(&rust.tree, word).map(|(line, _)| Violation {
                path: file.path.clone(),
                line,
                found: format!("`#![{word}(…)]` at the root of `{}`", target.name),
                allowed: "no lint switched off for a whole crate".to_owned(),
                fix: format!("put `#[{word}(…, reason = \"…\")]` on the item that needs it"),
            }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, member, repo};
    use super::*;

    #[test]
    fn only_attributes_at_the_root_are_meant() {
        let root = "#![warn(missing_docs)]\n#[allow(dead_code, reason = \"a\")]\nfn a() {}\n";
        let inner = "#![allow(clippy::excessive_precision)]\n";
        let files = [("compile/ir/src/lib.rs", root), ("compile/ir/src/erf.rs", inner)];
        sample::check(&check(&repo(&files, &[member("compile/ir", &[])])), &[]);
    }

    #[test]
    fn allow_and_expect_are_found_however_they_are_written() {
        for root in
            ["#![allow(dead_code)]\n", "#![expect(x)]\n", "#![cfg_attr(test, allow(dead_code))]\n"]
        {
            let files = [("compile/ir/src/lib.rs", root)];
            let found = check(&repo(&files, &[member("compile/ir", &[])]));
            sample::check(&found, &["compile/ir/src/lib.rs:1"]);
        }
    }
}
