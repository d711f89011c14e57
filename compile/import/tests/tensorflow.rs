//! TensorFlow graphs that are refused, with what is said of them, and how models are chosen from.

use import::{Options, Survey, import, survey};
use testkit::onnx::{bytes, number};

/// An attribute: its name and the field of the value.
fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    bytes(5, &[bytes(1, name.as_bytes()), bytes(2, value)].concat())
}

fn node(name: &str, op: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| bytes(3, input.as_bytes())).collect();
    let head = [bytes(1, name.as_bytes()), bytes(2, op.as_bytes()), inputs].concat();
    [head, attributes.concat()].concat()
}

/// A shape of these sizes; -1 for one that is open.
fn shape(sizes: &[i64]) -> Vec<u8> {
    sizes.iter().flat_map(|&size| bytes(2, &number(1, size as u64))).collect()
}

fn placeholder(name: &str, sizes: &[i64]) -> Vec<u8> {
    let shape = attribute("shape", &bytes(7, &shape(sizes)));
    node(name, "Placeholder", &[], &[attribute("dtype", &number(6, 1)), shape])
}

/// A graph of nodes and functions, of today's version.
fn graph(nodes: &[Vec<u8>], functions: &[Vec<u8>]) -> Vec<u8> {
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    let functions: Vec<u8> = functions.iter().flat_map(|function| bytes(1, function)).collect();
    [nodes, bytes(2, &functions), bytes(4, &number(1, 1395))].concat()
}

/// A function from `x` to `y`.
fn function(name: &str, nodes: &[Vec<u8>], result: &str) -> Vec<u8> {
    let argument = |name: &str| bytes(1, name.as_bytes());
    let signature =
        [bytes(1, name.as_bytes()), bytes(2, &argument("x")), bytes(3, &argument("y"))].concat();
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(3, node)).collect();
    let result = bytes(4, &[bytes(1, b"y"), bytes(2, result.as_bytes())].concat());
    [bytes(1, &signature), nodes, result].concat()
}

fn call(name: &str, input: &str, function: &str) -> Vec<u8> {
    let called = attribute("f", &bytes(10, &bytes(1, function.as_bytes())));
    node(name, "PartitionedCall", &[input], &[called])
}

fn looked_at(bytes: Vec<u8>) -> Survey {
    survey(bytes, &Options::default()).unwrap()
}

#[track_caller]
fn refused(bytes: Vec<u8>, expected: &str) {
    let error = import(bytes, &Options::default()).expect_err("it was imported").to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

#[test]
fn ends_of_a_graph_are_its_inputs_and_outputs() {
    let nodes = [
        placeholder("unused", &[2]),
        placeholder("scope/x", &[-1, 3]),
        node("relu", "Relu", &["scope/x"], &[]),
        node("tanh", "Tanh", &["relu:0", "^relu"], &[]),
    ];
    let bytes = graph(&nodes, &[]);
    let made = looked_at(bytes.clone()).graph;
    assert_eq!(made.inputs.len(), 1);
    assert_eq!(made.value(made.inputs[0]).name, "scope/x");
    assert_eq!(format!("{:?}", made.fact(made.inputs[0]).shape), "[batch, 3]");
    assert_eq!(made.outputs.len(), 1);
    assert_eq!(made.outputs[0].name, "tanh");
    let options = Options { outputs: vec!["relu".to_string()], ..Options::default() };
    let made = import(bytes.clone(), &options).unwrap().graph;
    assert_eq!(made.outputs[0].name, "relu");
    let options = Options { outputs: vec!["other".to_string()], ..Options::default() };
    let error = import(bytes.clone(), &options).unwrap_err().to_string();
    assert!(error.contains("`other`: expected an output or a node of the graph"), "{error}");
    let options = Options { signature: Some("serve".to_string()), ..Options::default() };
    let error = import(bytes, &options).unwrap_err().to_string();
    assert!(error.contains("expected a signature of the model, the model has none"), "{error}");
}

#[test]
fn what_is_not_known_is_named() {
    let nodes = [
        placeholder("x", &[-1, 3]),
        node("odd", "EagerPyFunc", &["x"], &[]),
        node("y", "Relu", &["odd"], &[]),
    ];
    let survey = looked_at(graph(&nodes, &[]));
    let texts: Vec<String> = survey.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("node `odd` (tensorflow.EagerPyFunc): "), "{}", texts[0]);
    assert!(texts[0].contains("runs Python code"), "{}", texts[0]);
    assert_eq!(survey.unjudged, ["y"]);
}

#[test]
fn graphs_that_do_not_fit_are_refused() {
    let x = || placeholder("x", &[-1, 3]);
    let relu = |inputs: &[&str]| node("y", "Relu", inputs, &[]);
    refused(graph(&[x(), relu(&["z"])], &[]), "takes `z`, which nothing before it makes");
    refused(graph(&[x(), relu(&[])], &[]), "input 0: expected a value, found nothing");
    refused(graph(&[x(), relu(&["x:7"])], &[]), "takes `x:7`");
    refused(graph(&[relu(&["y"]), node("end", "Relu", &["y"], &[])], &[]), "takes `y`");
    refused(graph(&[x(), call("y", "x", "f")], &[]), "takes `f`, which nothing before it makes");
    refused(
        graph(&[node("v", "VarHandleOp", &[], &[]), node("y", "ReadVariableOp", &["v"], &[])], &[]),
        "there is no checkpoint beside the graph",
    );
}

#[test]
fn functions_are_bounded() {
    let x = placeholder("x", &[2]);
    let itself = function("f", &[call("again", "x", "f")], "again:output:0");
    refused(graph(&[x.clone(), call("y", "x", "f")], &[itself]), "deeper or wider than any model");
    // Each calls the next one many times.
    let mut functions = Vec::new();
    for level in 0..20 {
        let next = format!("f{}", level + 1);
        let mut nodes = vec![call("c0", "x", &next)];
        for index in 1..8 {
            let input = format!("c{}:output:0", index - 1);
            nodes.push(call(&format!("c{index}"), &input, &next));
        }
        functions.push(function(&format!("f{level}"), &nodes, "c7:output:0"));
    }
    functions.push(function("f20", &[], "x"));
    let survey = looked_at(graph(&[x, call("y", "x", "f0")], &functions));
    assert!(survey.refusals.iter().any(|r| r.to_string().contains("deeper or wider")));
}

#[test]
fn files_that_break_off_are_refused() {
    let whole = graph(&[placeholder("x", &[2]), node("y", "Relu", &["x"], &[])], &[]);
    for end in 0..whole.len() {
        let _ = import(whole[..end].to_vec(), &Options::default());
    }
    refused(whole[..whole.len() - 6].to_vec(), "the TensorFlow file is damaged");
}
