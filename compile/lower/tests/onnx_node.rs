//! The ONNX project's own tests of each operator, through the naive twin and through the compiled
//! engine: `suites/onnx-node`.
//!
//! Floats have to be within `1e-7 + 1e-3 * |expected|`, the tolerance of the project's own runner;
//! everything else has to be equal. A case that fails has to be listed in `expected_failures.txt`
//! with the reason, and a listed case has to fail. `BLESS=1` writes the list anew.

use import::Bytes;
use import::onnx::decode::{ModelProto, ValueInfoProto};
use prost::Message;
use runtime::{Constants, Model};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{DType, Tensor};

const RTOL: f64 = 1e-3;
const ATOL: f64 = 1e-7;

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let Some(folder) = testkit::onnx_node() else { return };
    let suite = testkit::repository().join("suites/onnx-node");
    let left_out = lines(&suite.join("left_out.txt"));
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !left_out.keys().any(|prefix| name(path).starts_with(prefix)))
        .collect();
    cases.sort();
    let outcomes = run_all(&cases);
    let failures: BTreeMap<String, String> = cases
        .iter()
        .zip(outcomes)
        .filter_map(|(path, outcome)| Some((name(path), outcome.err()?)))
        .collect();
    println!("{} of {} cases pass", cases.len() - failures.len(), cases.len());
    let list = suite.join("expected_failures.txt");
    if std::env::var_os("BLESS").is_some() {
        let text: String = failures.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
        return std::fs::write(list, text).unwrap();
    }
    let listed = lines(&list);
    let unlisted = failures.iter().filter(|(name, _)| !listed.contains_key(*name));
    let unlisted: String = unlisted.map(|(name, why)| format!("\n  {name}: {why}")).collect();
    assert!(unlisted.is_empty(), "these fail and are not listed:{unlisted}");
    let passing: Vec<&String> =
        listed.keys().filter(|name| !failures.contains_key(*name)).collect();
    assert!(passing.is_empty(), "these are listed and pass: {passing:?}; BLESS=1 writes the list");
}

/// `name: reason` on each line.
fn lines(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let pairs = text.lines().map(|line| line.split_once(": ").expect("`name: reason`"));
    pairs.map(|(name, reason)| (name.to_string(), reason.to_string())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_string()
}

/// The outcome of each case, in order, by as many threads as there are processors.
fn run_all(cases: &[PathBuf]) -> Vec<Result<(), String>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(index) else { return done };
            let outcome = catch_unwind(AssertUnwindSafe(|| run(case)));
            done.push((index, outcome.unwrap_or_else(|_| Err("panics".to_string()))));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut outcomes: Vec<(usize, Result<(), String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn run(case: &Path) -> Result<(), String> {
    let bytes = std::fs::read(case.join("model.onnx")).map_err(|e| e.to_string())?;
    let bytes = Bytes::from(bytes);
    let signature = ModelProto::decode(bytes.clone()).map_err(|e| e.to_string())?;
    let signature = signature.graph.ok_or("no graph")?;
    let imported = import::import(bytes, &import::Options::default()).map_err(why)?;
    let graph = imported.graph;
    let (optimized, _) = passes::optimize(graph.clone()).map_err(|e| e.to_string())?;
    let lowered = lower::lower(&optimized).map_err(why)?;
    let constants = Constants::owned(lowered.constants);
    let model = Model::new(lowered.plan, constants).map_err(|e| e.to_string())?;
    for set in (0..).map(|set| case.join(format!("test_data_set_{set}"))) {
        if !set.is_dir() {
            break;
        }
        let inputs = tensors(&set, "input", &signature.input)?;
        let expected = tensors(&set, "output", &signature.output)?;
        let naive = reference::run(&graph, &inputs).map_err(|e| format!("naive: {e}"))?;
        compare("naive", &naive, &expected)?;
        let borrowed: Vec<&Tensor> = inputs.iter().collect();
        let made = model.run(&borrowed).map_err(|e| e.to_string())?;
        compare("compiled", &made, &expected)?;
    }
    Ok(())
}

/// The first refusal of an error that lists several, without the node's name and without advice.
fn why(error: impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().nth(1).unwrap_or(&text).trim();
    let line = line.split_once("` (").map_or(line, |(_, rest)| rest);
    let line = line.split_once("; ").map_or(line, |(reason, _)| reason);
    line.replacen(')', "", 1)
}

fn tensors(set: &Path, side: &str, ports: &[ValueInfoProto]) -> Result<Vec<Tensor>, String> {
    let mut tensors = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let path = set.join(format!("{side}_{index}.pb"));
        let Ok(bytes) = std::fs::read(path) else { break };
        let is_tensor = port.r#type.as_ref().is_some_and(|t| t.tensor_type.is_some());
        if !is_tensor {
            return Err(format!("{side} `{}` is not a tensor", port.name));
        }
        let (_, tensor) = import::onnx::import_tensor(bytes.into()).map_err(|e| e.to_string())?;
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn compare(by: &str, made: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    if made.len() != expected.len() {
        return Err(format!("{by}: {} outputs, expected {}", made.len(), expected.len()));
    }
    for (made, expected) in made.iter().zip(expected) {
        if (made.dtype(), made.shape()) != (expected.dtype(), expected.shape()) {
            return Err(format!("{by}: {made:?}, expected {expected:?}"));
        }
        if !made.dtype().is_float() {
            if made.bytes() != expected.bytes() {
                return Err(format!("{by}: other elements"));
            }
            continue;
        }
        for (at, (made, expected)) in floats(made).into_iter().zip(floats(expected)).enumerate() {
            let is_same = made == expected || (made.is_nan() && expected.is_nan());
            let is_close = (made - expected).abs() <= ATOL + RTOL * expected.abs();
            if !(is_same || is_close && expected.is_finite()) {
                return Err(format!("{by}: element {at} is {made}, expected {expected}"));
            }
        }
    }
    Ok(())
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    let wide = reference::evaluate(&ir::Op::Cast(DType::F64), &[tensor], &Default::default());
    wide.unwrap().as_slice::<f64>().unwrap().to_vec()
}
