//! `eval` picture by picture against what ONNX Runtime answered on the same pictures.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use support::{check, fashion, folder, word};

/// Pictures on which the two may part: where ONNX Runtime's second class is this close behind its
/// first, in logits, the last bit of a decoder or of a sum decides.
const MARGIN: f64 = 0.02;

#[track_caller]
fn agrees(model: &str, data: &str, golden: &str) {
    let (stdout, _) = check(&["eval", model, data, "--json"], 0);
    let found: Value = serde_json::from_str(&stdout).unwrap();
    let golden = testkit::repository().join("suites/goldens").join(golden);
    let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let answers = |value: &Value| value["answers"].as_array().unwrap().clone();
    let by_file: BTreeMap<String, Value> = answers(&found)
        .into_iter()
        .map(|answer| (answer["file"].as_str().unwrap().to_string(), answer))
        .collect();
    assert_eq!(by_file.len(), answers(&golden).len());
    for expected in answers(&golden) {
        let answer = &by_file[expected["file"].as_str().unwrap()];
        assert_eq!(answer["labels"], expected["labels"], "{expected}");
        let is_close = expected["margin"].as_f64().unwrap() < MARGIN;
        assert!(is_close || answer["top1"] == expected["top1"], "{expected}, found {answer}");
    }
    let (right, expected) = (&found["top1"]["right"], golden["right"].as_i64().unwrap());
    assert!((right.as_i64().unwrap() - expected).abs() <= 1, "{right} right, expected {expected}");
}

#[test]
fn fashion_agrees_with_onnx_runtime() {
    agrees(&fashion("fashion.onnx"), &fashion("val"), "fashion_val.json");
}

#[test]
fn efficientnet_agrees_with_onnx_runtime() {
    let model = testkit::fixture("efficientnet-lite0/efficientnet_lite0.onnx");
    let data = testkit::fixture("imagenet-mini-153/labels.json");
    let (Some(model), Some(data)) = (model, data) else { return };
    agrees(word(&model), word(&data), "imagenet_mini_153.json");
}

/// The twenty CIFAR-10 pictures of foolbox, their labels being the last numbers of their names.
fn cifar_pictures(folder: &std::path::Path) -> Option<String> {
    let pictures = testkit::fixture("foolbox-samples/data")?;
    let mut names: Vec<String> = std::fs::read_dir(&pictures)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("cifar10_"))
        .collect();
    names.sort();
    let entries: Vec<Value> = names
        .iter()
        .map(|name| {
            let label = name.trim_end_matches(".png").rsplit('_').next().unwrap();
            let label: usize = label.parse().unwrap();
            serde_json::json!({"file": pictures.join(name), "labels": [label]})
        })
        .collect();
    let list = folder.join("labels.json");
    std::fs::write(&list, Value::from(entries).to_string()).unwrap();
    Some(word(&list).to_string())
}

#[test]
fn a_keras_file_answers_its_pictures() {
    let Some(model) = testkit::fixture("cifar-10-model/cnn_model.h5") else { return };
    let Some(list) = cifar_pictures(&folder("keras_cifar")) else { return };
    // It was trained on levels as they are; divided by 255 they give two right answers.
    let (stdout, _) = check(&["eval", word(&model), &list, "--recipe", "raw", "--json"], 0);
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["top1"]["right"], 20, "{stdout}");
    assert_eq!(found["answers"].as_array().unwrap().len(), 20);
}
