//! How wide a line of Rust may be.

use super::Violation;
use crate::repo::Repo;

/// What rustfmt is set to; it leaves strings and comments alone, this rule does not.
const COLUMNS_MAX: usize = 100;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, _) in repo.rust_files() {
        for (at, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            // A link cannot be broken.
            let is_link = line.trim_start().starts_with("//") && line.contains("://");
            if columns > COLUMNS_MAX && !is_link {
                found.push(Violation {
                    path: file.path.clone(),
                    line: at + 1,
                    found: format!("{columns} columns"),
                    allowed: format!("{COLUMNS_MAX}"),
                    fix: "break the comment, or the string with a trailing backslash".to_owned(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn columns_are_characters_and_links_are_excepted() {
        let wide = "é".repeat(COLUMNS_MAX - 3);
        let link = format!("// https://example.com/{wide}\n");
        let fits = format!("// {wide}\n");
        sample::check(&check(&repo(&[("a.rs", &(link + &fits))], &[])), &[]);
        let text = format!("\n// {wide}x\n");
        sample::check(&check(&repo(&[("a.rs", &text)], &[])), &["a.rs:2"]);
    }
}
