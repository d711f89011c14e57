//! The stated rules, each held by one file of `tidy/`.
//!
//! To add a rule: write `tidy/<rule>.rs` with `pub(crate) fn check(&Repo) -> Vec<Violation>`, a
//! passing and a failing sample as its tests, and add a row to [`RULES`].

mod architecture;
mod crate_allow;
mod crate_arrows;
mod crate_names;
mod equal_names;
mod features;
pub(crate) mod file_length;
mod final_newline;
mod foreign_words;
pub(crate) mod function_length;
mod fuzz_targets;
mod ignored_tests;
mod importer_arrows;
mod line_length;
mod spelling;
mod unfinished;
mod unsafe_code;
mod workspace_lints;

use std::io::Write;
use std::time::Instant;

use crate::repo::{Error, Repo};

/// A stated rule and the function that holds it.
struct Rule {
    /// The stem of its file.
    name: &'static str,
    /// What must be so, and why, in one sentence each.
    states: &'static str,
    check: fn(&Repo) -> Vec<Violation>,
}

/// One place where a rule is broken.
pub(crate) struct Violation {
    pub(crate) path: String,
    /// Counted from 1; 1 when the file as a whole is meant.
    pub(crate) line: usize,
    pub(crate) found: String,
    pub(crate) allowed: String,
    pub(crate) fix: String,
}

/// Every rule: the shape of the house first, then what stands in its files.
const RULES: &[Rule] = &[
    Rule {
        name: "crate_arrows",
        states: "No crate links what its row in the arrow table forbids. The data's way has one \
                 direction, and a half that cannot see the other can be replaced alone.",
        check: crate_arrows::check,
    },
    Rule {
        name: "crate_names",
        states: "A member lies two folders deep, its package is `schooner-<folder>`, its library \
                 `<folder>`, and none is called core, common or utils. A name that says what is \
                 inside is found by guessing.",
        check: crate_names::check,
    },
    Rule {
        name: "equal_names",
        states: "A family of operators has the same file name in every layer. Who knows one \
                 layer then knows where to look in the next.",
        check: equal_names::check,
    },
    Rule {
        name: "importer_arrows",
        states: "The importer of one format does not name another's. What two formats share \
                 lies beside them, so that either can be taken out alone.",
        check: importer_arrows::check,
    },
    Rule {
        name: "fuzz_targets",
        states: "Every format that is imported has `fuzz/fuzz_targets/import_<format>.rs`. \
                 Foreign bytes are hostile.",
        check: fuzz_targets::check,
    },
    Rule {
        name: "architecture",
        states: "ARCHITECTURE.md has at most 300 lines, names every crate, and each path that \
                 it names exists. A map with a wrong street is worse than none.",
        check: architecture::check,
    },
    Rule {
        name: "features",
        states: "A cargo feature turns on an optional dependency, and the workspace has at most \
                 ten. Every other feature doubles what must be tested and hides code.",
        check: features::check,
    },
    Rule {
        name: "workspace_lints",
        states: "Every member inherits the workspace's lints. A crate with its own lints is a \
                 crate with its own language.",
        check: workspace_lints::check,
    },
    Rule {
        name: "unsafe_code",
        states: "`unsafe` stands only in the engine; every other crate forbids it at its root. \
                 What must be read with care stays small.",
        check: unsafe_code::check,
    },
    Rule {
        name: "crate_allow",
        states: "No crate root allows or expects a lint for the whole crate. An exception is \
                 made where it is needed, with its reason.",
        check: crate_allow::check,
    },
    Rule {
        name: "unfinished",
        states: "No `todo!` and no `unimplemented!`. What is absent is refused with an error \
                 that says so.",
        check: unfinished::check,
    },
    Rule {
        name: "ignored_tests",
        states: "No `#[ignore]` and no doc example marked `ignore`. A test that does not run \
                 rots while it looks like cover.",
        check: ignored_tests::check,
    },
    Rule {
        name: "file_length",
        states: "A hand-written file has at most 500 lines before its trailing tests, a file of \
                 tests at most 700. One thing, one file.",
        check: file_length::check,
    },
    Rule {
        name: "function_length",
        states: "A function has at most 70 lines. It is read on one screen.",
        check: function_length::check,
    },
    Rule {
        name: "line_length",
        states: "A line of Rust has at most 100 columns, a comment with a link excepted. Two \
                 files fit side by side.",
        check: line_length::check,
    },
    Rule {
        name: "spelling",
        states: "Names are spelled the American way; prose is free. Two spellings of one name \
                 are found by neither search.",
        check: spelling::check,
    },
    Rule {
        name: "final_newline",
        states: "A text file of ours ends with exactly one newline. Appending to it is then a \
                 diff of one line.",
        check: final_newline::check,
    },
    Rule {
        name: "foreign_words",
        states: "No tracked text names one machine's folders or a package registry's host. The \
                 repository builds wherever it lies and from any mirror.",
        check: foreign_words::check,
    },
];

/// Holds every rule and prints what is broken. `false` when anything is.
pub(crate) fn run(out: &mut impl Write) -> Result<bool, Error> {
    let start = Instant::now();
    let repo = Repo::load()?;
    let mut broken = 0;
    for rule in RULES {
        let violations = (rule.check)(&repo);
        broken += violations.len();
        for violation in &violations {
            let Violation { path, line, found, allowed, fix } = violation;
            writeln!(out, "{path}:{line}: {}", rule.name)?;
            writeln!(out, "    found    {found}\n    allowed  {allowed}\n    fix      {fix}")?;
        }
        if !violations.is_empty() {
            writeln!(out, "{}: {}\n", rule.name, rule.states)?;
        }
    }
    writeln!(
        out,
        "tidy: {} rules, {} text files, {} crates, {broken} violations, {:.1} s",
        RULES.len(),
        repo.files.len(),
        repo.packages.len(),
        start.elapsed().as_secs_f64()
    )?;
    Ok(broken == 0)
}

/// Prints every rule with its reason.
pub(crate) fn print_rules(out: &mut impl Write) -> Result<bool, Error> {
    for rule in RULES {
        writeln!(out, "{:<16} {}", rule.name, rule.states)?;
    }
    Ok(true)
}

/// What the tests of all rules share: a repository made of literals.
#[cfg(test)]
mod sample {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::Violation;
    use crate::repo::{Repo, TextFile, packages};

    /// A repository of these files and members. A member is what [`member`] makes.
    pub(super) fn repo(files: &[(&str, &str)], members: &[Value]) -> Repo {
        let metadata = json!({ "packages": members }).to_string();
        Repo {
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            files: files
                .iter()
                .map(|(path, text)| TextFile::parse(path, (*text).to_owned()).unwrap())
                .collect(),
            packages: packages(metadata.as_bytes(), Path::new("/repo")).unwrap(),
        }
    }

    /// A member in `folder`, well named, with a library and these dependencies: each
    /// `"folder"` or `"registry-crate"`, after `dev:` or `build:` when it is of that kind.
    pub(super) fn member(folder: &str, dependencies: &[&str]) -> Value {
        let name = folder.rsplit('/').next().unwrap();
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|written| {
                let (kind, to) = match written.split_once(':') {
                    Some((kind, to)) => (Value::from(kind), to),
                    None => (Value::Null, *written),
                };
                let path = to.contains('/').then(|| format!("/repo/{to}"));
                let name = to.rsplit('/').next().unwrap();
                let name =
                    if path.is_some() { format!("schooner-{name}") } else { name.to_owned() };
                json!({ "name": name, "rename": null, "kind": kind, "optional": false,
                        "path": path })
            })
            .collect();
        json!({
            "name": format!("schooner-{name}"),
            "manifest_path": format!("/repo/{folder}/Cargo.toml"),
            "dependencies": dependencies,
            "features": {},
            "targets": [{ "name": name, "kind": ["lib"],
                          "src_path": format!("/repo/{folder}/src/lib.rs") }],
        })
    }

    /// Asserts that a rule speaks of exactly these places, each `path:line`.
    #[track_caller]
    pub(super) fn check(violations: &[Violation], expected: &[&str]) {
        let found: Vec<String> =
            violations.iter().map(|found| format!("{}:{}", found.path, found.line)).collect();
        let said: Vec<&str> = violations.iter().map(|found| found.found.as_str()).collect();
        assert_eq!(found, expected, "the rule said {said:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_one_file_and_one_row() {
        let folder = crate::repo::root().join("tools/xtask/src/tidy");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let mut rows: Vec<String> = RULES.iter().map(|rule| format!("{}.rs", rule.name)).collect();
        files.sort();
        rows.sort();
        assert_eq!(files, rows);
    }

    #[test]
    fn every_rule_is_silent_on_a_repository_that_keeps_it() {
        let lib = "//! Operators.\n#![forbid(unsafe_code)]\n\n/// One.\npub fn one() {}\n";
        let manifest = "[package]\n[lints]\nworkspace = true\n";
        let files = [
            ("ARCHITECTURE.md", "`compile/ir` is the graph.\n"),
            ("compile/ir/Cargo.toml", manifest),
            ("compile/ir/src/lib.rs", lib),
        ];
        let repo = sample::repo(&files, &[sample::member("compile/ir", &["serde"])]);
        for rule in RULES {
            sample::check(&(rule.check)(&repo), &[]);
        }
    }
}
