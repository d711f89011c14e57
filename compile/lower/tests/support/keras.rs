//! Models as Keras wrote them, with what Keras itself answers.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tensor::{DType, Tensor, Value};

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
        let mut side = |side: &str| -> Vec<Value> {
            ports[side].as_array().unwrap().iter().map(|port| value(port, &mut rest)).collect()
        };
        let (inputs, outputs) = (side("inputs"), side("outputs"));
        let mut parts = parts.into_iter();
        let (_, model) = parts.find(|(part, _)| part.starts_with("model.")).unwrap();
        Case { name, model, inputs, outputs }
    });
    each.collect()
}

fn value(port: &Json, rest: &mut &[u8]) -> Value {
    let dtype = DType::from_name(port["dtype"].as_str().unwrap()).unwrap();
    let shape = port["shape"].as_array().unwrap().iter();
    let shape: Vec<usize> = shape.map(|size| size.as_u64().unwrap() as usize).collect();
    let length = shape.iter().product::<usize>() * dtype.size();
    let (own, behind) = rest.split_at(length);
    *rest = behind;
    Tensor::from_bytes(dtype, &shape, own).unwrap().into()
}
