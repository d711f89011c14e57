//! Operators and small models as TensorFlow Lite has them, with what its own interpreter answers,
//! through the naive twin and through the compiled engine: `suites/tflite`, whose README says how
//! they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`, or as close as the case says; integers that
//! stand for numbers within one step; everything else has to be equal. A case that fails has to be
//! listed in `expected_failures.txt` with the reason, and a listed case has to fail. `BLESS=1`
//! writes the list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::{Compiled, Tolerance};
use tensor::{DType, Tensor, Value};

/// How far a float may be off, where a case says nothing else.
const CLOSE: f64 = 1e-4;

/// A model, with inputs and the outputs that they give.
struct Case {
    model: Vec<u8>,
    ports: Json,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

fn cases() -> BTreeMap<String, Case> {
    let own = testkit::repository().join("suites/tflite/lite.zip.zst");
    let path = std::env::var_os("SCHOONER_CASES").map_or(own, PathBuf::from);
    testkit::cases(&path).into_iter().map(|(name, files)| (name, read(files))).collect()
}

fn read(mut files: BTreeMap<String, Vec<u8>>) -> Case {
    let ports: Json = serde_json::from_slice(&files.remove("case.json").unwrap()).unwrap();
    let values = files.remove("values.bin").unwrap();
    let mut rest = values.as_slice();
    let [inputs, outputs] =
        ["inputs", "outputs"].map(|side| support::side(&ports, side, &mut rest));
    Case { model: files.remove("model.tflite").unwrap(), ports, inputs, outputs }
}

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let (names, cases): (Vec<String>, Vec<Case>) = cases().into_iter().unzip();
    let outcomes = support::run_each(&cases, run);
    let list = testkit::repository().join("suites/tflite/expected_failures.txt");
    testkit::hold_to_list(&list, names.into_iter().zip(outcomes).collect());
}

fn run(case: &Case) -> Result<(), String> {
    let compiled = Compiled::of(case.model.clone().into())?;
    let given = case.ports["absolute"].as_f64();
    let tolerance = Tolerance { relative: CLOSE, absolute: given.unwrap_or(CLOSE) };
    if given.is_none() {
        return compiled.check(&case.inputs, &case.outputs, tolerance);
    }
    let expected = numbers(&case.outputs);
    for (by, made) in compiled.answers(&case.inputs)? {
        support::compare(by, &numbers(&made), &expected, Tolerance { relative: 0.0, ..tolerance })?;
    }
    Ok(())
}

/// Small integers as floats, so that they may be off.
fn numbers(values: &[Value]) -> Vec<Value> {
    let wide = |tensor: &Tensor| {
        let op = ir::Op::Cast(DType::F32);
        reference::evaluate(&op, &[tensor], &Default::default()).unwrap().into()
    };
    values
        .iter()
        .map(|value| match value {
            Value::Tensor(tensor)
                if matches!(tensor.dtype(), DType::I8 | DType::U8 | DType::I16) =>
            {
                wide(tensor)
            }
            other => other.clone(),
        })
        .collect()
}

#[test]
fn an_author_s_words_are_read() {
    let case = cases().remove("net_labelled").unwrap();
    let import::Imported { graph, metadata } =
        import::import(case.model, &import::Options::default()).unwrap();
    assert_eq!(metadata.format, "TensorFlow Lite");
    assert_eq!(metadata.labels, ["cat", "dog", "newt"]);
    assert_eq!(metadata.doc, "Animals by chance.");
    assert_eq!(metadata.properties["normalization_mean"], "127.5");
    assert_eq!(metadata.properties["signature"], "serving_default");
    assert_eq!(graph.value(graph.inputs[0]).name, "levels");
    assert_eq!(format!("{:?}", graph.fact(graph.inputs[0]).shape), "[batch, 6]");
    assert_eq!(graph.outputs[0].name, "scores");
}

#[test]
fn a_model_of_integers_is_computed_in_integers() {
    let case = cases().remove("net_mobile_int8_inside").unwrap();
    let graph = import::import(case.model, &import::Options::default()).unwrap().graph;
    let (graph, _) = passes::optimize(graph).unwrap();
    let plan = lower::lower(&graph).unwrap().plan;
    let text = plan.to_string();
    let products = |line: &&str| line.contains("convolution[") || line.contains("depthwise[");
    let products: Vec<&str> = text.lines().filter(products).collect();
    assert_eq!(products.len(), 10, "{text}");
    assert!(products.iter().all(|line| line.contains(" int8 ")), "{text}");
}

/// Pixels by chance, between the ends of what the model was trained with.
fn pixels(shape: &[usize]) -> Vec<Value> {
    let pixel = |at: usize| (at * 7919 % 255) as f32 / 127.5 - 1.0;
    let pixels: Vec<f32> = (0..shape.iter().product()).map(pixel).collect();
    vec![Tensor::from_slice(shape, &pixels).unwrap().into()]
}

/// What the interpreter of TensorFlow Lite answers for a file of which most weights are integers,
/// with the values between the layers rounded as it does while it runs.
const EMOTIONS: [f32; 7] =
    [0.0380218, 0.0000214, 0.0783452, 0.0079205, 0.28264, 0.5563043, 0.0367469];

#[test]
fn a_real_file_of_small_weights_answers_as_the_one_that_it_was_made_from() {
    let Some(small) = testkit::fixture("fer/emotion_model_quantized.tflite") else { return };
    let Some(whole) = testkit::fixture("fer/emotion_model.hdf5") else { return };
    let [small, whole] = [small, whole].map(|path| {
        let imported = import::import_file(&path, &import::Options::default());
        Compiled::imported(imported).unwrap()
    });
    let inputs = pixels(&[1, 64, 64, 1]);
    let [(_, expected), _] = whole.answers(&inputs).unwrap();
    small.check(&inputs, &expected, Tolerance { relative: 0.0, absolute: 0.015 }).unwrap();
    let expected = Tensor::from_slice(&[1, EMOTIONS.len()], &EMOTIONS).unwrap();
    let tolerance = Tolerance { relative: 0.0, absolute: 0.01 };
    small.check(&inputs, &[expected.into()], tolerance).unwrap();
}
