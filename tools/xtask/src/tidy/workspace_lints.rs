//! Every member speaks under the same lints.

use super::Violation;
use crate::repo::Repo;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let manifests = repo.packages.iter().map(|package| format!("{}/Cargo.toml", package.folder));
    manifests
        .filter_map(|manifest| repo.file(&manifest))
        .filter(|file| {
            let mut lines = file.text.lines().map(str::trim).filter(|line| !line.is_empty());
            let inline = file.text.lines().any(|line| line.trim() == "lints.workspace = true");
            let table =
                lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true");
            !inline && !table
        })
        .map(|file| Violation {
            path: file.path.clone(),
            line: 1,
            found: "a member without the workspace's lints".to_owned(),
            allowed: "`[lints]` with `workspace = true`".to_owned(),
            fix: "add these two lines at the end of the manifest".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, member, repo};
    use super::*;

    #[test]
    fn the_two_lines_are_asked_for() {
        for (manifest, expected) in [
            ("[package]\n\n[lints]\nworkspace = true\n", None),
            ("[package]\n", Some("compile/ir/Cargo.toml:1")),
            ("[lints.clippy]\ntodo = \"allow\"\n", Some("compile/ir/Cargo.toml:1")),
        ] {
            let files = [("compile/ir/Cargo.toml", manifest)];
            let expected: Vec<&str> = expected.into_iter().collect();
            sample::check(&check(&repo(&files, &[member("compile/ir", &[])])), &expected);
        }
    }
}
