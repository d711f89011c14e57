//! Every golden case of `suites/goldens/cases.json` through the whole compiler and engine, held
//! against what ONNX Runtime answered.

use runtime::{Constants, Model};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tensor::Tensor;

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list `{key}` in {value}"))
}

fn shape(value: &Value) -> Vec<usize> {
    list(value, "shape").iter().map(|d| d.as_u64().unwrap() as usize).collect()
}

/// An input made by its formula; see the README beside the cases.
fn input(port: &Value) -> Tensor {
    let (shape, fill) = (shape(port), &port["fill"]);
    let count: usize = shape.iter().product();
    let hash = |i: usize| (i as u64 * 2_654_435_761 + 12_345) & u64::from(u32::MAX);
    let unit = |i: usize| hash(i) as f64 / 4_294_967_296.0 * 2.0 - 1.0;
    let number = |key: &str| fill[key].as_f64().unwrap();
    let column = |key: &str, i: usize| {
        let numbers = list(fill, key);
        numbers[i % numbers.len()].as_f64().unwrap()
    };
    let floats = |element: &dyn Fn(usize) -> f64| {
        let elements: Vec<f32> = (0..count).map(|i| element(i) as f32).collect();
        Tensor::from_slice(&shape, &elements).unwrap()
    };
    match text(fill, "kind") {
        "hash" => floats(&|i| unit(i) * number("scale") + number("offset")),
        "hash_columns" => floats(&|i| unit(i) * column("scales", i) + column("offsets", i)),
        "ramp" => floats(&|i| i as f64 / count as f64),
        "hash_int" => {
            let (low, high) = (fill["low"].as_i64().unwrap(), fill["high"].as_i64().unwrap());
            let element = |i| (hash(i) % (high - low) as u64) as i64 + low;
            let elements: Vec<i64> = (0..count).map(element).collect();
            if text(port, "dtype") == "i32" {
                let narrow: Vec<i32> = elements.iter().map(|&x| x as i32).collect();
                Tensor::from_slice(&shape, &narrow).unwrap()
            } else {
                Tensor::from_slice(&shape, &elements).unwrap()
            }
        }
        other => panic!("unknown fill `{other}`"),
    }
}

fn compile(path: &Path) -> (ir::Graph, Model) {
    let graph = import::import_file(path, &import::Options::default()).unwrap().graph;
    let (graph, _) = passes::optimize(graph).unwrap();
    let lowered = lower::lower(&graph).unwrap();
    (graph, Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap())
}

/// Holds the outputs of one case against those stored beside it.
fn check_case(folder: &Path, case: &Value, outputs: &[Tensor], rtol: f32) {
    let (model, name) = (text(case, "model"), text(case, "case"));
    for (k, port) in list(case, "outputs").iter().enumerate() {
        let file = folder.join(model).join(name).join(format!("output_{k}.pb"));
        let bytes = std::fs::read(file).unwrap();
        let (_, expected) = import::onnx::import_tensor(bytes.into()).unwrap();
        let expected = expected.tensor().unwrap().as_ref();
        let (what, actual) = (format!("{model} {name} `{}`", text(port, "name")), &outputs[k]);
        let fact = |t: &Tensor| (t.dtype(), t.shape().to_vec());
        assert_eq!(fact(actual), fact(expected), "{what}");
        match (actual.as_slice::<f32>(), expected.as_slice::<f32>()) {
            (Ok(a), Ok(e)) => {
                let atol = port["atol"].as_f64().unwrap() as f32;
                testkit::assert_close(&what, a, e, rtol, atol);
            }
            _ => assert_eq!(actual.bytes(), expected.bytes(), "{what}"),
        }
    }
}

fn check_models(root: &str, resolve: impl Fn(&str) -> Option<PathBuf>) {
    let folder = testkit::repository().join("suites/goldens");
    let cases = std::fs::read(folder.join("cases.json")).unwrap();
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let rtol = cases["rtol"].as_f64().unwrap() as f32;
    for model in list(&cases, "models").iter().filter(|m| text(m, "root") == root) {
        let Some(path) = resolve(text(model, "path")) else { continue };
        let (graph, compiled) = compile(&path);
        let of_model = list(&cases, "cases").iter().filter(|c| c["model"] == model["name"]);
        let cases: Vec<&Value> = of_model.collect();
        assert!(!cases.is_empty(), "{model} has no case");
        for case in cases {
            let inputs: Vec<Tensor> = list(case, "inputs").iter().map(input).collect();
            let borrowed: Vec<&Tensor> = inputs.iter().collect();
            check_case(&folder, case, &compiled.run(&borrowed).unwrap(), rtol);
            // The naive twin takes minutes for the large ones.
            if root == "repository" {
                check_case(&folder, case, &reference::run(&graph, &inputs).unwrap(), rtol);
            }
        }
    }
}

#[test]
fn models_of_the_repository_answer_as_onnx_runtime_by_engine_and_by_reference() {
    check_models("repository", |path| Some(testkit::repository().join(path)));
}

#[test]
fn large_models_answer_as_onnx_runtime() {
    check_models("fixtures", testkit::fixture);
}

#[test]
fn models_fetched_by_package_name_answer_as_onnx_runtime() {
    check_models("fetched", testkit::fetched);
}

#[test]
fn the_inputs_are_those_of_the_formula() {
    let port = |fill: &str, dtype: &str| {
        let text = format!(r#"{{"dtype": "{dtype}", "shape": [3], "fill": {fill}}}"#);
        input(&serde_json::from_str(&text).unwrap())
    };
    let floats = port(r#"{"kind": "hash", "scale": 1.0, "offset": 0.0}"#, "f32");
    assert_eq!(floats.as_slice::<f32>().unwrap(), [-0.9999943, 0.23607372, -0.5278583]);
    let whole = port(r#"{"kind": "hash_int", "low": 0, "high": 257}"#, "i64");
    assert_eq!(whole.as_slice::<i64>().unwrap(), [9, 219, 171]);
}
