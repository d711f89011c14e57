//! Bodies of every kind, and what they are answered with.

use super::support::{INFERENCE, METRICS, Ports};
use axum::body::Body;
use axum::http::Request;
use servables::{jpeg, lengths, words};
use std::time::Duration;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";

fn multipart(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

#[test]
fn tensors_are_answered_as_they_were_named() {
    let ports = Ports::with_more_models();
    let pair = r#"{"a":[[1.5,2.0]],"b":[[3,4]]}"#;
    for (model, content_type, body, expected) in [
        ("noop", JSON, r#"{"x": [1, 2]}"#, r#"{"x":[1,2]}"#),
        ("noop", JSON, "[1, 2]", "[1,2]"),
        ("noop", "", "[1, 2]", "[1,2]"),
        ("noop", FORM, r#"{"x": [7]}"#, r#"{"x":[7]}"#),
        ("noop", FORM, "x=[1,2]&y=3", r#"{"x":[1,2]}"#),
        ("noop", FORM, "data=%5B5%5D", "[5]"),
        ("noop", JSON, r#"{"instances": [1, 2]}"#, r#"{"predictions":[1,2]}"#),
        ("noop", JSON, r#"{"inputs": [1, 2]}"#, r#"{"outputs":[1,2]}"#),
        ("rows", JSON, "[[1, 2], [NaN, 4]]", ""),
        ("pair", JSON, pair, pair),
        ("pair", FORM, "a=[[1.5,2.0]]&b=[[3,4]]", pair),
    ] {
        let response = ports.predict(model, content_type, body.as_bytes());
        assert_eq!(response.status, 200, "{body}: {:?}", response.headers);
        match expected {
            "" => assert_eq!(
                response.text(),
                "[\n  [\n    1.0,\n    2.0\n  ],\n  [\n    NaN,\n    4.0\n  ]\n]"
            ),
            expected => assert_eq!(response.dense(), expected, "{body}"),
        }
    }
    let form = multipart(&[("b", b"[[3,4]]"), ("a", b"[[1.5,2.0]]")]);
    assert_eq!(ports.predict("pair", MULTIPART, &form).dense(), pair);
}

#[test]
fn images_are_answered_with_classes_by_name() {
    let ports = Ports::with_more_models();
    let bright = "{\n  \"bright\": 0.75,\n  \"dark\": 0.25\n}";
    let image = jpeg(192);
    let base64 = "/9j/4MA=";
    let form = multipart(&[("data", &image)]);
    let quoted = format!("\"{base64}\"");
    let urlencoded = format!("data={}", base64.replace('/', "%2F").replace('=', "%3D"));
    let bodies: [(&str, &[u8]); 8] = [
        ("image/jpeg", &image),
        ("", &image),
        (FORM, &image),
        ("application/octet-stream", &image),
        ("text/plain", base64.as_bytes()),
        (JSON, quoted.as_bytes()),
        (MULTIPART, &form),
        (FORM, urlencoded.as_bytes()),
    ];
    for (content_type, body) in bodies {
        let response = ports.predict("ox", content_type, body);
        assert_eq!(response.status, 200, "{content_type}: {:?}", response.headers);
        assert_eq!(response.text(), bright, "{content_type}");
    }
    let two = multipart(&[("one", &image), ("two", &jpeg(64))]);
    let response = ports.predict("ox", MULTIPART, &two);
    assert_eq!(response.dense(), r#"[{"bright":0.75,"dark":0.25},{"bright":0.25,"dark":0.75}]"#);
    let instances = format!("{{\"instances\": [{{\"b64\": {quoted}}}]}}");
    let response =
        ports.send(INFERENCE, "POST", "/v1/models/ox:predict", JSON, instances.as_bytes());
    assert_eq!(response.dense(), r#"{"predictions":[{"bright":0.75,"dark":0.25}]}"#);
}

#[test]
fn every_way_to_ask_leads_to_the_model() {
    let ports = Ports::new(server::Control::Fixed);
    for (method, path) in [
        ("POST", "/predictions/noop"),
        ("PUT", "/predictions/noop"),
        ("POST", "/predictions/noop/1.0"),
        ("POST", "/predictions/noop/1"),
        ("POST", "/models/noop/invoke"),
        ("POST", "/noop/predict"),
        ("POST", "/noop/1.0/predict"),
        ("POST", "/invocations?model_name=noop"),
    ] {
        let response = ports.send(INFERENCE, method, path, JSON, b"[1]");
        assert_eq!((response.status, response.dense().as_str()), (200, "[1]"), "{method} {path}");
    }
    for (method, path, status) in [
        ("DELETE", "/predictions/noop", 405),
        ("GET", "/", 405),
        ("POST", "/predictions", 404),
        ("POST", "/predictions/noop/1.0/x", 404),
        ("POST", "/predictions/nope/1.0", 404),
        ("POST", "/v1/models/:predict", 404),
        ("POST", "/explanations/noop", 501),
        ("POST", "/v1/models/noop:explain", 501),
    ] {
        let response = ports.send(INFERENCE, method, path, JSON, b"[1]");
        assert_eq!(response.status, status, "{method} {path}: {}", response.text());
    }
}

#[test]
fn what_the_recorded_text_hides_stands_in_a_header() {
    let ports = Ports::with_more_models();
    let text = "\"message\": \"Prediction failed\"";
    for (model, body, reason) in [
        ("noop", "{bad", "JSON Parse error"),
        ("noop", "", "expected"),
        ("noop", "[1.5]", "JSON Value: 1.5 Type: Number is not of expected type: int64"),
        ("noop", r#"{"y": 1}"#, "Missing named input: x in 'inputs' object."),
        ("rows", "[[1, 2, 3]]", "input `x`"),
        ("ox", "no image", "expected a JPEG, PNG or WebP image"),
    ] {
        let response = ports.predict(model, JSON, body.as_bytes());
        assert_eq!(response.status, 503, "{body}");
        assert!(response.text().contains(text), "{body}: {}", response.text());
        let found = response.header("x-schooner-reason");
        assert!(found.contains(reason) || reason == "expected", "{body}: {found}");
        assert!(!found.is_empty(), "{body}");
    }
}

#[test]
fn a_clients_own_id_and_the_counts_come_back() {
    let ports = Ports::new(server::Control::Fixed);
    let request = Request::post("/predictions/noop").header("x-request-id", "mine");
    let response = ports.request(INFERENCE, request.body(Body::from("[1]")).unwrap());
    assert_eq!(response.header("x-request-id"), "mine");
    assert_eq!(ports.predict("nope", "", b"").status, 404);
    let metrics = ports.send(METRICS, "GET", "/metrics", "", b"");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    for line in [
        format!("Requests2XX{{Level=\"Host\",Hostname=\"{host}\",}} 1.0"),
        format!("Requests4XX{{Level=\"Host\",Hostname=\"{host}\",}} 1.0"),
        "# TYPE ts_queue_latency_microseconds counter".to_string(),
        format!(
            "ts_inference_requests_total{{model_name=\"noop\",model_version=\"1.0\",\
             hostname=\"{host}\",}} 1.0"
        ),
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
    let path = "/metrics?name[]=Requests5XX&name[]=ts_inference_requests_total";
    let some = ports.send(METRICS, "GET", path, "", b"");
    assert!(!some.text().contains("Requests2XX"), "{}", some.text());
    assert!(some.text().contains("Requests5XX{"), "{}", some.text());
    assert_eq!(ports.send(METRICS, "GET", "/x", "", b"").status, 404);
    assert_eq!(ports.send(METRICS, "POST", "/metrics", "", b"").status, 405);
}

#[test]
fn text_is_answered_with_text() {
    let ports = Ports::with_more_models();
    ports.service.add(words(), Duration::ZERO);
    ports.service.add(lengths(), Duration::ZERO);
    for (model, content_type, body, expected) in [
        ("words", "text/plain", "a sentence, größer", r#"["a sentence, größer"]"#),
        ("words", "", "plain", r#"["plain"]"#),
        ("words", JSON, r#"["a", "b"]"#, r#"["a","b"]"#),
        ("words", JSON, r#"{"instances": ["a"]}"#, r#"{"predictions":["a"]}"#),
        ("lengths", "", "abc", r#"{"score":[3.0],"y":["abc"]}"#),
        ("words", FORM, "data=abc+d", r#"["abc d"]"#),
        // `curl -d` calls every body a form.
        ("words", FORM, "hello cat", r#"["hello cat"]"#),
        ("words", FORM, "a = b & c", r#"["a = b & c"]"#),
    ] {
        let response = ports.predict(model, content_type, body.as_bytes());
        assert_eq!(response.status, 200, "{body}: {}", response.text());
        assert_eq!(response.dense(), expected, "{body}");
    }
    // As there, where the handler would fail.
    assert_eq!(ports.predict("words", "", b"\xff\xfe").status, 503);
}
