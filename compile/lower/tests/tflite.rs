//! Operators and small models as TensorFlow Lite has them, with what its own interpreter answers,
//! through the naive twin and through the compiled engine: `suites/tflite`, whose README says how
//! they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`, or as close as the case says; integers that
//! stand for numbers within one step; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::{DType, Tensor, Value};

/// How far a float may be off, where a case says nothing else.
const CLOSE: f64 = 1e-4;

/// The archive of the suite.
const ARCHIVE: &[&str] = &["lite"];

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("tflite", ARCHIVE, run);
}

/// The model of a case.
fn model_of(name: &str) -> Vec<u8> {
    let cases = suite::cases("tflite", ARCHIVE);
    cases.iter().find(|case| case.name == name).unwrap().model()
}

fn run(case: &Case) -> Result<(), String> {
    let compiled = Compiled::of(case.model().into())?;
    let given = case.about["absolute"].as_f64();
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
    let model = model_of("net_labelled");
    let import::Imported { graph, metadata } =
        import::import(model, &import::Options::default()).unwrap();
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
    let model = model_of("net_mobile_int8_inside");
    let graph = import::import(model, &import::Options::default()).unwrap().graph;
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
