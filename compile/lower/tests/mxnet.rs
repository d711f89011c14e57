//! Operators and small nets as MXNet wrote them, with what MXNet itself answers, through the naive
//! twin and through the compiled engine: `suites/mxnet`, whose README says how they are made.
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
use tensor::{Tensor, Value};

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
    let suite = testkit::repository().join("suites/mxnet");
    let archives = match std::env::var_os("SCHOONER_CASES") {
        Some(path) => vec![("given".to_string(), PathBuf::from(path))],
        None => ["operators", "models"]
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
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    for (name, bytes) in &case.files {
        std::fs::write(folder.path().join(name), bytes).map_err(|e| e.to_string())?;
    }
    let path = folder.path().join("net-symbol.json");
    let imported = import::import_file(&path, &import::Options::default());
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

#[test]
fn a_net_of_mxnet_answers_as_its_onnx_form() {
    let Some(folder) = testkit::fixture("efficientnet-lite0") else { return };
    let graph = |name: &str| {
        let imported = import::import_file(&folder.join(name), &import::Options::default());
        imported.unwrap().graph
    };
    let shape = [1, 3, 224, 224];
    let pixel = |at: usize| ((at * 7919 % 255) as f32 - 127.0) / 128.0;
    let pixels: Vec<f32> = (0..shape.iter().product()).map(pixel).collect();
    let pixels = Tensor::from_slice(&shape, &pixels).unwrap();
    let answers = ["efficientnet_lite0_mx-symbol.json", "efficientnet_lite0.onnx"].map(|name| {
        let model = Compiled::of_graph(graph(name)).unwrap();
        let made = model.run(&[pixels.clone().into()]).unwrap();
        made[0].tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
    });
    // The one makes probabilities, the other one what they are made of.
    let largest = answers[1].iter().fold(f32::MIN, |a, &b| a.max(b));
    let exponentials: Vec<f32> = answers[1].iter().map(|x| (x - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    for (made, expected) in answers[0].iter().zip(exponentials) {
        assert!((made - expected / sum).abs() < 1e-4, "{made}, expected {}", expected / sum);
    }
}
