//! `schooner recipe`: what is found beside a model and in it, and storing what is not.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{check, folder, word};
use testkit::onnx::{self, F32, Model, int};

/// A model of images of 8 by 8 pixels and three classes, in a folder of its own, with what its
/// exporter wrote of it.
fn model(name: &str, metadata: &[(&str, &str)]) -> PathBuf {
    let model = Model::new(17)
        .input("image", F32, &["1", "3", "8", "8"])
        .weight("w", F32, &[192, 3], &vec![0; 192 * 3 * 4])
        .output("scores", F32, &["1", "3"])
        .node("Flatten", &["image"], &["flat"], &[int("axis", 1)])
        .node("MatMul", &["flat", "w"], &["scores"], &[]);
    let mut bytes = model.encode();
    for (key, value) in metadata {
        let entry = [onnx::bytes(1, key.as_bytes()), onnx::bytes(2, value.as_bytes())].concat();
        bytes.extend(onnx::bytes(14, &entry));
    }
    let path = folder(name).join("net.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn beside(model: &Path, name: &str, text: &str) {
    std::fs::write(model.with_file_name(name), text).unwrap();
}

/// What is shown of a model's recipe, as JSON.
#[track_caller]
fn shown(words: &[&str]) -> Value {
    let (json, _) = check(&[&["recipe", "--json"], words].concat(), 0);
    serde_json::from_str(&json).unwrap()
}

/// Where a part is from, and whether that is known.
#[track_caller]
fn part<'a>(shown: &'a Value, name: &str) -> (&'a str, bool) {
    let parts = shown["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["part"] == name).unwrap();
    (part["from"].as_str().unwrap(), part["is_known"].as_bool().unwrap())
}

const PREPROCESSOR: &str = r#"{"image_processor_type": "ViTImageProcessor", "size": {"height": 8,
    "width": 8}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;

#[test]
fn what_lies_beside_a_model_is_found() {
    let model = model("recipe_beside", &[]);
    beside(&model, "preprocessor_config.json", PREPROCESSOR);
    beside(&model, "index_to_name.json", r#"{"0": "cat", "1": "dog", "2": "newt"}"#);
    let shown = shown(&[word(&model)]);
    assert_eq!(shown["is_known"], true);
    assert_eq!(shown["recipe"]["normalize"]["mean"][0], 127.5);
    assert_eq!(shown["recipe"]["post"]["labels"][2], "newt");
    let (from, is_known) = part(&shown, "normalize");
    assert!(from.ends_with("preprocessor_config.json") && is_known, "{from}");
    assert!(part(&shown, "labels").0.ends_with("index_to_name.json"), "{shown}");
    assert!(!part(&shown, "activation").1, "{shown}");
    // The text is a recipe with comments, one for each source.
    let (text, stderr) = check(&["recipe", word(&model)], 0);
    assert!(text.contains("mean = [127.5]"), "{text}");
    assert!(text.contains("# color, size, normalize  "), "{text}");
    assert_eq!(text.matches("preprocessor_config.json").count(), 1, "{text}");
    assert!(stderr.contains("next: schooner run"), "{stderr}");
    let (json, _) = check(&["check", word(&model), "--json"], 0);
    let triage: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(triage["findings"].as_array().unwrap().len(), 0, "{triage}");
}

#[test]
fn what_the_file_says_comes_before_what_lies_beside_it() {
    let said =
        [("Image.BitmapPixelFormat", "Bgr8"), ("Image.NominalPixelRange", "NominalRange_0_255")];
    let model = model("recipe_inside", &said);
    beside(&model, "preprocessor_config.json", PREPROCESSOR);
    let shown = shown(&[word(&model)]);
    assert_eq!(shown["recipe"]["color"], "bgr");
    assert_eq!(shown["recipe"]["normalize"]["std"][0], 1.0);
    assert!(part(&shown, "normalize").0.contains("the ONNX metadata"), "{shown}");
    assert!(part(&shown, "size").0.ends_with("preprocessor_config.json"), "{shown}");
}

#[test]
fn a_guess_is_settled_once() {
    let model = model("recipe_guess", &[]);
    let path = word(&model);
    let (_, stderr) = check(&["recipe", path], 0);
    assert!(stderr.contains("--recipe PRESET --write"), "{stderr}");
    assert!(!stderr.contains("How were"), "nobody is asked without a terminal: {stderr}");
    let (json, _) = check(&["check", path, "--json"], 0);
    assert!(json.contains("schooner recipe MODEL"), "{json}");
    assert!(json.contains(&format!("settle it with schooner recipe {path}")), "{json}");
    let stored = model.with_file_name("net.recipe.toml");
    assert!(!stored.exists());

    let written = shown(&[path, "--recipe", "caffe", "--write"]);
    assert_eq!(written["stored"], stored.to_str().unwrap());
    let found = shown(&[path]);
    assert_eq!(found["recipe"], written["recipe"]);
    assert!(part(&found, "color").0.ends_with("net.recipe.toml"), "{found}");
    assert_eq!(found["recipe"]["color"], "bgr");
    let (json, _) = check(&["check", path, "--json"], 0);
    assert!(!json.contains("is a guess"), "{json}");
}

#[cfg(target_os = "linux")]
#[test]
fn somebody_at_a_terminal_is_asked_once() {
    use support::{schooner, terminal::Terminal};
    let model = model("recipe_terminal", &[]);
    let path = word(&model);
    let stored = model.with_file_name("net.recipe.toml");
    let asked = "number or name, or nothing to leave it a guess: ";

    // Nothing typed leaves it a guess, which is asked about again.
    let mut terminal = Terminal::start(schooner(&["recipe", path]));
    terminal.expect(asked);
    terminal.enter("");
    let (code, results, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(results.contains("a guess: ") && !stored.exists(), "{results}");

    let mut terminal = Terminal::start(schooner(&["recipe", path]));
    terminal.expect(asked);
    terminal.enter("cafe");
    terminal.expect("found `cafe`");
    terminal.expect(asked);
    terminal.enter("caffe");
    let (code, results, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("stored in") && shown.contains("next: schooner run"), "{shown}");
    assert!(results.ends_with(&std::fs::read_to_string(&stored).unwrap()), "{results}");
    assert!(results.contains("color = \"bgr\""), "{results}");

    let (code, _, shown) = Terminal::start(schooner(&["recipe", path])).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("How were"), "{shown}");
}

#[test]
fn another_recipe_is_not_replaced_unasked() {
    let model = model("recipe_force", &[]);
    let path = word(&model);
    check(&["recipe", path, "--recipe", "unit", "--write"], 0);
    // The same once more is no harm.
    check(&["recipe", path, "--recipe", "unit", "--write"], 0);
    let (_, stderr) = check(&["recipe", path, "--recipe", "raw", "--write"], 2);
    assert!(stderr.contains("net.recipe.toml") && stderr.contains("--force"), "{stderr}");
    assert_eq!(shown(&[path])["recipe"]["normalize"]["std"][0], 255.0);
    check(&["recipe", path, "--recipe", "raw", "--write", "--force"], 0);
    assert_eq!(shown(&[path])["recipe"]["normalize"]["std"][0], 1.0);
}

#[test]
fn what_no_recipe_can_say_leaves_a_model_that_takes_tensors() {
    let model = model("recipe_unsayable", &[]);
    beside(&model, "preprocessor_config.json", r#"{"image_processor_type": "DetrImageProcessor"}"#);
    let path = word(&model);
    let (text, stderr) = check(&["recipe", path], 3);
    assert!(text.contains("`DetrImageProcessor`"), "{text}");
    assert!(stderr.contains("--recipe PRESET --write"), "{stderr}");
    let (json, _) = check(&["check", path, "--json"], 0);
    assert!(json.contains("it takes tensors only"), "{json}");
    check(&["run", path, "--random"], 0);
    check(&["recipe", path, "--recipe", "unit", "--write"], 0);
    assert_eq!(shown(&[path])["is_known"], true);
}

#[test]
fn a_file_that_contradicts_the_model_is_named() {
    let model = model("recipe_contradiction", &[]);
    beside(&model, "class_indices.json", r#"{"cat": 0, "dog": 1}"#);
    let (_, stderr) = check(&["recipe", word(&model)], 1);
    assert!(stderr.contains("class_indices.json: expected one label for each"), "{stderr}");
}
