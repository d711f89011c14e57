//! Layers and small models as TensorFlow.js wrote them, with what TensorFlow.js itself answers,
//! through the naive twin and through the compiled engine: `suites/tfjs`, whose README says how
//! they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::Tensor;

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

/// The archive of the suite.
const ARCHIVE: &[&str] = &["layers"];

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("tfjs", ARCHIVE, run);
}

fn unpack(case: &Case, folder: &Path) -> PathBuf {
    case.unpack(folder);
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
    let cases = suite::cases("tfjs", ARCHIVE);
    let case = cases.iter().find(|case| case.name == "nested_uint8").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = unpack(case, folder.path());
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
    let real: Json = serde_json::from_slice(
        &std::fs::read(testkit::repository().join("suites/tfjs/real.json")).unwrap(),
    )
    .unwrap();
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
