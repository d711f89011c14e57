//! Models of one node each, most of them `com.microsoft`, through the naive twin and through the
//! compiled engine, held against what ONNX Runtime makes of them: `suites/goldens/microsoft`,
//! written by `microsoft.py` beside it.
//!
//! Floats have to be within `1e-5 + 1e-4 * |expected|`. Integers of 8 bits are rounded floats, for
//! which ONNX Runtime takes other ways than the definition (fixed-point factors, tables), so that
//! they may lie one step apart; all others have to be equal.

use import::Bytes;
use import::onnx::decode::{GraphProto, TensorProto};
use prost::Message;
use runtime::{Constants, Model};
use std::path::Path;
use tensor::{DType, Tensor};

const RTOL: f64 = 1e-4;
const ATOL: f64 = 1e-5;

#[test]
fn each_node_answers_as_onnx_runtime() {
    let folder = testkit::repository().join("suites/goldens/microsoft");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "onnx")).collect();
    models.sort();
    assert!(!models.is_empty());
    let failures: Vec<String> = models
        .iter()
        .filter_map(|path| Some(format!("{}: {}", path.display(), run(path).err()?)))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        models.len(),
        failures.join("\n")
    );
}

fn run(path: &Path) -> Result<(), String> {
    let imported = import::import_file(path, &import::Options::default());
    let graph = imported.map_err(|error| error.to_string())?.graph;
    let mut inputs = values(&path.with_extension("values.pb"));
    let expected = inputs.split_off(graph.inputs.len());
    let naive = reference::run(&graph, &inputs).map_err(|error| error.to_string())?;
    compare("naive", &naive, &expected)?;
    let (optimized, _) = passes::optimize(graph).map_err(|error| error.to_string())?;
    let lowered = lower::lower(&optimized).map_err(|error| error.to_string())?;
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let borrowed: Vec<&Tensor> = inputs.iter().collect();
    let made = model.run(&borrowed).map_err(|error| error.to_string())?;
    compare("compiled", &made, &expected)
}

/// The model's inputs and then its outputs.
fn values(path: &Path) -> Vec<Tensor> {
    let graph = GraphProto::decode(Bytes::from(std::fs::read(path).unwrap())).unwrap();
    let read = |proto: &TensorProto| import::onnx::import_tensor(proto.encode_to_vec().into());
    let numbers = |value: tensor::Value| value.tensor().unwrap().as_ref().clone();
    graph.initializer.iter().map(|proto| numbers(read(proto).unwrap().1)).collect()
}

fn compare(by: &str, made: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    if made.len() != expected.len() {
        return Err(format!("{by}: {} outputs, expected {}", made.len(), expected.len()));
    }
    for (made, expected) in made.iter().zip(expected) {
        if (made.dtype(), made.shape()) != (expected.dtype(), expected.shape()) {
            return Err(format!("{by}: {made:?}, expected {expected:?}"));
        }
        let is_rounded = matches!(made.dtype(), DType::U8 | DType::I8);
        let bound = |expected: f64| match made.dtype() {
            dtype if dtype.is_float() => ATOL + RTOL * expected.abs(),
            _ => f64::from(u8::from(is_rounded)),
        };
        for (at, (made, expected)) in wide(made).into_iter().zip(wide(expected)).enumerate() {
            if (made - expected).abs() > bound(expected) || made.is_nan() {
                return Err(format!("{by}: element {at} is {made}, expected {expected}"));
            }
        }
    }
    Ok(())
}

fn wide(tensor: &Tensor) -> Vec<f64> {
    let wide = reference::evaluate(&ir::Op::Cast(DType::F64), &[tensor], &Default::default());
    wide.unwrap().as_slice::<f64>().unwrap().to_vec()
}
