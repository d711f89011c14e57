//! Layers and small models as Keras wrote them, with what Keras itself answers, through the naive
//! twin and through the compiled engine: `suites/keras`, whose README says how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal. A case that
//! fails has to be listed in `expected_failures.txt` with the reason, and a listed case has to
//! fail. `BLESS=1` writes the list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use support::{Compiled, Tolerance};
use tensor::{DType, Tensor, Value};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

/// A model file, with inputs and the outputs that they give.
struct Case {
    name: String,
    model: Vec<u8>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let suite = testkit::repository().join("suites/keras");
    let archives = match std::env::var_os("SCHOONER_CASES") {
        Some(path) => vec![PathBuf::from(path)],
        None => vec![suite.join("keras2.zip.zst"), suite.join("keras3.zip.zst")],
    };
    let cases: Vec<Case> = archives.iter().flat_map(|path| read(path)).collect();
    let outcomes = support::run_each(&cases, run);
    let names = cases.iter().map(|case| case.name.clone());
    testkit::hold_to_list(&suite.join("expected_failures.txt"), names.zip(outcomes).collect());
}

fn run(case: &Case) -> Result<(), String> {
    Compiled::of(case.model.clone().into())?.check(&case.inputs, &case.outputs, TOLERANCE)
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
