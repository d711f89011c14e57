//! Graphs that are written as ONNX, read again, and answer the same bytes by the naive twin as
//! before: the ONNX project's own tests, the goldens' encoders, and graphs by chance.
//!
//! A node test that cannot be written, or that answers other bytes because its operator is written
//! as several, has to be listed in `suites/exported/expected_failures.txt` with the reason, and a
//! listed one has to fail. `BLESS=1` writes the list anew.

mod support;

use ir::Graph;
use std::path::{Path, PathBuf};
use support::{Case, name};
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

#[test]
fn graphs_by_chance_answer_the_same() {
    let mut random = fastrand::Rng::with_seed(0);
    let mut ran = 0;
    for _ in 0..2000 {
        let graph = fuzzing::graphs::random(&mut random);
        let again = again(&graph, &import::ModelMetadata::default());
        let again = again.unwrap_or_else(|error| panic!("{error}\n{graph}"));
        let sizes: Bindings =
            [("n", random.i64(1..5)), ("m", random.i64(1..4))].map(|(s, n)| (s.into(), n)).into();
        let inputs = graph.inputs.iter().map(|&id| made_up(&graph, id, &sizes, &mut random));
        let inputs: Vec<Value> = inputs.collect();
        same_answers(&graph, &again, &inputs)
            .unwrap_or_else(|error| panic!("{error}, with {sizes:?}\n{graph}\n{again}"));
        ran += usize::from(reference::run_values(&graph, &inputs).is_ok());
    }
    assert!(ran > 1000, "only {ran} graphs gave an answer");
}

fn made_up(graph: &Graph, id: ir::ValueId, sizes: &Bindings, random: &mut fastrand::Rng) -> Value {
    let shape = graph.value(id).shape.iter().map(|dim| dim.evaluate(sizes).unwrap() as usize);
    let shape: Vec<usize> = shape.collect();
    let count = shape.iter().product();
    let elements: Vec<f32> = (0..count).map(|_| random.f32() * 2.0 - 1.0).collect();
    Tensor::from_slice(&shape, &elements).unwrap().into()
}
