//! Runs cases through the naive twin and through the compiled engine: folders, each with
//! `model.onnx`, `input_<i>.pb` and `output_<i>.pb`, and what other tests hand over.

pub(crate) mod suite;

use import::Bytes;
use import::onnx::decode::{ModelProto, ValueInfoProto};
use ir::Graph;
use prost::Message;
use runtime::{Constants, Model};
use serde_json::Value as Json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{DType, Tensor, Text, Value};

/// How far a float may be off: `absolute + relative * |expected|`. Everything else has to be equal.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

/// The name of a case: that of its folder.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_string()
}

/// The values of one side of a case: `case.json` says their types and shapes, the elements lie one
/// after another in `values.bin`; those of text are in the description.
pub(crate) fn side(ports: &Json, side: &str, rest: &mut &[u8]) -> Vec<Value> {
    ports[side].as_array().unwrap().iter().map(|port| value(port, rest)).collect()
}

fn value(port: &Json, rest: &mut &[u8]) -> Value {
    let dtype = DType::from_name(port["dtype"].as_str().unwrap()).unwrap();
    let shape = port["shape"].as_array().unwrap().iter();
    let shape: Vec<usize> = shape.map(|size| size.as_u64().unwrap() as usize).collect();
    if dtype == DType::String {
        let elements = port["elements"].as_array().unwrap().iter();
        let elements = elements.map(|text| text.as_str().unwrap());
        return Text::new(&shape, elements).unwrap().into();
    }
    let length = shape.iter().product::<usize>() * dtype.size();
    let (own, behind) = rest.split_at(length);
    *rest = behind;
    Tensor::from_bytes(dtype, &shape, own).unwrap().into()
}

/// The outcome of each case, in order, by as many threads as there are processors.
pub(crate) fn run_all(cases: &[PathBuf], tolerance: Tolerance) -> Vec<Result<(), String>> {
    run_each(cases, |case| run(case, tolerance))
}

/// What a function says of each case, in order, by as many threads as there are processors.
pub(crate) fn run_each<C: Sync>(
    cases: &[C],
    run: impl Fn(&C) -> Result<(), String> + Sync,
) -> Vec<Result<(), String>> {
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

/// Runs one case.
fn run(case: &Path, tolerance: Tolerance) -> Result<(), String> {
    let case = Case::read(case)?;
    let compiled = Compiled::of(case.model)?;
    let mut sets = case.sets.iter();
    sets.try_for_each(|(inputs, expected)| compiled.check(inputs, expected, tolerance))
}

/// A case as its folder has it.
pub(crate) struct Case {
    pub(crate) model: Bytes,
    /// Inputs, and what is expected for them.
    pub(crate) sets: Vec<(Vec<Value>, Vec<Value>)>,
}

impl Case {
    pub(crate) fn read(case: &Path) -> Result<Case, String> {
        let model = std::fs::read(case.join("model.onnx")).map_err(|e| e.to_string())?;
        let model = Bytes::from(model);
        let signature = ModelProto::decode(model.clone()).map_err(|e| e.to_string())?;
        let signature = signature.graph.ok_or("no graph")?;
        let set = |set: &PathBuf| {
            let inputs = values(set, "input", &signature.input)?;
            Ok((inputs, values(set, "output", &signature.output)?))
        };
        let sets = data_sets(case).iter().map(set).collect::<Result<_, String>>()?;
        Ok(Case { model, sets })
    }
}

/// A model in both forms.
pub(crate) struct Compiled {
    graph: Graph,
    model: Model,
}

impl Compiled {
    /// The model that these bytes are.
    pub(crate) fn of(bytes: Bytes) -> Result<Compiled, String> {
        Compiled::imported(import::import(bytes, &import::Options::default()))
    }

    /// The model that was imported.
    pub(crate) fn imported(
        imported: Result<import::Imported, import::ImportError>,
    ) -> Result<Compiled, String> {
        Compiled::of_graph(imported.map_err(why)?.graph)
    }

    /// The model that a graph is.
    pub(crate) fn of_graph(graph: Graph) -> Result<Compiled, String> {
        let (optimized, _) = passes::optimize(graph.clone()).map_err(|e| e.to_string())?;
        let lowered = lower::lower(&optimized).map_err(why)?;
        let constants = Constants::owned(lowered.constants);
        let model = Model::new(lowered.plan, constants).map_err(|e| e.to_string())?;
        Ok(Compiled { graph, model })
    }

    /// What the engine makes of inputs.
    pub(crate) fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        self.model.run_values(inputs).map_err(|e| e.to_string())
    }

    /// Holds what the naive twin and the engine make of inputs against what is expected.
    pub(crate) fn check(
        &self,
        inputs: &[Value],
        expected: &[Value],
        tolerance: Tolerance,
    ) -> Result<(), String> {
        let answers = self.answers(inputs)?;
        answers.iter().try_for_each(|(by, made)| compare(by, made, expected, tolerance))
    }

    /// What the naive twin and the engine make of inputs.
    pub(crate) fn answers(
        &self,
        inputs: &[Value],
    ) -> Result<[(&'static str, Vec<Value>); 2], String> {
        let naive = reference::run_values(&self.graph, inputs);
        let naive = naive.map_err(|e| format!("naive: {e}"))?;
        Ok([("naive", naive), ("compiled", self.run(inputs)?)])
    }
}

/// The folders with inputs and outputs: those of the ONNX project's layout, or the case's own.
fn data_sets(case: &Path) -> Vec<PathBuf> {
    let sets = (0..).map(|set| case.join(format!("test_data_set_{set}")));
    let sets: Vec<PathBuf> = sets.take_while(|set| set.is_dir()).collect();
    if sets.is_empty() { vec![case.to_path_buf()] } else { sets }
}

/// The first refusal of an error that lists several, without the node's name and without advice.
fn why(error: impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().nth(1).unwrap_or(&text).trim();
    let line = line.split_once("` (").map_or(line, |(_, rest)| rest);
    let line = line.split_once("; ").map_or(line, |(reason, _)| reason);
    line.replacen(')', "", 1)
}

fn values(set: &Path, side: &str, ports: &[ValueInfoProto]) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        // A list of maps is imported as the tensor of its numbers, and stored as that.
        if let Ok(bytes) = std::fs::read(set.join(format!("{side}_{index}_of_maps.pb"))) {
            let (_, value) =
                import::onnx::import_tensor(bytes.into()).map_err(|e| e.to_string())?;
            values.push(value);
            continue;
        }
        let path = set.join(format!("{side}_{index}.pb"));
        let Ok(bytes) = std::fs::read(path) else { break };
        let declared = port.r#type.as_ref().ok_or("a port without a type")?;
        let value = import::onnx::import_value(bytes.into(), declared);
        values.push(value.map_err(|e| e.to_string())?);
    }
    Ok(values)
}

/// Holds values against those that are expected.
pub(crate) fn compare(
    by: &str,
    made: &[Value],
    expected: &[Value],
    tolerance: Tolerance,
) -> Result<(), String> {
    if made.len() != expected.len() {
        return Err(format!("{by}: {} values, expected {}", made.len(), expected.len()));
    }
    let mut pairs = made.iter().zip(expected);
    pairs.try_for_each(|(made, expected)| compare_one(by, made, expected, tolerance))
}

fn compare_one(
    by: &str,
    made: &Value,
    expected: &Value,
    tolerance: Tolerance,
) -> Result<(), String> {
    match (made, expected) {
        (Value::Tensor(made), Value::Tensor(expected)) => {
            compare_tensors(by, made, expected, tolerance)
        }
        (Value::Sequence(made), Value::Sequence(expected)) => {
            compare(by, made, expected, tolerance)
        }
        (Value::Optional(Some(made)), Value::Optional(Some(expected))) => {
            compare_one(by, made, expected, tolerance)
        }
        _ if made == expected => Ok(()),
        _ => Err(format!("{by}: {made:?}, expected {expected:?}")),
    }
}

fn compare_tensors(
    by: &str,
    made: &Tensor,
    expected: &Tensor,
    tolerance: Tolerance,
) -> Result<(), String> {
    if (made.dtype(), made.shape()) != (expected.dtype(), expected.shape()) {
        return Err(format!("{by}: {made:?}, expected {expected:?}"));
    }
    if !made.dtype().is_float() {
        let is_same = made.bytes() == expected.bytes();
        return if is_same { Ok(()) } else { Err(format!("{by}: other elements")) };
    }
    for (at, (made, expected)) in floats(made).into_iter().zip(floats(expected)).enumerate() {
        let is_same = made == expected || (made.is_nan() && expected.is_nan());
        let bound = tolerance.absolute + tolerance.relative * expected.abs();
        let is_close = (made - expected).abs() <= bound;
        if !(is_same || is_close && expected.is_finite()) {
            return Err(format!("{by}: element {at} is {made}, expected {expected}"));
        }
    }
    Ok(())
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    let wide = reference::evaluate(&ir::Op::Cast(DType::F64), &[tensor], &Default::default());
    wide.unwrap().as_slice::<f64>().unwrap().to_vec()
}
