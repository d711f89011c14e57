//! Importers of different formats do not know one another, but for those that are built on one.

use std::collections::BTreeMap;

use super::Violation;
use crate::repo::Repo;
use crate::syntax::lines_with;

/// The table of formats; a folder beside it that it names is the importer of one.
pub(crate) const FORMATS: &str = "compile/import/src/formats.rs";
const FOLDER: &str = "compile/import/src/";

/// Formats that are others in smaller files, with the format that each is built on: operators that
/// mean the same are imported by the same function.
const BUILT_ON: &[(&str, &str)] = &[("tfjs", "keras"), ("tflite", "tensorflow")];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let formats = formats(repo);
    let mut found = Vec::new();
    for (file, rust) in repo.rust_files() {
        let Some(rest) = file.path.strip_prefix(FOLDER) else { continue };
        let Some((own, _)) = rest.split_once('/') else { continue };
        if !formats.contains_key(own) {
            continue;
        }
        let is_open = |other: &str| other == own || BUILT_ON.contains(&(own, other));
        for other in formats.keys().filter(|other| !is_open(other)) {
            // A path into the sister module: `onnx::…`, as in `crate::onnx::decode`.
            found.extend(lines_with(&rust.tokens, other, Some(':')).into_iter().map(|line| {
                Violation {
                    path: file.path.clone(),
                    line,
                    found: format!("the importer of `{own}` names `{other}::`"),
                    allowed: "what lies in its own folder or beside the formats".to_owned(),
                    fix: format!("move what both need to {FOLDER}<what-it-is>.rs"),
                }
            }));
        }
    }
    found
}

/// The formats that are imported, each with the line of the table that names it first.
pub(crate) fn formats(repo: &Repo) -> BTreeMap<String, usize> {
    let Some(rust) = repo.file(FORMATS).and_then(|file| file.rust.as_ref()) else {
        return BTreeMap::new();
    };
    let modules = repo.paths.iter().filter_map(|path| {
        path.strip_prefix(FOLDER)?.split_once('/').filter(|(_, rest)| *rest == "mod.rs")
    });
    modules
        .filter_map(|(name, _)| {
            let line = *lines_with(&rust.tokens, name, None).first()?;
            Some((name.to_owned(), line))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, repo};
    use super::*;

    const ROWS: &str = "const A: &[F] = &[\n    F(onnx::import),\n    F(keras::import),\n];\n";

    #[test]
    fn a_format_may_use_what_lies_beside() {
        let files = [
            (FORMATS, ROWS),
            ("compile/import/src/keras/mod.rs", "use crate::protobuf::read;\nuse super::names;\n"),
            ("compile/import/src/onnx/mod.rs", "fn keras() { crate::onnx::b() }\n"),
            ("compile/import/src/protobuf/mod.rs", "fn of() { crate::onnx::b() }\n"),
        ];
        let repo = repo(&files, &[]);
        sample::check(&check(&repo), &[]);
        let named: Vec<_> = formats(&repo).into_iter().collect();
        assert_eq!(named, [("keras".to_owned(), 3), ("onnx".to_owned(), 2)]);
    }

    #[test]
    fn a_format_may_use_the_one_that_it_is_built_on() {
        let rows = "const A: &[F] = &[F(tensorflow::import), F(tflite::import)];\n";
        let files = [
            (FORMATS, rows),
            ("compile/import/src/tensorflow/mod.rs", "fn of() { crate::tflite::b() }\n"),
            ("compile/import/src/tflite/mod.rs", "fn of() { crate::tensorflow::b() }\n"),
        ];
        sample::check(&check(&repo(&files, &[])), &["compile/import/src/tensorflow/mod.rs:1"]);
    }

    #[test]
    fn a_format_may_not_use_its_sister() {
        let files = [
            (FORMATS, ROWS),
            ("compile/import/src/keras/mod.rs", ""),
            ("compile/import/src/keras/ops/pool.rs", "\nuse crate::onnx::ops::pool;\n"),
            ("compile/import/src/onnx/mod.rs", ""),
        ];
        sample::check(&check(&repo(&files, &[])), &["compile/import/src/keras/ops/pool.rs:2"]);
    }
}
