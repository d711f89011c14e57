//! Models as a framework wrote them, with what the framework itself answers: archives in a folder
//! of `suites`, whose README says how they are made.
//!
//! A case that fails has to be listed in `expected_failures.txt` with the reason, and a listed case
//! has to fail. `BLESS=1` writes the list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tensor::Value;

/// The files of a model, with inputs and the outputs that they give.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The description of the case: types and shapes of inputs and outputs among other things.
    pub(crate) about: Json,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
}

impl Case {
    fn read(name: String, mut files: BTreeMap<String, Vec<u8>>) -> Case {
        let about: Json = serde_json::from_slice(&files.remove("case.json").unwrap()).unwrap();
        let values = files.remove("values.bin").unwrap();
        let mut rest = values.as_slice();
        let [inputs, outputs] =
            ["inputs", "outputs"].map(|side| super::side(&about, side, &mut rest));
        Case { name, files, about, inputs, outputs }
    }

    /// The model, where it is one file.
    pub(crate) fn model(&self) -> Vec<u8> {
        let mut models = self.files.iter().filter(|(name, _)| name.starts_with("model."));
        models.next().unwrap().1.clone()
    }

    /// Writes the model's files into a folder.
    pub(crate) fn unpack(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// The cases of some archives of a suite, under names that begin with that of the archive where
/// there are several; or those that `SCHOONER_CASES` names.
pub(crate) fn cases(suite: &str, archives: &[&str]) -> Vec<Case> {
    let folder = testkit::repository().join("suites").join(suite);
    let paths = match std::env::var_os("SCHOONER_CASES") {
        Some(path) => vec![("given", PathBuf::from(path))],
        None => archives
            .iter()
            .map(|archive| (*archive, folder.join(format!("{archive}.zip.zst"))))
            .collect(),
    };
    let read = |(archive, path): &(&str, PathBuf)| -> Vec<Case> {
        let named = |name: String| match paths.len() {
            1 => name,
            _ if name.starts_with(archive) => name,
            _ => format!("{archive}_{name}"),
        };
        let cases = testkit::cases(path).into_iter();
        cases.map(|(name, files)| Case::read(named(name), files)).collect()
    };
    paths.iter().flat_map(read).collect()
}

/// Holds what a function says of each case of a suite against the list of those that fail.
pub(crate) fn hold(
    suite: &str,
    archives: &[&str],
    run: impl Fn(&Case) -> Result<(), String> + Sync,
) {
    let cases = cases(suite, archives);
    let outcomes = super::run_each(&cases, run);
    let names = cases.iter().map(|case| case.name.clone());
    let list = testkit::repository().join("suites").join(suite).join("expected_failures.txt");
    testkit::hold_to_list(&list, names.zip(outcomes).collect());
}
