//! ARCHITECTURE.md is true: it names every crate, and what it names exists.

use super::Violation;
use crate::repo::{Repo, TextFile};

const MAP: &str = "ARCHITECTURE.md";
/// A map that is read from end to end in ten minutes.
const LINES_MAX: usize = 300;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let Some(map) = repo.file(MAP) else {
        return vec![violation(
            1,
            "no file".to_owned(),
            format!("{MAP} at the root"),
            "write down the data's way, each crate, and what must never be",
        )];
    };
    let mut found = Vec::new();
    let lines = map.text.lines().count();
    if lines > LINES_MAX {
        found.push(violation(
            LINES_MAX + 1,
            format!("{lines} lines"),
            format!("{LINES_MAX}"),
            "move detail to the doc of the crate that it speaks of",
        ));
    }
    found.extend(unnamed_crates(repo, map));
    found.extend(missing_paths(repo, map));
    found
}

fn unnamed_crates(repo: &Repo, map: &TextFile) -> Vec<Violation> {
    let is_named = |folder: &str| {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        words(&map.text).any(|(_, word)| word == folder || word == format!("schooner-{name}"))
            || map.text.contains(&format!("`{name}`"))
            || map.text.contains(&format!("**{name}**"))
    };
    let unnamed = repo.packages.iter().filter(|package| !is_named(&package.folder));
    unnamed
        .map(|package| {
            violation(
                1,
                format!("`{}` is nowhere named", package.folder),
                "every crate by path, package or `name`".to_owned(),
                "say in one sentence what goes in and what comes out of it",
            )
        })
        .collect()
}

fn missing_paths(repo: &Repo, map: &TextFile) -> Vec<Violation> {
    let exists = |word: &str| {
        let folder = format!("{}/", word.trim_end_matches('/'));
        repo.paths.iter().any(|path| {
            *path == word || path.starts_with(&folder) || path.contains(&format!("/{folder}"))
        })
    };
    words(&map.text)
        .filter(|(_, word)| is_path(repo, word) && !exists(word))
        .map(|(line, word)| {
            violation(
                line,
                format!("`{word}` does not exist"),
                "paths that exist".to_owned(),
                "correct the path, or remove the sentence",
            )
        })
        .collect()
}

/// Whether a word of the map is a path in this repository: it ends in a slash, or begins with a
/// folder at the root. Patterns (`<family>`, `*`) and links are none.
fn is_path(repo: &Repo, word: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-".contains(sign);
    let Some((first, _)) = word.split_once('/') else { return false };
    if first.is_empty() || !word.chars().all(plain) {
        return false;
    }
    let at_root = format!("{first}/");
    word.ends_with('/') || repo.paths.iter().any(|path| path.starts_with(&at_root))
}

/// The words of a text without the signs around them, each with its line.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(at, line)| {
        let inner = line.split(|sign: char| sign.is_whitespace() || "`()[]|,;:\"".contains(sign));
        inner.map(move |word| (at + 1, word.trim_end_matches('.')))
    })
}

fn violation(line: usize, found: String, allowed: String, fix: &str) -> Violation {
    Violation { path: MAP.to_owned(), line, found, allowed, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, member, repo};
    use super::*;

    fn places(map: &str) -> Vec<Violation> {
        let files = [(MAP, map), ("compile/ir/src/ops/pool.rs", "")];
        check(&repo(&files, &[member("compile/ir", &[])]))
    }

    #[test]
    fn a_true_map_passes() {
        for map in [
            "compile/ir: graphs. In `ops/` and compile/ir/src/ops/pool.rs.\n",
            "schooner-ir; compile/ir/src/<family>/x.rs and/or https://example.com/a/\n",
            "The `ir`. A body/header/REST word; compile/*.\n",
        ] {
            sample::check(&places(map), &[]);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (map, line) in [
            ("The ir of compile/.\n", 1),
            ("`ir`\nsees (compile/passes).\n", 2),
            ("`ir`\n\n`suites/`\n", 3),
            (&("`ir`\n".to_owned() + &"\n".repeat(LINES_MAX)), LINES_MAX + 1),
        ] {
            sample::check(&places(map), &[&format!("{MAP}:{line}")]);
        }
    }

    #[test]
    fn a_missing_map_is_named() {
        sample::check(&check(&repo(&[], &[])), &["ARCHITECTURE.md:1"]);
    }
}
