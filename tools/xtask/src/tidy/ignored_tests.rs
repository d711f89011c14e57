//! Every test runs.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::attribute_lines;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, rust) in repo.rust_files() {
        let attributes = attribute_lines(&rust.tokens, "ignore").into_iter();
        let examples = file
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| opens_ignored_example(line))
            .map(|(at, _)| at + 1);
        let lines = attributes
            .map(|line| (line, "`#[ignore]`"))
            .chain(examples.map(|line| (line, "a doc example marked `ignore`")));
        found.extend(lines.map(|(line, what)| {
            Violation {
            path: file.path.clone(),
            line,
            found: what.to_owned(),
            allowed: "tests that run".to_owned(),
            fix: "make it fast, let it print what it skipped and why, or remove it; text that is \
                  no Rust is marked `text`"
                .to_owned(),
        }
        }));
    }
    found
}

fn opens_ignored_example(line: &str) -> bool {
    let line = line.trim_start();
    let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
    let fence = comment.and_then(|comment| comment.trim_start().strip_prefix("```"));
    fence.is_some_and(|words| words.split([',', ' ']).any(|word| word.starts_with("ignore")))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn only_what_stops_a_test_is_meant() {
        let runs = "//! ignore ```\n/// ```text\n/// ignore\n/// ```\n#[test]\nfn ignore() {}\n";
        sample::check(&check(&repo(&[("a.rs", runs)], &[])), &[]);
        let rests =
            "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n/// ```rust,ignore\n/// ```\nfn b() {}\n";
        sample::check(&check(&repo(&[("a.rs", rests)], &[])), &["a.rs:2", "a.rs:4"]);
    }
}
