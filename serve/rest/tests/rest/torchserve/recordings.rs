//! What TorchServe 0.12.0 answered, request by request, and what we answer.

use super::support::{INFERENCE, MANAGEMENT, Ports};
use serde_json::Value;
use server::Control;

const RECORDINGS: &str = include_str!("../../../../../suites/serving/torchserve.txt");

/// Requests that a Python handler answered with what it was sent, whatever that was. Ours are
/// answered by models.
const BY_A_HANDLER: [&str; 6] = [
    "GET predictions/noop",
    "POST predictions/noop ct=text/plain body=hello",
    "POST predictions/noop ct=application/json body={bad",
    "POST v1/models/noop:predict ct=application/json body={\"instances\":[1,2]}",
    "POST explanations/noop ct=application/json body={}",
    "POST v2/models/noop/infer",
];

struct Recording {
    /// Method, path, content type and body, without the port.
    title: String,
    method: String,
    path: String,
    port: u16,
    content_type: String,
    request: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn recordings() -> Vec<Recording> {
    let blocks = RECORDINGS.split("### ").filter(|block| !block.is_empty());
    blocks.map(recording).collect()
}

fn recording(block: &str) -> Recording {
    let (title, answer) = block.split_once('\n').unwrap();
    let (call, rest) = title.split_once(" (port ").unwrap();
    let (port, rest) = rest.split_once(')').unwrap();
    let (method, path) = call.split_once(' ').unwrap();
    let field = |name: &str| rest.split_once(name).map_or("", |(_, value)| value).to_string();
    let request = field(" body=");
    let content_type = field(" ct=").split(' ').next().unwrap_or_default().to_string();
    let (head, body) = answer.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.unwrap().1.parse().unwrap();
    Recording {
        title: format!("{call}{rest}"),
        method: method.to_string(),
        path: format!("/{path}"),
        // The recordings were made on ports of their own.
        port: port.parse::<u16>().unwrap() - 10_000,
        content_type,
        request,
        status,
        headers,
        body: body.get(..length).unwrap_or(body).to_string(),
    }
}

#[test]
fn every_answer_is_that_of_torchserve() {
    let ports = Ports::new(Control::Explicit);
    let mut compared = 0;
    for recording in recordings() {
        let Recording { title, method, path, port, content_type, .. } = &recording;
        assert!([INFERENCE, MANAGEMENT].contains(port));
        let found = ports.send(*port, method, path, content_type, recording.request.as_bytes());
        if BY_A_HANDLER.iter().any(|start| title.starts_with(start)) {
            continue;
        }
        assert_eq!(found.status, recording.status, "{title}: {}", found.text());
        for (name, value) in &recording.headers {
            match name.as_str() {
                "x-request-id" => assert_eq!(found.header(name).len(), value.len(), "{title}"),
                // Written with the response, behind the routers.
                "content-length" => {}
                "connection" if value == "keep-alive" => assert_eq!(found.header(name), ""),
                _ => assert_eq!(found.header(name), value, "{title}: {name}"),
            }
        }
        let is_description = recording.body.starts_with('[');
        match is_description {
            true => compare_descriptions(title, found.text(), &recording.body),
            false => assert_eq!(found.text(), recording.body, "{title}"),
        }
        compared += 1;
    }
    assert_eq!(compared, 36);
}

/// The keys in their order, and the values that do not depend on the machine.
fn compare_descriptions(title: &str, found: &str, expected: &str) {
    let keys = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.split_once("\":"));
        let keys = lines.map(|(key, _)| key.to_string()).collect::<Vec<String>>();
        // One worker is described as the next.
        let (first, last) = (keys.iter().position(|k| k.ends_with("\"id")), keys.len() - 3);
        let first = first.unwrap_or(last);
        keys[..(first + 7).min(last)].iter().chain(&keys[last..]).cloned().collect()
    };
    assert_eq!(keys(found), keys(expected), "{title}");
    let (found, expected): (Value, Value) =
        (serde_json::from_str(found).unwrap(), serde_json::from_str(expected).unwrap());
    for key in ["modelName", "modelVersion", "modelUrl", "runtime", "batchSize", "deviceType"] {
        assert_eq!(found[0][key], expected[0][key], "{title}: {key}");
    }
}

#[test]
fn the_descriptions_are_openapi_documents() {
    let ports = Ports::new(Control::Explicit);
    for (port, method, path, has) in [
        (INFERENCE, "OPTIONS", "/", "/predictions/{model_name}"),
        (INFERENCE, "GET", "/api-description", "/ping"),
        (MANAGEMENT, "OPTIONS", "/", "/models/{model_name}/{model_version}/set-default"),
        (INFERENCE, "OPTIONS", "/predictions/noop", "/predictions/noop"),
        (MANAGEMENT, "OPTIONS", "/models/noop", "/predictions/noop/{model_version}"),
    ] {
        let response = ports.send(port, method, path, "", b"");
        let document: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(document["openapi"], "3.0.1");
        assert!(document["paths"][has].is_object(), "{path}: no {has}");
    }
}
