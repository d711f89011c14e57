//! `schooner check`: what is found about models that were made to have something to find.

mod support;

use serde_json::Value;
use support::{check, fashion, folder, word};
use testkit::onnx::{self, F32, I64, Model, int};

/// What is found about a model, as JSON, and the text that a person reads.
#[track_caller]
fn triage(name: &str, bytes: &[u8], code: i32) -> (Value, String) {
    let path = folder(name).join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    let (text, _) = check(&["check", word(&path)], code);
    let (json, _) = check(&["check", word(&path), "--json"], code);
    (serde_json::from_str(&json).unwrap(), text)
}

/// Severity, name and the part of the text that is looked for, of each finding.
#[track_caller]
fn expect(triage: &Value, expected: &[(&str, &str, &str)]) {
    let findings = triage["findings"].as_array().unwrap();
    let is_it = |finding: &Value, (severity, name, text): &(&str, &str, &str)| {
        finding["severity"] == *severity
            && finding["name"] == *name
            && finding["text"].as_str().unwrap().contains(text)
            && !finding["fix"].as_str().unwrap().is_empty()
    };
    for row in expected {
        assert!(findings.iter().any(|f| is_it(f, row)), "{row:?} is not among {findings:#?}");
    }
    assert_eq!(findings.len(), expected.len(), "{findings:#?}");
}

/// The attribute that makes a padding one by the elements at the edge.
fn edge() -> Vec<u8> {
    [onnx::bytes(1, b"mode"), onnx::bytes(4, b"edge"), onnx::number(20, 3)].concat()
}

fn floats(count: usize) -> Vec<u8> {
    vec![0; count * 4]
}

#[test]
fn what_can_be_served_is_described() {
    let (json, _) = check(&["check", &fashion("fashion.onnx"), "--json"], 0);
    let triage: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(triage["verdict"], "ok");
    assert_eq!(triage["inputs"][0], "image: f32[n, 1, 28, 28]");
    assert!(triage["recipe"].as_str().unwrap().contains("recipe"), "{}", triage["recipe"]);
    let (json, _) = check(&["inspect", &fashion("fashion.onnx"), "--json"], 0);
    let summary: Value = serde_json::from_str(&json).unwrap();
    // Counted on the graph by the one, on the plan by the other.
    assert_eq!(triage["figures"]["macs"], summary["macs"]);
    assert_eq!(triage["figures"]["arena_bytes"], summary["arena_bytes"]);
    expect(&triage, &[("note", "image", "axis 0 may have any size")]);
}

#[test]
fn refusals_of_import_and_engine_are_told_together() {
    let model = Model::new(17)
        .input("x", F32, &["n", "4"])
        .integers("cut", &[0, -1, 0, 0])
        .output("y", F32, &["n", "3"])
        .node("com.example.Mystery", &["x"], &["a"], &[])
        .declare("a", F32, &["n", "4"])
        .node("Pad", &["a", "cut"], &["c"], &[edge()])
        .node("GridSampleOfTomorrow", &["c"], &["y"], &[]);
    let (json, text) = triage("together", &model.encode(), 4);
    assert_eq!(json["verdict"], "refused");
    expect(
        &json,
        &[
            ("refused", "a", "not supported"),
            ("refused", "y", "not supported"),
            ("refused", "c", "negative padding"),
            ("note", "x", "axis 0"),
        ],
    );
    let first = &json["findings"][0];
    assert_eq!(first["operator"]["domain"], "com.example");
    assert_eq!(
        (&first["takes"][0], &first["makes"][0]),
        (&"f32[n, 4]".into(), &"f32[n, 4]".into())
    );
    let engine = json["findings"].as_array().unwrap().iter().find(|f| f["name"] == "c").unwrap();
    assert_eq!(engine["operator"]["op"], "Pad");
    assert_eq!(engine["operator"]["opset"], 17);
    for part in ["REFUSED  node `a`", "com.example.Mystery-?", "why  ", "fix  ", "3 reasons"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_refused_node_has_its_share_of_the_arithmetic() {
    let model = Model::new(17)
        .input("x", F32, &["1", "8", "10", "10"])
        .weight("w", F32, &[8, 8, 1, 1], &floats(64))
        .output("y", F32, &["1", "8", "10", "10"])
        .node("Conv", &["x", "w"], &["a"], &[])
        .node("com.microsoft.FusedConv", &["a", "w"], &["b"], &[])
        .declare("b", F32, &["1", "8", "10", "10"])
        .node("Conv", &["b", "w"], &["c"], &[])
        .node("Conv", &["c", "w"], &["y"], &[]);
    let (json, text) = triage("share", &model.encode(), 4);
    assert_eq!(json["figures"]["macs"], 4 * 6400);
    assert_eq!(json["findings"][0]["macs"], 6400);
    assert_eq!(json["findings"][0]["macs_share"], 0.25);
    assert_eq!(json["figures"]["is_estimate"], true);
    assert!(json["figures"]["arena_bytes"].as_u64().unwrap() > 0);
    assert!(text.contains("25.0 % of the arithmetic"), "{text}");
}

#[test]
fn what_only_follows_from_a_refusal_is_none() {
    // What is behind a refused node can be judged by its declared type, and what has none cannot.
    let model = Model::new(17)
        .input("x", F32, &["2", "3"])
        .output("y", F32, &["6"])
        .output("z", F32, &["6"])
        .node("Guess", &["x"], &["shape"], &[])
        .declare("shape", I64, &["1"])
        .node("Reshape", &["x", "shape"], &["a"], &[])
        .declare("a", F32, &["6"])
        .node("Relu", &["a"], &["y"], &[])
        .node("Guess", &["x"], &["b"], &[])
        .node("Relu", &["b"], &["c"], &[])
        .node("Relu", &["c"], &["z"], &[]);
    let (json, _) = triage("consequence", &model.encode(), 4);
    expect(
        &json,
        &[
            ("refused", "shape", "not supported"),
            ("refused", "b", "not supported"),
            ("warning", "model", "2 nodes take what is refused above, `c` first"),
        ],
    );
}

#[test]
fn mistakes_of_the_export_are_found() {
    let model = Model::new(13)
        .input("ids", I64, &["1", "7"])
        .input("mask", F32, &["1", "7"])
        .input("image", F32, &["batch", "3", "height", "width"])
        .weight("table", F32, &[5, 2], &floats(10))
        .weight("ones", F32, &[3], &floats(3))
        .output("y", F32, &["1", "7", "2"])
        .output("z", F32, &["batch", "3", "height", "width"])
        .node("Gather", &["table", "ids"], &["y"], &[])
        .node(
            "BatchNormalization",
            &["image", "ones", "ones", "ones", "ones"],
            &["z", "mean", "var"],
            &[],
        );
    let (json, _) = triage("mistakes", &model.encode(), 0);
    expect(
        &json,
        &[
            ("warning", "z", "as in training"),
            ("warning", "mask", "no output depends on it"),
            ("note", "ids", "only 32 bits of it are used"),
            ("note", "image", "axes 0, 2, 3 may have any size"),
        ],
    );
    assert_eq!(json["verdict"], "ok");
}

#[test]
fn inputs_and_weights_are_judged_with_the_nodes() {
    const COMPLEX: u64 = 14;
    let model = Model::new(17)
        .input("waves", COMPLEX, &["n"])
        .input("x", F32, &["2"])
        .weight("w", COMPLEX, &[2], &[])
        .output("y", F32, &["2"])
        .node("Listen", &["waves"], &["ids"], &[])
        .node("Add", &["x", "w"], &["y"], &[]);
    let (json, text) = triage("parts", &model.encode(), 4);
    expect(
        &json,
        &[
            ("refused", "waves", "of type complex64"),
            ("refused", "w", "of type complex64 are not supported"),
            ("refused", "ids", "not supported"),
            ("warning", "model", "1 nodes take"),
        ],
    );
    assert!(text.contains("REFUSED  input `waves`"), "{text}");
}

#[test]
fn a_layer_in_training_mode_is_odd() {
    let model = Model::new(15)
        .input("x", F32, &["2", "3"])
        .weight("w", F32, &[3], &floats(3))
        .output("y", F32, &["2", "3"])
        .node("BatchNormalization", &["x", "w", "w", "w", "w"], &["y"], &[int("training_mode", 1)]);
    let (json, _) = triage("training", &model.encode(), 0);
    expect(&json, &[("warning", "y", "training_mode")]);
    assert!(json["findings"][0]["fix"].as_str().unwrap().contains("model.eval()"));
}

#[test]
fn an_image_model_of_unknown_family_has_a_guessed_recipe() {
    let model = Model::new(17)
        .input("x", F32, &["1", "3", "8", "8"])
        .output("y", F32, &["1", "192"])
        .node("Flatten", &["x"], &["y"], &[]);
    let (json, _) = triage("guess", &model.encode(), 0);
    expect(&json, &[("warning", "x", "is a guess")]);
}

#[test]
fn outputs_that_are_not_finite_are_named() {
    let model = Model::new(17).input("x", F32, &["2"]).output("y", F32, &["2"]).node(
        "Log",
        &["x"],
        &["y"],
        &[],
    );
    let (json, text) = triage("infinite", &model.encode(), 3);
    expect(&json, &[("no", "y", "not finite")]);
    assert_eq!(json["verdict"], "not_finite");
    assert!(text.contains("NO model runs, but not to finite numbers"), "{text}");
}

#[test]
fn a_model_that_is_finite_on_all_but_zeros_may_be_as_it_should() {
    let model = Model::new(17).input("x", F32, &["2"]).output("y", F32, &["2"]);
    let model = model.node("Reciprocal", &["x"], &["y"], &[]);
    let (json, _) = triage("zeros", &model.encode(), 0);
    expect(&json, &[("warning", "y", "not finite on an input of zeros")]);
    assert_eq!(json["verdict"], "ok");
}

#[test]
fn every_node_that_the_engine_cannot_compute_is_named() {
    let model = Model::new(17)
        .input("x", F32, &["4"])
        .integers("cut", &[-1, 0])
        .output("z", F32, &["2"])
        .node("Pad", &["x", "cut"], &["first"], &[edge()])
        .node("Tanh", &["first"], &["y"], &[])
        .node("Pad", &["y", "cut"], &["z"], &[edge()]);
    let bytes = model.encode();
    let (json, _) = triage("cuts", &bytes, 4);
    let reason = "negative padding";
    expect(&json, &[("refused", "first", reason), ("refused", "z", reason)]);
    let path = folder("cuts-run").join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    let (_, stderr) = check(&["run", word(&path), "--random"], 4);
    assert!(stderr.contains("2 nodes cannot be computed by the engine"), "{stderr}");
}

#[test]
fn sizes_that_were_tried_and_do_not_fit_refuse_no_model() {
    let model = Model::new(17)
        .input("x", F32, &["1", "samples"])
        .weight("w", F32, &[3, 2], &floats(6))
        .output("y", F32, &["1", "2"])
        .node("MatMul", &["x", "w"], &["y"], &[]);
    let (json, text) = triage("guess", &model.encode(), 0);
    assert_eq!(json["verdict"], "ok");
    expect(
        &json,
        &[
            ("warning", "model", "inputs of this size do not fit the model"),
            ("note", "x", "axis 1 may have any size"),
        ],
    );
    assert!(text.contains("--size NAME=N"), "{text}");
}
