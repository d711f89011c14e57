//! How a text file ends.

use super::Violation;
use crate::repo::Repo;

/// What is written by hand. Stored samples are left as their makers wrote them.
const HAND_WRITTEN: &[&str] =
    &[".rs", ".toml", ".md", ".py", ".sh", ".c", ".h", "justfile", ".ci/run"];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let wrong = repo.files.iter().filter(|file| {
        HAND_WRITTEN.iter().any(|suffix| file.path.ends_with(suffix))
            && !file.text.is_empty()
            && (!file.text.ends_with('\n') || file.text.ends_with("\n\n"))
    });
    wrong
        .map(|file| Violation {
            path: file.path.clone(),
            line: file.text.lines().count(),
            found: if file.text.ends_with('\n') { "empty lines" } else { "no newline" }.to_owned()
                + " at the end",
            allowed: "exactly one newline".to_owned(),
            fix: "let the editor end files with one newline; `just fmt` does it for Rust"
                .to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn exactly_one_newline_ends_a_file() {
        let files = [("a.rs", "fn a() {}\n"), ("b.md", ""), ("suites/c.txt", "as it came")];
        sample::check(&check(&repo(&files, &[])), &[]);
        let files = [("a.rs", "fn a() {}"), ("b.md", "b\n\n")];
        sample::check(&check(&repo(&files, &[])), &["a.rs:1", "b.md:2"]);
    }
}
