//! Layers and small models as TensorFlow.js wrote them, with what TensorFlow.js itself answers,
//! through the naive twin and through the compiled engine: `suites/tfjs`, whose README says how
//! they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`. A case that fails has to be listed in
//! `expected_failures.txt` with the reason, and a listed case has to fail. `BLESS=1` writes the
//! list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{Compiled, Tolerance};
use tensor::{Tensor, Value};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

/// The files of a model, with inputs and the outputs that they give.
struct Case {
    files: BTreeMap<String, Vec<u8>>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

fn suite() -> PathBuf {
    testkit::repository().join("suites/tfjs")
}

fn cases() -> BTreeMap<String, Case> {
    let own = suite().join("layers.zip.zst");
    let path = std::env::var_os("SCHOONER_CASES").map_or(own, PathBuf::from);
    testkit::cases(&path).into_iter().map(|(name, files)| (name, read(files))).collect()
}

fn read(mut files: BTreeMap<String, Vec<u8>>) -> Case {
    let ports: Json = serde_json::from_slice(&files.remove("case.json").unwrap()).unwrap();
    let values = files.remove("values.bin").unwrap();
    let mut rest = values.as_slice();
    let [inputs, outputs] =
        ["inputs", "outputs"].map(|side| support::side(&ports, side, &mut rest));
    Case { files, inputs, outputs }
}

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let (names, cases): (Vec<String>, Vec<Case>) = cases().into_iter().unzip();
    let outcomes = support::run_each(&cases, run);
    let list = suite().join("expected_failures.txt");
    testkit::hold_to_list(&list, names.into_iter().zip(outcomes).collect());
}

fn unpack(case: &Case, folder: &Path) -> PathBuf {
    for (name, bytes) in &case.files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder.join("model.json")
}

fn run(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = unpack(case, folder.path());
    let imported = import::import_file(&path, &import::Options::default());
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

#[track_caller]
fn refused(path: &Path, expected: &str) {
    let error = import::import_file(path, &import::Options::default()).unwrap_err().to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

#[test]
fn weights_that_are_not_there_are_named() {
    let case = cases().remove("nested_uint8").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = unpack(&case, folder.path());
    let bytes = case.files["model.json"].clone();
    let error = import::import(bytes, &import::Options::default()).unwrap_err().to_string();
    assert!(error.contains("import the model by its path"), "{error}");
    let shard = folder.path().join("group1-shard2of2.bin");
    std::fs::write(&shard, [0u8; 3]).unwrap();
    refused(&path, "the TensorFlow.js file is damaged: its weights take");
    std::fs::remove_file(&shard).unwrap();
    refused(&path, "its weights are in `group1-shard2of2.bin`");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("group1-shard2of2.bin", "../shard.bin")).unwrap();
    refused(&path, "outside the model's folder");
    std::fs::write(&path, text.replace("layers-model", "graph-model")).unwrap();
    refused(&path, "is a graph of TensorFlow's nodes (graph-model), not of layers");
    std::fs::write(&path, text.replace("\"uint8\"", "\"complex64\"")).unwrap();
    refused(&path, "it is stored as");
}

#[test]
fn a_real_model_of_small_weights_answers_as_in_tensorflow_js() {
    let Some(path) = testkit::fixture("nsfwjs-mobilenet_v2/model.json") else { return };
    let real: Json =
        serde_json::from_slice(&std::fs::read(suite().join("real.json")).unwrap()).unwrap();
    let scores = real["nsfwjs"].as_array().unwrap().iter();
    let scores: Vec<f32> = scores.map(|score| score.as_f64().unwrap() as f32).collect();
    let shape = [1, 224, 224, 3];
    let pixels: Vec<f32> =
        (0..shape.iter().product()).map(|at: usize| (at * 7919 % 255) as f32 / 255.0).collect();
    let pixels = Tensor::from_slice(&shape, &pixels).unwrap();
    let expected = Tensor::from_slice(&[1, scores.len()], &scores).unwrap();
    let model =
        Compiled::imported(import::import_file(&path, &import::Options::default())).unwrap();
    model.check(&[pixels.into()], &[expected.into()], TOLERANCE).unwrap();
}
