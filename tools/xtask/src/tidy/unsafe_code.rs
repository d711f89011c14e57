//! Where `unsafe` may stand.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::{inner_attributes, lines_with};

/// A crate that may hold `unsafe`, and what for.
struct Allowed {
    folder: &'static str,
    reason: &'static str,
}

const ALLOWED: &[Allowed] = &[
    Allowed { folder: "engine/simd", reason: "vector instructions are unsafe functions" },
    Allowed { folder: "engine/kernels", reason: "unchecked loads inside blocks already checked" },
    Allowed { folder: "engine/runtime", reason: "maps plans from files, shares buffers" },
    Allowed { folder: "engine/library", reason: "the C interface takes raw pointers" },
];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let allowed = |folder: &str| ALLOWED.iter().any(|Allowed { folder: here, .. }| *here == folder);
    let mut found = Vec::new();
    for package in repo.packages.iter().filter(|package| !allowed(&package.folder)) {
        for target in &package.targets {
            let ships = target.kind.iter().any(|kind| kind.ends_with("lib") || kind == "bin");
            let Some(file) = repo.file(&target.root).filter(|_| ships) else { continue };
            let Some(rust) = &file.rust else { continue };
            // A root without a single item has nothing to forbid yet.
            let holds_code = !rust.tree.items.is_empty();
            let forbids = inner_attributes(&rust.tree, "forbid").any(|(_, attribute)| {
                attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| !lines_with(&list.tokens, "unsafe_code", None).is_empty())
            });
            if holds_code && !forbids {
                found.push(Violation {
                    path: file.path.clone(),
                    line: 1,
                    found: "a crate root without `#![forbid(unsafe_code)]`".to_owned(),
                    allowed: format!("that line, outside {}", places()),
                    fix: "add the line below the crate's doc".to_owned(),
                });
            }
        }
    }
    for (file, rust) in repo.rust_files() {
        if repo.package_of(&file.path).is_some_and(|package| allowed(&package.folder)) {
            continue;
        }
        // Tests and benches are crates of their own: the root's `forbid` does not reach them.
        found.extend(lines_with(&rust.tokens, "unsafe", None).into_iter().map(|line| Violation {
            path: file.path.clone(),
            line,
            found: "`unsafe`".to_owned(),
            allowed: format!("only in {}", places()),
            fix: "call a safe function of the engine that does it".to_owned(),
        }));
    }
    found
}

fn places() -> String {
    let rows = ALLOWED.iter().map(|Allowed { folder, reason }| format!("{folder} ({reason})"));
    rows.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, member, repo};
    use super::*;

    #[test]
    fn the_engine_may_and_the_rest_forbids() {
        let files = [
            ("engine/simd/src/lib.rs", "pub unsafe fn load() {}\n"),
            ("compile/ir/src/lib.rs", "#![forbid(unsafe_code)]\nmod a;\n"),
            ("compile/emit/src/lib.rs", "//! Empty.\n"),
        ];
        let members = ["engine/simd", "compile/ir", "compile/emit"].map(|at| member(at, &[]));
        sample::check(&check(&repo(&files, &members)), &[]);
    }

    #[test]
    fn a_missing_line_and_a_stray_block_are_seen() {
        let files = [
            ("compile/ir/src/lib.rs", "#![deny(unsafe_code)]\nmod a;\n"),
            ("compile/ir/tests/a.rs", "\nfn a() { unsafe { b() } }\n"),
        ];
        sample::check(
            &check(&repo(&files, &[member("compile/ir", &[])])),
            &["compile/ir/src/lib.rs:1", "compile/ir/tests/a.rs:2"],
        );
    }
}
