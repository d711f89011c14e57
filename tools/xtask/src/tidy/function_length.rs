//! How long a function may be.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::functions;

/// One screen, head and closing brace counted; blank lines and comments too.
pub(crate) const LINES_MAX: usize = 70;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, rust) in repo.rust_files() {
        let long = functions(&rust.tree).into_iter().filter(|found| found.lines > LINES_MAX);
        found.extend(long.map(|function| Violation {
            path: file.path.clone(),
            line: function.line,
            found: format!("fn `{}` has {} lines", function.name, function.lines),
            allowed: format!("{LINES_MAX}"),
            fix: "make a table of its cases, or give a step of it a name".to_owned(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn the_limit_is_inclusive() {
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(lines - 2));
        let short = function(LINES_MAX);
        sample::check(&check(&repo(&[("a.rs", &short)], &[])), &[]);
        let long = format!("impl T {{\n{}}}\n", function(LINES_MAX + 1));
        sample::check(&check(&repo(&[("a.rs", &long)], &[])), &["a.rs:2"]);
    }
}
