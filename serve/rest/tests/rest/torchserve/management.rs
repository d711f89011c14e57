//! Models that are registered, scaled and ended, in the order of TorchServe's own collections of
//! requests.

use super::support::{INFERENCE, MANAGEMENT, Ports};
use server::Control;

fn check(ports: &Ports, method: &str, path: &str, status: u16, has: &str) {
    let response = ports.manage(method, path);
    let text = response.dense();
    assert_eq!(response.status, status, "{method} {path}: {text}");
    assert!(text.contains(has), "{method} {path}: {text} lacks {has}");
}

#[test]
fn a_model_lives_from_register_to_unregister() {
    let ports = Ports::new(Control::Explicit);
    ports.archive("squeezenet.mar", "squeezenet", "1.0", b"model");
    ports.archive("squeezenet2.mar", "squeezenet", "2.1", b"model");
    let check = |method: &str, path: &str, status: u16, has: &str| {
        check(&ports, method, path, status, has);
    };
    let none = "registered with 0 initial workers. Use scale workers API";
    check("POST", "/models?url=squeezenet.mar&model_name=squeezenet", 200, none);
    let response = ports.predict("squeezenet", "", b"[1]");
    assert_eq!(response.status, 503);
    let text = "Model \\\"squeezenet\\\" has no worker to serve inference request.";
    assert!(response.text().contains(text), "{}", response.text());
    check("GET", "/models/squeezenet", 200, "\"workers\":[]");
    check("GET", "/v1/models/squeezenet", 200, "{\"name\":\"squeezenet\",\"ready\":false}");
    check("PUT", "/models/squeezenet?min_worker=3", 202, "Processing worker updates...");
    check("GET", "/v1/models/squeezenet", 200, "\"ready\":true");
    check("PUT", "/models/squeezenet?min_worker=4&synchronous=true", 200, "Workers scaled to 4");
    let text = "Workers scaled to 5 for model: squeezenet, version: 1.0";
    check("PUT", "/models/squeezenet/1.0?min_worker=5&synchronous=true", 200, text);
    check("GET", "/models/squeezenet/1.0", 200, "\"id\":\"9004\"");
    assert_eq!(ports.predict("squeezenet", "", b"[1]").dense(), "[1]");

    let path = "/models?url=squeezenet2.mar&initial_workers=1&synchronous=true&batch_size=2";
    check("POST", path, 200, "Version: 2.1 registered with 1 initial workers");
    check("GET", "/models/squeezenet/all", 200, "\"modelVersion\":\"2.1\"");
    check("GET", "/models/squeezenet/2.1", 200, "\"modelUrl\":\"squeezenet2.mar\"");
    assert_eq!(ports.predict("squeezenet/2.1", "", b"[2]").dense(), "[2]");
    check("PUT", "/models/squeezenet/1.0/set-default", 200, "successfully updated");
    check("GET", "/models/squeezenet", 200, "\"modelVersion\":\"1.0\"");
    check("DELETE", "/models/squeezenet/1.0", 403, "Cannot remove default version for model");
    check("DELETE", "/models/squeezenet/2.1", 200, "Model \\\"squeezenet\\\" unregistered");
    check("DELETE", "/models/squeezenet", 200, "Model \\\"squeezenet\\\" unregistered");
    check("GET", "/models/squeezenet", 404, "Model not found: squeezenet");
}

#[test]
fn parameters_may_stand_in_a_body() {
    let ports = Ports::new(Control::Explicit);
    let body = br#"{"url": "noop.mar", "model_name": "other", "initial_workers": 2,
                    "synchronous": true}"#;
    let response = ports.send(MANAGEMENT, "POST", "/models", "application/json", body);
    let expected = r#"{"status":"Model \"other\" Version: 1.0 registered with 2 initial workers"}"#;
    assert_eq!(response.dense(), expected);
    ports.put("plain.onnx", b"model");
    check(&ports, "POST", "/models?url=plain.onnx&initial_workers=1", 202, "Processing");
    assert_eq!(ports.predict("plain", "", b"[1]").dense(), "[1]");
}

#[test]
fn what_cannot_be_registered_is_refused() {
    let ports = Ports::new(Control::Explicit);
    ports.archive("damaged.mar", "damaged", "1.0", b"damaged");
    ports.archive("large.mar", "large", "1.0", b"large");
    ports.archive("beta.mar", "beta", "beta", b"model");
    ports.put("no.mar", b"no archive");
    std::fs::write(ports.folder.path().join("outside.onnx"), b"model").unwrap();
    for (url, status, has) in [
        ("damaged.mar", 400, "cannot load version 1 of model damaged: it is damaged"),
        ("large.mar", 507, "it needs 9 bytes of memory, 3 are left for models"),
        ("beta.mar", 400, "expected numbers as 1.0 or 2.1.3, found beta"),
        ("no.mar", 400, "expected a model archive, which is a zip file"),
        ("../outside.onnx", 404, "Relative path is not allowed in url: ../outside.onnx"),
        ("%2Fetc%2Fpasswd", 404, "Model not found at: /etc/passwd"),
        ("file:///etc/passwd", 400, "Failed to download archive from: file:///etc/passwd"),
        (".", 404, "Model not found at: ."),
    ] {
        check(&ports, "POST", &format!("/models?url={url}"), status, has);
    }
}

#[test]
fn without_control_by_requests_nothing_comes_or_goes() {
    let ports = Ports::new(Control::Poll);
    let text = "Requested method is not allowed, please refer to API document.";
    check(&ports, "POST", "/models?url=noop.mar&model_name=n", 405, text);
    check(&ports, "DELETE", "/models/noop", 405, text);
    check(&ports, "PUT", "/models/noop?min_worker=0", 202, "Processing");
    assert_eq!(ports.predict("noop", "", b"[1]").status, 503);
    assert_eq!(ports.send(INFERENCE, "GET", "/ping", "", b"").status, 200);
    ports.service.begin_drain();
    let ping = ports.send(INFERENCE, "GET", "/ping", "", b"");
    assert_eq!((ping.status, ping.dense().as_str()), (500, "{\"status\":\"Unhealthy\"}"));
}

#[test]
fn pages_are_bounded() {
    let ports = Ports::new(Control::Explicit);
    for (query, expected) in [
        ("", vec!["mnv2", "noop", "ox"]),
        ("?limit=2&next_page_token=2", vec!["ox"]),
        ("?limit=-1", vec!["mnv2", "noop", "ox"]),
        ("?limit=0", vec![]),
        ("?limit=x&next_page_token=-5", vec!["mnv2", "noop", "ox"]),
        ("?next_page_token=9223372036854775807", vec![]),
    ] {
        let response = ports.manage("GET", &format!("/models{query}"));
        let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let names: Vec<&str> = value["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["modelName"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{query}");
    }
}
