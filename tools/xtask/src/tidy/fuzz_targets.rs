//! Every format that is imported is fuzzed.

use super::Violation;
use super::importer_arrows::formats;
use crate::repo::Repo;

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let missing = formats(repo).into_iter().filter_map(|(format, line)| {
        let target = format!("fuzz/fuzz_targets/import_{format}.rs");
        (!repo.paths.contains(&target)).then_some((line, target))
    });
    missing
        .map(|(line, target)| Violation {
            path: super::importer_arrows::FORMATS.to_owned(),
            line,
            found: format!("no {target}"),
            allowed: "a fuzz target for every format".to_owned(),
            fix: "copy a sister's target and name it in fuzz/Cargo.toml".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    const ROWS: &str = "use crate::onnx;\nconst A: &[F] = &[\n    F(onnx::import),\n];\n";

    #[test]
    fn a_format_needs_its_target() {
        let files = [
            ("compile/import/src/formats.rs", ROWS),
            ("compile/import/src/onnx/mod.rs", ""),
            ("fuzz/fuzz_targets/import_onnx.rs", ""),
        ];
        sample::check(&check(&repo(&files, &[])), &[]);
        sample::check(&check(&repo(&files[..2], &[])), &["compile/import/src/formats.rs:1"]);
    }
}
