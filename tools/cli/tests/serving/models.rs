//! Models whose answers say which model gave them, and models that take long.

use crate::support::{check, word};
use package::{Container, Machine, Writer, sections};
use std::path::Path;
use testkit::onnx::{self, BOOL, F32, I64, Model};

/// Numbers in one question.
const COLUMNS: usize = 4;

/// What a version adds for each of its number: more than any question's number.
const STEP: u64 = 1000;

/// A model that adds to each number a thousand times its version.
pub(crate) fn adding(version: u64) -> Vec<u8> {
    let added: Vec<u8> =
        (0..COLUMNS).flat_map(|_| ((version * STEP) as f32).to_le_bytes()).collect();
    adding_model().weight("added", F32, &[1, COLUMNS as i64], &added).encode()
}

/// The same with weights beside the sum, so that the file has this many megabytes.
pub(crate) fn adding_with_weights(version: u64, megabytes: usize) -> Vec<u8> {
    let added: Vec<u8> =
        (0..COLUMNS).flat_map(|_| ((version * STEP) as f32).to_le_bytes()).collect();
    let columns = megabytes * (1 << 20) / (4 * COLUMNS);
    // Zeros would be as good for the sum; other numbers keep the file from being sparse.
    let wide: Vec<u8> = (0..columns * COLUMNS).flat_map(|i| (i as f32).to_le_bytes()).collect();
    adding_model()
        .weight("added", F32, &[1, COLUMNS as i64], &added)
        .weight("wide", F32, &[COLUMNS as i64, columns as i64], &wide)
        .node("MatMul", &["x", "wide"], &["product"], &[])
        .node("ReduceMax", &["product"], &["most"], &[onnx::ints("axes", &[1])])
        .output("most", F32, &["n", "1"])
        .encode()
}

fn adding_model() -> Model {
    Model::new(17).input("x", F32, &["n", "4"]).output("y", F32, &["n", "4"]).node(
        "Add",
        &["x", "added"],
        &["y"],
        &[],
    )
}

/// Rows of a product that takes some milliseconds.
pub(crate) const WIDTH: usize = 512;

/// A model whose run takes this many products of a row with 512 times 512 weights.
pub(crate) fn laboring(products: usize) -> Vec<u8> {
    // Each product keeps the size of its numbers.
    let weights: Vec<u8> = (0..WIDTH * WIDTH)
        .flat_map(|i| (if i % (WIDTH + 1) == 0 { 1f32 } else { 0.0 }).to_le_bytes())
        .collect();
    let size = WIDTH.to_string();
    let mut model = Model::new(17)
        .input("x", F32, &["n", &size])
        .output("y", F32, &["n", &size])
        .weight("w", F32, &[WIDTH as i64, WIDTH as i64], &weights);
    for at in 0..products {
        let from = if at == 0 { "x".to_string() } else { format!("v{at}") };
        let to = if at + 1 == products { "y".to_string() } else { format!("v{}", at + 1) };
        // What lies between keeps the products apart.
        model = model.node("MatMul", &[&from, "w"], &[&format!("p{at}")], &[]).node(
            "Relu",
            &[&format!("p{at}")],
            &[&to],
            &[],
        );
    }
    model.encode()
}

/// A model whose every run, the self-test's too, goes so many times through a loop.
pub(crate) fn looping(iterations: i64) -> Vec<u8> {
    let body = Model::new(17)
        .input("i", I64, &[])
        .input("go", BOOL, &[])
        .input("s", F32, &["1", "4"])
        .output("on", BOOL, &[])
        .output("t", F32, &["1", "4"])
        .node("Identity", &["go"], &["on"], &[])
        .node("Cos", &["s"], &["t"], &[]);
    Model::new(17)
        .input("x", F32, &["1", "4"])
        .output("y", F32, &["1", "4"])
        .weight("most", I64, &[], &iterations.to_le_bytes())
        .weight("yes", BOOL, &[], &[1])
        .node("Loop", &["most", "yes", "x"], &["y"], &[onnx::graph("body", &body)])
        .encode()
}

/// A model that repeats its row: a short question with a long answer of `4 * times` numbers.
pub(crate) fn repeating(times: i64) -> Vec<u8> {
    Model::new(17)
        .input("x", F32, &["n", "4"])
        .output("y", F32, &["n", &(4 * times).to_string()])
        .integers("times", &[1, times])
        .node("Tile", &["x", "times"], &["y"], &[])
        .encode()
}

/// A question for a model that adds.
pub(crate) fn question(number: u64) -> String {
    assert!(number < STEP);
    format!("{{\"instances\": [[{number}, {number}, {number}, {number}]]}}")
}

/// The version that gave this answer to the question with this number. Anything but a whole
/// answer of one version to just this question is a failure.
#[track_caller]
pub(crate) fn version_of(number: u64, answer: &str) -> u64 {
    let parsed: serde_json::Value = serde_json::from_str(answer).expect(answer);
    let row = parsed["predictions"][0].clone();
    // A model with two outputs names them.
    let row = row.get("y").unwrap_or(&row).as_array().expect(answer).clone();
    let found: Vec<u64> = row.iter().map(|x| x.as_f64().expect(answer) as u64).collect();
    assert_eq!(found.len(), COLUMNS, "{answer}");
    assert!(found.iter().all(|&x| x == found[0]), "a mixed answer: {answer}");
    assert_eq!(found[0] % STEP, number, "an answer to another question: {answer}");
    found[0] / STEP
}

/// Builds a model file into a library or package.
pub(crate) fn build(model: &[u8], to: &Path) {
    let from = to.with_extension("from.onnx");
    std::fs::write(&from, model).unwrap();
    check(&["build", word(&from), "-o", word(to)], 0);
    std::fs::remove_file(from).unwrap();
}

/// The bytes of a package that is sound by every checksum, whose golden outputs are those of
/// another model.
pub(crate) fn with_golden_of(model: &Path, other: &Path) -> Vec<u8> {
    let (model, other) = (std::fs::read(model).unwrap(), std::fs::read(other).unwrap());
    let (model, other) = (Container::parse(&model).unwrap(), Container::parse(&other).unwrap());
    let mut writer = Writer::new(Machine::ANY);
    for section in sections::ALL {
        if let Some(bytes) = model.section(section) {
            writer = writer.section(section, bytes);
        }
    }
    let golden = other.section(&sections::GOLDEN).expect("a golden output was built in");
    let mut bytes = Vec::new();
    writer.section(&sections::GOLDEN, golden).write_bare(&mut bytes).unwrap();
    bytes
}
