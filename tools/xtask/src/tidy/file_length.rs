//! How long a file may be.

use super::Violation;
use crate::repo::{Repo, TextFile};
use crate::syntax::{is_test_path, trailing_tests};

/// What one reader holds in mind at once, seen in the code bases that are pleasant to read.
const CODE_LINES_MAX: usize = 500;
/// Tests are tables and samples: longer than code, still findable.
const TEST_LINES_MAX: usize = 700;

/// What is written by hand; data, locks and prose have no limit here.
const HAND_WRITTEN: &[&str] = &[".rs", ".py", ".sh", ".c", ".h"];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &repo.files {
        if !HAND_WRITTEN.iter().any(|suffix| file.path.ends_with(suffix)) {
            continue;
        }
        let (code, tests) = lengths(file);
        for (lines, what, allowed, fix) in [
            (code, "lines of code", CODE_LINES_MAX, "give each thing in it a file of its own"),
            (tests, "lines of tests", TEST_LINES_MAX, "split by what is tested, or use tables"),
        ] {
            if lines > allowed {
                found.push(Violation {
                    path: file.path.clone(),
                    line: allowed + 1,
                    found: format!("{lines} {what}"),
                    allowed: format!("{allowed}"),
                    fix: fix.to_owned(),
                });
            }
        }
    }
    found
}

/// Lines of code and of tests in a file: a trailing `#[cfg(test)]` module counts as tests.
pub(crate) fn lengths(file: &TextFile) -> (usize, usize) {
    let all = file.text.lines().count();
    if is_test_path(&file.path) {
        return (0, all);
    }
    let tests = file.rust.as_ref().and_then(|rust| trailing_tests(&rust.tree));
    tests.map_or((all, 0), |line| (line - 1, all + 1 - line))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn each_kind_of_file_has_its_limit() {
        let code = |lines: usize| "const _: () = ();\n".repeat(lines);
        let tests = |lines: usize| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code(lines - 3));
        for (path, text, expected) in [
            ("compile/ir/src/a.rs", code(CODE_LINES_MAX), None),
            ("compile/ir/src/a.rs", code(CODE_LINES_MAX + 1), Some("compile/ir/src/a.rs:501")),
            ("compile/ir/src/a.rs", code(CODE_LINES_MAX) + &tests(TEST_LINES_MAX), None),
            ("compile/ir/src/a.rs", tests(TEST_LINES_MAX + 1), Some("compile/ir/src/a.rs:701")),
            ("compile/ir/tests/a.rs", code(TEST_LINES_MAX), None),
            ("compile/ir/tests/a.rs", code(TEST_LINES_MAX + 1), Some("compile/ir/tests/a.rs:701")),
            ("suites/a.py", "\n".repeat(CODE_LINES_MAX + 1), Some("suites/a.py:501")),
            ("suites/a.txt", "\n".repeat(CODE_LINES_MAX + 1), None),
        ] {
            let expected: Vec<&str> = expected.into_iter().collect();
            sample::check(&check(&repo(&[(path, &text)], &[])), &expected);
        }
    }
}
