//! Models as Keras wrote them, with what Keras itself answers.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tensor::Value;

/// A model file, with inputs and the outputs that they give.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) model: Vec<u8>,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
}

/// The cases of a suite, or those that `SCHOONER_CASES` names.
pub(crate) fn cases(suite: &Path) -> Vec<Case> {
    let archives = match std::env::var_os("SCHOONER_CASES") {
        Some(path) => vec![PathBuf::from(path)],
        None => vec![suite.join("keras2.zip.zst"), suite.join("keras3.zip.zst")],
    };
    archives.iter().flat_map(|path| read(path)).collect()
}

/// The cases of an archive: `model.<suffix>`, `case.json` with types and shapes, and `values.bin`
/// with the elements of all inputs and then of all outputs.
fn read(path: &Path) -> Vec<Case> {
    let each = testkit::cases(path).into_iter().map(|(name, parts)| {
        let ports: Json = serde_json::from_slice(&parts["case.json"]).unwrap();
        let mut rest = parts["values.bin"].as_slice();
        let [inputs, outputs] =
            ["inputs", "outputs"].map(|side| super::side(&ports, side, &mut rest));
        let mut parts = parts.into_iter();
        let (_, model) = parts.find(|(part, _)| part.starts_with("model.")).unwrap();
        Case { name, model, inputs, outputs }
    });
    each.collect()
}
