//! Graphs that are written as ONNX, read again, and answer the same bytes by the naive twin as
//! before: the ONNX project's own tests, the goldens' encoders, and graphs by chance.
//!
//! A node test that cannot be written, or that answers other bytes because its operator is written
//! as several, has to be listed in `suites/exported/expected_failures.txt` with the reason, and a
//! listed one has to fail. `BLESS=1` writes the list anew.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use ir::{Graph, Op};
use std::path::{Path, PathBuf};
use support::{Case, name};
use tensor::scalar::Unary;
use tensor::{Bindings, Tensor, Value};

#[test]
fn each_node_test_answers_the_same_or_is_listed_with_its_reason() {
    let Some(folder) = testkit::onnx_node() else { return };
    let left_out = testkit::reasons(&testkit::repository().join("suites/onnx-node/left_out.txt"));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_used = |path: &PathBuf| !left_out.keys().any(|prefix| name(path).starts_with(prefix));
    let mut cases: Vec<PathBuf> = entries.filter(is_used).collect();
    cases.sort();
    let outcomes = support::run_each(&cases, |case| round_trip(case));
    let outcomes = cases.iter().map(|path| name(path)).zip(outcomes).collect();
    let list = testkit::repository().join("suites/exported/expected_failures.txt");
    testkit::hold_to_list(&list, outcomes);
}

/// What cannot be imported, or gives no answer, has nothing to be held to.
fn round_trip(case: &Path) -> Result<(), String> {
    let case = Case::read(case)?;
    let options = import::Options::default();
    let Ok(imported) = import::import(case.model, &options) else { return Ok(()) };
    let again = again(&imported.graph, &imported.metadata)?;
    case.sets.iter().try_for_each(|(inputs, _)| same_answers(&imported.graph, &again, inputs))
}

/// The graph after it was written and read.
fn again(graph: &Graph, metadata: &import::ModelMetadata) -> Result<Graph, String> {
    let file = export::onnx(graph, metadata).map_err(|error| without_node(&error.to_string()))?;
    let options = import::Options::default();
    let read = import::import(file, &options).map_err(|error| format!("read again: {error}"))?;
    let names = |graph: &Graph| -> Vec<String> {
        let inputs = graph.inputs.iter().map(|&id| graph.value(id).name.clone());
        inputs.chain(graph.outputs.iter().map(|output| output.name.clone())).collect()
    };
    assert_eq!(names(&read.graph), names(graph));
    assert_eq!(read.metadata.properties, metadata.properties);
    Ok(read.graph)
}

/// The reason, on one line and without the node's name, which differs from case to case.
fn without_node(error: &str) -> String {
    error.split_once("` (").map_or(error, |(_, rest)| rest).replacen(')', "", 1)
}

fn same_answers(graph: &Graph, again: &Graph, inputs: &[Value]) -> Result<(), String> {
    let Ok(expected) = reference::run_values(graph, inputs) else { return Ok(()) };
    let found = reference::run_values(again, inputs).map_err(|error| error.to_string())?;
    match found.iter().zip(&expected).position(|(found, expected)| !is_same(found, expected)) {
        None if found.len() == expected.len() => Ok(()),
        _ => Err("read again, it answers other bytes".to_string()),
    }
}

/// By bytes, so that what is not a number is itself.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Tensor(a), Value::Tensor(b)) => {
            (a.dtype(), a.shape(), a.bytes()) == (b.dtype(), b.shape(), b.bytes())
        }
        (Value::Sequence(a), Value::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| is_same(a, b))
        }
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => is_same(a, b),
        _ => a == b,
    }
}

/// Holds what models of a framework answer as ONNX against what they answer as they are.
fn hold(suite: &str, archives: &[&str]) {
    let cases = support::suite::cases(suite, archives);
    let outcomes = support::run_each(&cases, |case| {
        let options = import::Options::default();
        let Ok(imported) = import::import(case.model(), &options) else { return Ok(()) };
        let again = again(&imported.graph, &imported.metadata)?;
        same_answers(&imported.graph, &again, &case.inputs)
    });
    let names = cases.iter().map(|case| case.name.clone());
    let list = format!("suites/exported/expected_failures_{suite}.txt");
    testkit::hold_to_list(&testkit::repository().join(list), names.zip(outcomes).collect());
}

#[test]
fn each_case_of_keras_answers_the_same_or_is_listed_with_its_reason() {
    hold("keras", &["keras2", "keras3"]);
}

#[test]
fn each_case_of_tensorflow_lite_answers_the_same_or_is_listed_with_its_reason() {
    hold("tflite", &["lite"]);
}

#[test]
fn each_case_of_pytorch_answers_the_same_or_is_listed_with_its_reason() {
    hold("pytorch", &["export"]);
}

#[test]
fn each_case_of_trees_answers_the_same_or_is_listed_with_its_reason() {
    hold("trees", &["xgboost", "lightgbm"]);
}

#[test]
fn graphs_by_chance_answer_the_same() {
    let mut random = fastrand::Rng::with_seed(0);
    let mut ran = 0;
    for seed in 0..1000 {
        let graph = match seed % 20 {
            0 => fuzzing::nets::image(seed, 8..17).finish(),
            1 => fuzzing::nets::text(seed, 3..9).finish(),
            _ => fuzzing::graphs::random(&mut random),
        };
        let sizes: Bindings =
            [("n", random.i64(1..5)), ("m", random.i64(1..4))].map(|(s, n)| (s.into(), n)).into();
        let inputs = graph.inputs.iter().map(|&id| made_up(&graph, id, &sizes, &mut random));
        let inputs: Vec<Value> = inputs.collect();
        let (optimized, _) = passes::optimize(graph.clone()).unwrap();
        ran += usize::from(holds(&graph, &inputs)) + usize::from(holds(&optimized, &inputs));
    }
    assert!(ran > 1000, "only {ran} graphs gave an answer");
}

/// Holds a graph's answers against those after it was written and read, where it gives some.
fn holds(graph: &Graph, inputs: &[Value]) -> bool {
    // Sizes of axes that no input has are none for the twin either.
    let Ok(expected) = reference::run_values(graph, inputs) else { return false };
    let again = again(graph, &import::ModelMetadata::default());
    let again = again.unwrap_or_else(|error| panic!("{error}\n{graph}"));
    let found = reference::run_values(&again, inputs);
    let found = found.unwrap_or_else(|error| panic!("{error}\n{graph}\n{again}"));
    let is_exact = graph.nodes.iter().all(|node| node.op != Op::Unary(Unary::Silu));
    for (found, expected) in found.iter().zip(&expected) {
        let is_same = is_same(found, expected) || !is_exact && is_close(found, expected);
        assert!(is_same, "{found:?} for {expected:?}\n{graph}\n{again}");
    }
    true
}

/// What is written as two operators is rounded twice.
fn is_close(a: &Value, b: &Value) -> bool {
    let floats = |x: &Value| x.tensor().and_then(|x| Some(x.as_slice::<f32>().ok()?.to_vec()));
    let (Some(x), Some(y)) = (floats(a), floats(b)) else { return false };
    let largest = y.iter().fold(1.0, |a: f32, y| a.max(y.abs()));
    a.shape() == b.shape() && x.iter().zip(&y).all(|(x, y)| (x - y).abs() <= 1e-4 * largest)
}

fn made_up(graph: &Graph, id: ir::ValueId, sizes: &Bindings, random: &mut fastrand::Rng) -> Value {
    let shape = graph.value(id).shape.iter().map(|dim| dim.evaluate(sizes).unwrap() as usize);
    let shape: Vec<usize> = shape.collect();
    let count = shape.iter().product();
    let elements: Vec<f32> = (0..count).map(|_| random.f32() * 2.0 - 1.0).collect();
    Tensor::from_slice(&shape, &elements).unwrap().into()
}

/// Models among the fixtures: images, sound, vectors, trees.
const MODELS: &[&str] = &[
    "efficientnet-lite0/efficientnet_lite0.onnx",
    "rapidocr-cls/ch_ppocr_mobile_v2.0_cls_infer.onnx",
    "silero-vad/silero_vad_16k_op15.onnx",
    "tabular/bc_lgbm.onnx",
    "tabular/bc_rf100.onnx",
    "tabular/bc_svc.onnx",
    "tabular/bc_xgb.onnx",
];

/// ONNX Runtime runs what is written after the passes, and answers as it answers to the original,
/// within 1e-4 of the largest element. `SCHOONER_EXPORTS` names a folder of further models.
#[test]
fn onnx_runtime_answers_the_same() {
    let repository = testkit::repository();
    let examples = ["examples/fashion/fashion.onnx", "suites/goldens/encoders/bert_tiny.onnx"];
    let examples = examples.map(|path| Some(repository.join(path)));
    let fixtures = MODELS.iter().map(|path| testkit::fixture(path));
    let further = std::env::var_os("SCHOONER_EXPORTS").map(std::fs::read_dir);
    let further = further.into_iter().flat_map(|entries| entries.unwrap());
    let further = further.map(|entry| Some(entry.unwrap().path()));
    let is_model = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "onnx");
    let originals = examples.into_iter().chain(fixtures).chain(further);
    let originals: Vec<PathBuf> = originals.flatten().filter(is_model).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported");
    std::fs::create_dir_all(&folder).unwrap();
    let mut words = Vec::new();
    for original in &originals {
        let imported = import::import_file(original, &import::Options::default()).unwrap();
        let (graph, _) = passes::optimize(imported.graph).unwrap();
        let written = folder.join(original.file_name().unwrap());
        std::fs::write(&written, export::onnx(&graph, &imported.metadata).unwrap()).unwrap();
        words.extend([original.clone(), written]);
    }
    let words: Vec<&str> = words.iter().map(|path| path.to_str().unwrap()).collect();
    testkit::drive("onnxruntime_exports.py", "onnxruntime", &words, originals.len());
}
