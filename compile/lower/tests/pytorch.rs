//! Operators, layers and small models as PyTorch wrote them, with what PyTorch itself answers,
//! through the naive twin and through the compiled engine: `suites/pytorch`, whose README says how
//! they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use import::Options;
use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::{Tensor, Value};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("pytorch", &["export", "trace", "script"], run);
}

fn run(case: &Case) -> Result<(), String> {
    let sizes = case.about["sizes"].as_object().unwrap().iter();
    let sizes = sizes.map(|(name, size)| (name.clone(), size.as_i64().unwrap())).collect();
    let imported = import::import(case.model(), &Options { sizes, ..Options::default() });
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

/// Pixels that are none of a picture, from -1 to 1.
fn pixels(shape: &[usize]) -> Tensor {
    let pixel = |at: usize| (at * 7919 % 255) as f32 / 127.5 - 1.0;
    let pixels: Vec<f32> = (0..shape.iter().product()).map(pixel).collect();
    Tensor::from_slice(shape, &pixels).unwrap()
}

#[test]
fn each_form_of_a_model_answers_as_its_onnx() {
    let Some(onnx) = testkit::fixture("efficientnet-lite0/efficientnet_lite0.onnx") else { return };
    let given: Value = pixels(&[1, 3, 224, 224]).into();
    let options = Options::default();
    let model = Compiled::imported(import::import_file(&onnx, &options)).unwrap();
    let expected = model.run(std::slice::from_ref(&given)).unwrap();
    for file in ["efficientnet_lite0.pt2", "efficientnet_lite0.torchscript.pt"] {
        let path = testkit::fixture(&format!("efficientnet-lite0/{file}")).unwrap();
        let model = Compiled::imported(import::import_file(&path, &options)).unwrap();
        model.check(std::slice::from_ref(&given), &expected, TOLERANCE).unwrap();
    }
}

#[test]
fn a_model_that_keeps_states_answers_as_its_onnx() {
    let Some(onnx) = testkit::fixture("silero-vad/silero_vad.onnx") else { return };
    let sizes = [("x_0", 1), ("x_1", 512), ("sr", 16_000)];
    let sizes = sizes.map(|(name, size)| (name.to_string(), size)).into_iter().collect();
    let options = Options { sizes, ..Options::default() };
    let path = testkit::fixture("silero-vad/silero_vad.jit").unwrap();
    let model = Compiled::imported(import::import_file(&path, &options)).unwrap();
    let sound = pixels(&[1, 512]);
    // Before the first samples there is silence, which the one puts there itself.
    let mut heard = vec![0.0; 64];
    heard.extend_from_slice(sound.as_slice::<f32>().unwrap());
    let heard = Tensor::from_slice(&[1, 576], &heard).unwrap();
    let state = Tensor::from_slice(&[2, 1, 128], &[0.0f32; 256]).unwrap();
    let rate = Tensor::scalar(16_000i64);
    let same = Compiled::imported(import::import_file(&onnx, &Options::default())).unwrap();
    let given: Vec<Value> = [heard, state, rate].map(Value::from).into();
    let expected = same.run(&given).unwrap();
    model.check(&[sound.into()], &expected[..1], TOLERANCE).unwrap();
}
