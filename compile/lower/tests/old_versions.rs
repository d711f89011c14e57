//! Operators of the first versions of the standard, whose attributes became inputs later, through
//! the naive twin and through the compiled engine.

use runtime::Constants;
use tensor::Tensor;
use testkit::onnx::{F32, I64, Model, bytes, int, ints, number};

/// What a node of some operator set makes of `x`, `[2, 3, 2]`, and of further inputs.
#[track_caller]
fn made(op: &str, opset: u64, attributes: &[Vec<u8>], further: &[(&str, &[f32])]) -> Vec<f32> {
    let mut model = Model::new(opset).input("x", F32, &["2", "3", "2"]);
    let mut inputs = vec!["x"];
    for (name, elements) in further {
        let raw: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        model = model.weight(name, F32, &[elements.len() as i64], &raw);
        inputs.push(name);
    }
    let model = model.node(op, &inputs, &["y"], attributes).output("y", F32, &["?"]);
    run(&model)
}

#[track_caller]
fn run(model: &Model) -> Vec<f32> {
    let elements: Vec<f32> = (0..12).map(|x| x as f32 - 6.0).collect();
    let x = Tensor::from_slice(&[2, 3, 2], &elements).unwrap();
    let graph = import::import(model.encode(), &import::Options::default()).unwrap().graph;
    let naive = reference::run(&graph, std::slice::from_ref(&x)).unwrap();
    let (optimized, _) = passes::optimize(graph).unwrap();
    let lowered = lower::lower(&optimized).unwrap();
    let model = runtime::Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let made = model.run(&[&x]).unwrap();
    assert_eq!(made[0].shape(), naive[0].shape());
    let [made, naive] = [&made, &naive].map(|of| of[0].as_slice::<f32>().unwrap().to_vec());
    // The functions of the engine's kernels are within a few units of the last place.
    let is_near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
    assert!(made.iter().zip(&naive).all(is_near), "{made:?} {naive:?}");
    naive
}

fn float(name: &str, value: f32) -> Vec<u8> {
    let value = [vec![2 << 3 | 5], value.to_le_bytes().to_vec()].concat();
    [bytes(1, name.as_bytes()), value, number(20, 1)].concat()
}

fn floats(name: &str, values: &[f32]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    [bytes(1, name.as_bytes()), bytes(7, &values), number(20, 6)].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    [bytes(1, name.as_bytes()), bytes(4, value.as_bytes()), number(20, 3)].concat()
}

#[test]
fn the_second_operand_has_the_axes_from_one_on() {
    let attributes = [int("broadcast", 1), int("axis", 1)];
    let y = made("Add", 6, &attributes, &[("b", &[10.0, 20.0, 30.0])]);
    assert_eq!(y[..6], [4.0, 5.0, 16.0, 17.0, 28.0, 29.0]);
    let y = made("Mul", 1, &[int("broadcast", 1)], &[("b", &[1.0, -1.0])]);
    assert_eq!(y[..4], [-6.0, 5.0, -4.0, 3.0]);
}

#[test]
fn slopes_are_those_of_channels() {
    let y = made("PRelu", 6, &[], &[("slope", &[1.0, 2.0, 3.0])]);
    assert_eq!(y[..6], [-6.0, -5.0, -8.0, -6.0, -6.0, -3.0]);
}

#[test]
fn parameters_were_attributes() {
    let y = made("Reshape", 1, &[ints("shape", &[3, -1]), ints("consumed_inputs", &[0])], &[]);
    assert_eq!(y, (0..12).map(|x| x as f32 - 6.0).collect::<Vec<_>>());
    let y = made("Cast", 1, &[text("to", "FLOAT")], &[]);
    assert_eq!(y[..2], [-6.0, -5.0]);
    let y = made("Pad", 1, &[ints("paddings", &[0, 0, 1, 0, 0, 0])], &[]);
    assert_eq!(y[..6], [0.0, -6.0, -5.0, 0.0, -4.0, -3.0]);
    let y = made("Tile", 1, &[], &[("tiles", &[2.0]), ("axis", &[2.0])]);
    assert_eq!(y[..8], [-6.0, -5.0, -6.0, -5.0, -4.0, -3.0, -4.0, -3.0]);
    let y = made("Concat", 1, &[], &[]);
    assert_eq!(y.len(), 12);
}

#[test]
fn statistics_of_a_batch_are_those_given() {
    let ones: &[f32] = &[1.0, 1.0, 1.0];
    let parameters = [("scale", ones), ("bias", ones), ("mean", ones), ("variance", ones)];
    let y = made("BatchNormalization", 6, &[int("is_test", 1)], &parameters);
    assert!((y[0] + 6.0).abs() < 1e-3, "{y:?}");
}

#[test]
fn operators_that_were_taken_back_are_computed() {
    let y = made("Affine", 1, &[float("alpha", 2.0), float("beta", 1.0)], &[]);
    assert_eq!(y[..3], [-11.0, -9.0, -7.0]);
    assert_eq!(made("Scale", 1, &[float("scale", 0.5)], &[])[..2], [-3.0, -2.5]);
    let factors = [float("alpha", 2.0), float("beta", 0.5)];
    let y = made("ScaledTanh", 1, &factors, &[]);
    assert!((y[0] - 2.0 * (-3f32).tanh()).abs() < 1e-6, "{y:?}");
    let y = made("ParametricSoftplus", 1, &factors, &[]);
    assert!((y[11] - 2.0 * 2.5f32.exp().ln_1p()).abs() < 1e-5, "{y:?}");
    let image = Model::new(1)
        .input("x", F32, &["2", "3", "2"])
        .node("Reshape", &["x"], &["i"], &[ints("shape", &[1, 2, 2, 3])])
        .node("ImageScaler", &["i"], &["s"], &[float("scale", 2.0), floats("bias", &[1.0, 2.0])])
        .node("Crop", &["s"], &["y"], &[ints("border", &[1, 1, 0, 0])])
        .output("y", F32, &["1", "2", "1", "2"]);
    assert_eq!(run(&image), [-3.0, -1.0, 10.0, 12.0]);
}

#[test]
fn what_an_operator_never_had_is_refused() {
    let model = Model::new(7).input("x", I64, &["2"]).output("y", I64, &["2"]);
    let model = model.node("Add", &["x", "x"], &["y"], &[int("broadcast", 1)]);
    let error = import::import(model.encode(), &import::Options::default()).unwrap_err();
    assert!(error.to_string().contains("`broadcast` is not one that this operator has"), "{error}");
}
