//! No macro that promises code and panics instead.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::lines_with;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, rust) in repo.rust_files() {
        for word in ["todo", "unimplemented"] {
            let lines = lines_with(&rust.tokens, word, Some('!')).into_iter();
            found.extend(lines.map(|line| Violation {
                path: file.path.clone(),
                line,
                found: format!("`{word}!`"),
                allowed: "code that works, or an error that says what is absent".to_owned(),
                fix: "write it, or return an error with expected, found and fix".to_owned(),
            }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    #[test]
    fn macros_are_told_from_words() {
        let text = "// todo!()\nfn todo() { let unimplemented = \"todo!\"; }\n";
        sample::check(&check(&repo(&[("a.rs", text)], &[])), &[]);
        let text = "fn a() { todo!() }\nfn b() {\n    vec![unimplemented!()]\n}\n";
        sample::check(&check(&repo(&[("a.rs", text)], &[])), &["a.rs:1", "a.rs:3"]);
    }
}
