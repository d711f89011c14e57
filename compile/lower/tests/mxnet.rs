//! Operators and small nets as MXNet wrote them, with what MXNet itself answers, through the naive
//! twin and through the compiled engine: `suites/mxnet`, whose README says how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::Tensor;

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("mxnet", &["operators", "models"], run);
}

fn run(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.unpack(folder.path());
    let path = folder.path().join("net-symbol.json");
    let imported = import::import_file(&path, &import::Options::default());
    Compiled::imported(imported)?.check(&case.inputs, &case.outputs, TOLERANCE)
}

#[test]
fn a_net_of_mxnet_answers_as_its_onnx_form() {
    let Some(folder) = testkit::fixture("efficientnet-lite0") else { return };
    let graph = |name: &str| {
        let imported = import::import_file(&folder.join(name), &import::Options::default());
        imported.unwrap().graph
    };
    // The weights behind the padding say that it is an image, for which there is a recipe.
    let own = graph("efficientnet_lite0_mx-symbol.json");
    assert_eq!(format!("{:?}", own.fact(own.inputs[0]).shape), "[batch, 3, data_2, data_3]");
    let shape = [1, 3, 224, 224];
    let pixel = |at: usize| ((at * 7919 % 255) as f32 - 127.0) / 128.0;
    let pixels: Vec<f32> = (0..shape.iter().product()).map(pixel).collect();
    let pixels = Tensor::from_slice(&shape, &pixels).unwrap();
    let answers = ["efficientnet_lite0_mx-symbol.json", "efficientnet_lite0.onnx"].map(|name| {
        let model = Compiled::of_graph(graph(name)).unwrap();
        let made = model.run(&[pixels.clone().into()]).unwrap();
        made[0].tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
    });
    // The one makes probabilities, the other one what they are made of.
    let largest = answers[1].iter().fold(f32::MIN, |a, &b| a.max(b));
    let exponentials: Vec<f32> = answers[1].iter().map(|x| (x - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    for (made, expected) in answers[0].iter().zip(exponentials) {
        assert!((made - expected / sum).abs() < 1e-4, "{made}, expected {}", expected / sum);
    }
}
