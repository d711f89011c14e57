//! Words that tie the repository to one place.

use super::Violation;
use crate::repo::Repo;

/// A word that no tracked text may hold.
struct Word {
    word: &'static str,
    fix: &'static str,
}

/// Each is written in two pieces, so that this file keeps its own rule.
const WORDS: &[Word] = &[
    Word { word: concat!("/wo", "rk/"), fix: "write the path relative to the repository" },
    Word { word: concat!("crates", ".io"), fix: "say \"the crate registry\"" },
    Word { word: concat!("pypi", ".org"), fix: "name the package and its version only" },
    Word { word: concat!("npm", "js"), fix: "name the package and its version only" },
    Word { word: concat!("deb.", "debian.org"), fix: "name the package only" },
];

/// Files that cargo writes: the registry's name in them is its default one.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in repo.files.iter().filter(|file| !file.path.ends_with(WRITTEN_BY_CARGO)) {
        for Word { word, fix } in WORDS {
            for (at, _) in file.text.match_indices(word) {
                // `network/` and its like are ordinary words.
                let before = file.text[..at].chars().next_back();
                if word.starts_with('/') && before.is_some_and(char::is_alphanumeric) {
                    continue;
                }
                found.push(Violation {
                    path: file.path.clone(),
                    line: 1 + file.text[..at].matches('\n').count(),
                    found: format!("`{word}`"),
                    allowed: "no one machine's folder and no registry's host".to_owned(),
                    fix: (*fix).to_owned(),
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
    fn ordinary_words_pass() {
        let files = [
            ("README.md", "the crate registry; network/work/a; ../shared\n"),
            ("Cargo.lock", concat!("registry+https://host/crates", ".io-index\n")),
        ];
        sample::check(&check(&repo(&files, &[])), &[]);
    }

    #[test]
    fn every_word_is_found_with_its_line() {
        for Word { word, .. } in WORDS {
            let text = format!("one\ntwo ({word})\n");
            sample::check(&check(&repo(&[("a.md", &text)], &[])), &["a.md:2"]);
        }
    }
}
