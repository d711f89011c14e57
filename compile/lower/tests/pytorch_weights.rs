//! Weights of PyTorch alone, with what PyTorch itself answers: architectures that are told by them,
//! and exports that they are put into. `suites/pytorch`, whose README says how they are made.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use import::Options;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::Tensor;

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

/// A number from -1 to 1 that a hash of its place makes, as `weights.py` has it.
fn number(seed: u64, place: usize) -> f64 {
    let mut hash = (place as u32).wrapping_add((seed * 7919) as u32);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x45d9f3b);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x45d9f3b);
    hash ^= hash >> 16;
    f64::from(hash >> 8) / f64::from(1 << 23) - 1.0
}

fn numbers(seed: u64, count: usize, [by, add]: [f64; 2]) -> Vec<f32> {
    (0..count).map(|place| (number(seed, place) * by + add) as f32).collect()
}

/// A safetensors file of tensors that a case names.
fn safetensors(tensors: &Json) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for tensor in tensors.as_array().unwrap() {
        let shape: Vec<usize> =
            tensor[2].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let scale = [3, 4].map(|at| tensor[at].as_f64().unwrap());
        let first = data.len();
        for number in numbers(tensor[1].as_u64().unwrap(), shape.iter().product(), scale) {
            data.extend_from_slice(&number.to_le_bytes());
        }
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [first, data.len()]});
        header.insert(tensor[0].as_str().unwrap().to_string(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

fn architectures() -> BTreeMap<String, Json> {
    let path = testkit::repository().join("suites/pytorch/weights.zip.zst");
    let cases = testkit::cases(&path).into_iter();
    cases
        .map(|(name, files)| (name, serde_json::from_slice(&files["case.json"]).unwrap()))
        .collect()
}

#[test]
fn each_architecture_that_its_weights_tell_answers_as_in_pytorch() {
    let cases: Vec<(String, Json)> = architectures().into_iter().collect();
    let outcomes = support::run_each(&cases, |(_, case)| {
        // The model's name tells apart what has the same names and shapes.
        let name = format!("{}.safetensors", case["name"].as_str().unwrap());
        let options = Options { name: Some(name), ..Options::default() };
        let model = Compiled::imported(import::import(safetensors(&case["tensors"]), &options))?;
        let size = case["size"].as_u64().unwrap() as usize;
        let pixels = numbers(1 << 20, 3 * size * size, [1.0, 0.0]);
        let image = Tensor::from_slice(&[1, 3, size, size], &pixels).unwrap();
        let expected: Vec<f32> =
            case["made"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        let most = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let expected = Tensor::from_slice(&[1, expected.len()], &expected).unwrap();
        // Sums are as near as their largest one is large.
        let tolerance = Tolerance { relative: 0.0, absolute: 1e-4 * f64::from(most) };
        model.check(&[image.into()], &[expected.into()], tolerance)
    });
    for ((name, _), outcome) in cases.iter().zip(outcomes) {
        assert_eq!((name, outcome), (name, Ok(())));
    }
}

#[test]
fn what_the_weights_do_not_tell_is_remarked() {
    let cases = architectures();
    let weights = safetensors(&cases["timm_efficientnet_lite0"]["tensors"]);
    let surveyed = |name: &str| {
        let options = Options { name: Some(name.to_string()), ..Options::default() };
        let survey = import::survey(weights.clone(), &options).unwrap();
        let architecture = survey.metadata.properties["architecture"].clone();
        (architecture, survey.remarks.len())
    };
    assert_eq!(surveyed("best.safetensors"), ("efficientnet_lite0".to_string(), 1));
    assert_eq!(surveyed("efficientnet_lite0.ra.pth"), ("efficientnet_lite0".to_string(), 0));
    assert_eq!(surveyed("tf_efficientnet_lite0.pth"), ("tf_efficientnet_lite0".to_string(), 0));
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"architecture": "tf_efficientnet_lite0", "num_classes": 7}"#;
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, &weights).unwrap();
    let survey = import::survey_file(&path, &Options::default()).unwrap();
    assert_eq!(survey.metadata.properties["architecture"], "tf_efficientnet_lite0");
}

#[test]
fn weights_that_no_layer_takes_are_refused() {
    let cases = architectures();
    let mut tensors = cases["torchvision_resnet18"]["tensors"].clone();
    tensors.as_array_mut().unwrap().push(json!(["aux.weight", 1, [2, 2], 1.0, 0.0]));
    let error = import::import(safetensors(&tensors), &Options::default()).unwrap_err().to_string();
    assert!(
        error.contains("expected those of resnet18 alone, found 1 more, the first `aux.weight`")
    );
}

/// Does an export answer with other weights as PyTorch does?
fn filled(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let weights = match case.files.get("weights.bin") {
        Some(bytes) => {
            let path = folder.path().join("weights.bin");
            std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
            path
        }
        None => match testkit::fixture("digit-recognizer-py/handwriting_model.pth") {
            Some(path) => path,
            None => return Ok(()),
        },
    };
    let options = Options { weights: Some(weights), ..Options::default() };
    let imported = import::import(case.model(), &options);
    if let Err(error @ import::ImportError::Weights { .. }) = imported {
        return Err(error.to_string());
    }
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

#[test]
fn an_export_answers_with_the_weights_that_it_is_given() {
    let cases = suite::cases("pytorch", &["skeletons"]);
    let outcomes = support::run_each(&cases, filled);
    for (case, outcome) in cases.iter().zip(outcomes) {
        match (case.name.as_str(), outcome) {
            ("small_folded", outcome) => {
                let error = outcome.expect_err("weights that were folded are not replaced");
                assert!(error.contains("the model has `onnx::Conv_"), "{error}");
                assert!(error.contains("do_constant_folding=False"), "{error}");
            }
            (name, outcome) => assert_eq!((name, outcome), (name, Ok(()))),
        }
    }
}

/// What is said of weights that do not fit the model `digits_<form>`.
fn said(form: &str, tensors: &Json) -> String {
    let cases = suite::cases("pytorch", &["skeletons"]);
    let case = cases.iter().find(|case| case.name == format!("digits_{form}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, safetensors(tensors)).unwrap();
    let options = Options { weights: Some(path), ..Options::default() };
    match import::import(case.model(), &options) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// The tensors of `digits_…`.
fn digits() -> Vec<Json> {
    let shapes: [(&str, &[usize]); 10] = [
        ("conv_layers.0.weight", &[32, 1, 3, 3]),
        ("conv_layers.0.bias", &[32]),
        ("conv_layers.3.weight", &[64, 32, 3, 3]),
        ("conv_layers.3.bias", &[64]),
        ("conv_layers.6.weight", &[128, 64, 3, 3]),
        ("conv_layers.6.bias", &[128]),
        ("fc_layers.0.weight", &[256, 1152]),
        ("fc_layers.0.bias", &[256]),
        ("fc_layers.2.weight", &[10, 256]),
        ("fc_layers.2.bias", &[10]),
    ];
    let tensor =
        |(seed, (name, shape)): (usize, &(&str, &[usize]))| json!([name, seed, shape, 0.1, 0.0]);
    shapes.iter().enumerate().map(tensor).collect()
}

#[test]
fn weights_that_do_not_fit_are_named_with_what_does() {
    for form in ["export", "trace", "script", "onnx"] {
        assert_eq!(said(form, &digits().into()), "");
        let mut wrong = digits();
        wrong[9][2] = json!([11]);
        let expected = "`fc_layers.2.bias`: expected f32[10], found f32[11]; give the state_dict()";
        assert!(said(form, &wrong.into()).contains(expected), "{form}");
        let mut foreign = digits();
        foreign[0][0] = json!("stem.weight");
        let text = said(form, &foreign.into());
        let expected = "the model has `conv_layers.0.weight`, which the file does not have; the \
                        file has `stem.weight`, which the model does not have";
        assert!(text.contains(expected), "{form}: {text}");
        let text = said(form, &digits()[..4].to_vec().into());
        let expected =
            "`conv_layers.6.bias`, `conv_layers.6.weight`, `fc_layers.0.bias` and 3 more";
        assert!(text.contains(expected), "{form}: {text}");
    }
}

#[test]
fn files_that_are_no_weights_are_refused() {
    let cases = suite::cases("pytorch", &["skeletons"]);
    let model = cases.iter().find(|case| case.name == "small_export").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let options = Options { weights: Some(path.clone()), ..Options::default() };
    let refused = |bytes: &[u8], model: Vec<u8>, expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = import::import(model, &options).unwrap_err().to_string();
        assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
    };
    refused(b"GGUF", model.model(), "this is a GGUF language model");
    refused(&model.model(), model.model(), "it holds a whole model, not its weights alone");
    let weights = &model.files["weights.bin"];
    refused(weights, weights.clone(), "the model is a file of weights itself");
    refused(weights, b"tree\nversion=v4\n".to_vec(), "a LightGBM file takes no other weights");
    std::fs::remove_file(&path).unwrap();
    let error = import::import(model.model(), &options).unwrap_err();
    assert!(matches!(error, import::ImportError::Io { .. }), "{error}");
}
