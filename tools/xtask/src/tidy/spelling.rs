//! One spelling of names: American, as in the libraries they stand beside.

use super::Violation;
use crate::repo::Repo;
use crate::syntax::identifiers;

/// Stems that only the other spelling has, and how ours writes them.
const STEMS: &[(&str, &str)] = &[
    ("behaviour", "behavior"),
    ("centre", "center"),
    ("colour", "color"),
    ("equalis", "equaliz"),
    ("finalis", "finaliz"),
    ("generalis", "generaliz"),
    ("honour", "honor"),
    ("initialis", "initializ"),
    ("labell", "label"),
    ("licence", "license"),
    ("materialis", "materializ"),
    ("minimis", "minimiz"),
    ("neighbour", "neighbor"),
    ("normalis", "normaliz"),
    ("optimis", "optimiz"),
    ("organis", "organiz"),
    ("quantis", "quantiz"),
    ("serialis", "serializ"),
    ("specialis", "specializ"),
    ("summaris", "summariz"),
    ("utilis", "utiliz"),
    ("vectoris", "vectoriz"),
];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, rust) in repo.rust_files() {
        for (line, name) in identifiers(&rust.tokens) {
            let lower = name.to_lowercase();
            let stem = STEMS.iter().find(|(stem, _)| lower.contains(stem));
            found.extend(stem.map(|(theirs, ours)| Violation {
                path: file.path.clone(),
                line,
                found: format!("the name `{name}`"),
                allowed: format!("`{ours}` for `{theirs}`"),
                fix: "rename it everywhere".to_owned(),
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
    fn names_are_held_and_prose_is_free() {
        let text = "/// Normalises colours.\nfn normalize(color: u8) -> &str { \"colour\" }\n";
        sample::check(&check(&repo(&[("a.rs", text)], &[])), &[]);
        let text = "fn a() {}\nfn normalise() {}\nstruct Quantiser;\n";
        sample::check(&check(&repo(&[("a.rs", text)], &[])), &["a.rs:2", "a.rs:3"]);
    }
}
