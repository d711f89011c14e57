//! `:classify` and `:regress`, held against TensorFlow Serving's own words.

use crate::support::{Response, Server};
use listen::Options;
use servables::{jpeg, model, n, port};
use server::{Limits, Servable};
use tensor::{DType, Dim, Tensor};

/// Sums `a` and the two elements of `b`: a number for each row.
fn regressor() -> Servable {
    let inputs =
        vec![port("a", DType::F32, vec![n()]), port("b", DType::I64, vec![n(), Dim::from(2)])];
    model("sum", inputs, vec![port("y", DType::F32, vec![n(), Dim::from(1)])], |inputs| {
        let a = inputs[0].as_slice::<f32>().unwrap();
        let b = inputs[1].as_slice::<i64>().unwrap();
        let y: Vec<f32> =
            a.iter().zip(b.chunks(2)).map(|(a, b)| a + (b[0] + b[1]) as f32).collect();
        Ok(vec![Tensor::from_slice(&[y.len(), 1], &y).unwrap()])
    })
}

/// Two scores for each row, and the better one's number.
fn classifier() -> Servable {
    let outputs = vec![
        port("label", DType::I64, vec![n()]),
        port("probabilities", DType::F32, vec![n(), Dim::from(2)]),
    ];
    model("iris", vec![port("x", DType::F32, vec![n()])], outputs, |inputs| {
        let x = inputs[0].as_slice::<f32>().unwrap();
        let labels: Vec<i64> = x.iter().map(|&x| i64::from(x < 0.5)).collect();
        let scores: Vec<f32> = x.iter().flat_map(|&x| [x, 1.0 - x]).collect();
        Ok(vec![
            Tensor::from_slice(&[x.len()], &labels).unwrap(),
            Tensor::from_slice(&[x.len(), 2], &scores).unwrap(),
        ])
    })
}

fn server() -> Server {
    let models = vec![
        regressor(),
        classifier(),
        servables::brightness("brightness"),
        servables::pair(),
        servables::echo("bytes", DType::U8, vec![n()]),
    ];
    Server::with(Limits::default(), Options::default(), models)
}

fn ask(server: &Server, path: &str, body: &str) -> Response {
    server.send("POST", &format!("/v1/models/{path}"), &[], body.as_bytes())
}

#[test]
fn a_regression_is_a_list_of_numbers() {
    let server = server();
    let body = r#"{"signature_name": "serving_default", "context": {"b": [1, 2], "other": "x"},
                   "examples": [{"a": 0.5}, {"a": [1.5], "b": [10, 20]}, {"a": NaN}]}"#;
    let response = ask(&server, "sum:regress", body);
    assert_eq!(response.text(), "{\n    \"results\": [3.5, 31.5, NaN]\n}");
}

#[test]
fn a_classification_is_a_list_of_pairs() {
    let server = server();
    let response = ask(&server, "iris:classify", r#"{"examples": [{"x": 0.25}, {"x": [0.75]}]}"#);
    let expected = "{\n    \"results\": [\n        [[\"\", 0.25], [\"\", 0.75]],\n        \
                    [[\"\", 0.75], [\"\", 0.25]]\n    ]\n}";
    assert_eq!(squeezed(response.text()), squeezed(expected));
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(value["results"][1][0][1], 0.75);
    let image = base64(&jpeg(192));
    let body = format!(r#"{{"examples": [{{"image/encoded": {{"b64": "{image}"}}}}]}}"#);
    let response = ask(&server, "brightness:classify", &body);
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(value.to_string(), r#"{"results":[[["bright",0.75],["dark",0.25]]]}"#);
}

/// The text without white space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Only for lengths that are a multiple of three or leave two.
fn base64(bytes: &[u8]) -> String {
    use std::fmt::Write;
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            write!(text, "{}", char::from(ALPHABET[index as usize])).unwrap();
        }
    }
    text
}

#[test]
fn what_cannot_be_read_is_refused_in_its_words() {
    let server = server();
    let check = |path: &str, body: &str, expected: &str| {
        let response = ask(&server, path, body);
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.error().contains(expected), "{}\nlacks\n{expected}", response.error());
    };
    let missing = "When method is classify, key 'examples' is expected and was not found";
    check("sum:regress", "{}", missing);
    check("sum:regress", "", "JSON Parse error: The document is empty");
    check("sum:regress", "[]", "JSON Value: [] Is not object");
    check("sum:regress", r#"{"examples": 7}"#, "Expecting 'examples' value to be an list/array");
    check("sum:regress", r#"{"examples": []}"#, "'examples' value is an empty array");
    let text = "Example must be JSON object but got JSON Number";
    check("sum:regress", r#"{"examples": [7]}"#, text);
    check("sum:regress", r#"{"examples": [{}], "context": 7}"#, text);
    let text = "Feature: a (data type: float) is required but could not be found.";
    check("sum:regress", r#"{"examples": [{"b": [1, 2]}]}"#, text);
    let text = "Feature: a has element with unexpected JSON type: ";
    check("sum:regress", r#"{"examples": [{"a": null, "b": [1, 2]}]}"#, text);
    check("sum:regress", r#"{"examples": [{"a": [[1]], "b": [1, 2]}]}"#, text);
    let text = "Expecting tensor size: 2 but got: 3";
    check(
        "sum:regress",
        r#"{"examples": [{"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 2, 3]}]}"#,
        text,
    );
    let text = "Serving signature name: \"x\" not found in signature def";
    check("sum:regress", r#"{"signature_name": "x", "examples": [{}]}"#, text);
    let text = "Expected one number for each example, found the shape [1, 2]";
    check("iris:regress", r#"{"examples": [{"x": 1}]}"#, text);
    let text = "Expected classification signature method_name to be tensorflow/serving/classify. \
                Was: tensorflow/serving/predict";
    check("bytes:classify", r#"{"examples": [{"x": 1}]}"#, text);
    check("brightness:classify", r#"{"examples": [{"x": {"b64": "????"}}]}"#, "base64");
}

#[test]
fn counts_stand_under_its_names_too() {
    let server = server();
    ask(&server, "sum:regress", r#"{"examples": [{"a": 1, "b": [1, 2]}]}"#);
    ask(&server, "sum:regress", "{}");
    let response = server.get("/monitoring/prometheus/metrics");
    assert_eq!(response.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        ":tensorflow:serving:request_count{model_name=\"sum\",status=\"OK\"} 1",
        ":tensorflow:serving:request_count{model_name=\"sum\",status=\"INVALID_ARGUMENT\"} 1",
        ":tensorflow:serving:request_latency_count{model_name=\"sum\"} 1",
        "# TYPE :tensorflow:serving:runtime_latency summary",
    ] {
        assert!(response.text().lines().any(|found| found == line), "{}", response.text());
    }
}
