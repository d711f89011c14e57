//! Requests by chance: whatever comes, no port panics or answers with a status that nobody meant.

use super::support::{INFERENCE, MANAGEMENT, METRICS, Ports};
use crate::random::changed;
use axum::body::Body;
use axum::http::Request;
use servables::jpeg;
use testkit::Random;

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];

/// Each with its port and the body that fits it.
const PATHS: [(u16, &str, usize); 18] = [
    (INFERENCE, "/predictions/noop", 0),
    (INFERENCE, "/predictions/pair/1.0", 1),
    (INFERENCE, "/predictions/ox", 6),
    (INFERENCE, "/predictions/rows/9", 3),
    (INFERENCE, "/explanations/noop", 0),
    (INFERENCE, "/v1/models/pair:predict", 2),
    (INFERENCE, "/models/noop/invoke", 0),
    (INFERENCE, "/invocations?model_name=rows", 3),
    (INFERENCE, "/noop/predict", 5),
    (INFERENCE, "/ping", 0),
    (MANAGEMENT, "/models?limit=1&next_page_token=1", 0),
    (MANAGEMENT, "/models?url=noop.mar&model_name=n&initial_workers=1", 7),
    (MANAGEMENT, "/models/noop/1.0?min_worker=2&max_worker=3&synchronous=true", 0),
    (MANAGEMENT, "/models/n/1.0/set-default", 0),
    (MANAGEMENT, "/models/pair/all?customized=true", 0),
    (MANAGEMENT, "/v1/models/noop", 0),
    (METRICS, "/metrics?name[]=Requests2XX", 0),
    (INFERENCE, "/", 0),
];

const MEDIA: [&str; 6] = [
    "application/json",
    "image/jpeg",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/plain",
    "",
];

#[test]
fn ten_thousand_requests_end_as_they_should() {
    let ports = Ports::with_more_models();
    let form = b"--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"f\"\r\n\r\n[1,2]\
                 \r\n--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n[3]\r\n--b--\r\n";
    let image = jpeg(99);
    let bodies: [&[u8]; 8] = [
        b"{\"x\": [1, 2, 3]}",
        b"{\"a\": [[1.5, NaN]], \"b\": [[-1, 2]]}",
        b"{\"instances\": [{\"a\": [1, 2], \"b\": [1, 2]}]}",
        b"[[1, 2], [3, 4e2]]",
        b"x=[1]&data=%5B1%5D&a=[[1,2]]&b=[[1,2]]",
        form,
        &image,
        b"{\"url\": \"noop.mar\", \"initial_workers\": 1}",
    ];
    let mut random = Random(0x5eed_70ce);
    let mut answered = 0;
    for round in 0..10_000 {
        let (port, path, body) = random.of(&PATHS);
        let path = match random.below(3) {
            0 => String::from_utf8_lossy(&changed(path.as_bytes(), &mut random)).into_owned(),
            _ => path.to_string(),
        };
        let body = if random.below(4) == 0 { random.below(bodies.len()) } else { body };
        let body = changed(bodies[body], &mut random);
        let request = Request::builder().method(random.of(&METHODS)).uri(&path);
        let media = random.of(&MEDIA);
        let request = match media {
            "" => request,
            media => request.header("content-type", media),
        };
        // Some changes are no URL, and no client could send them.
        let Ok(request) = request.body(Body::from(body.clone())) else { continue };
        let any = random.of(&[INFERENCE, MANAGEMENT, METRICS]);
        let port = if random.below(4) == 0 { any } else { port };
        let response = ports.request(port, request);
        let text = String::from_utf8_lossy(&response.body);
        let body = body.escape_ascii();
        let context = format!("round {round}, port {port}, {path} {media} {body}: {text}");
        let is_meant = match response.status {
            200 | 202 | 400 | 403 | 404 | 405 | 409 => true,
            501 => text.contains("explanations are not served"),
            503 => text.contains("Prediction failed") || text.contains("has no worker"),
            _ => false,
        };
        assert!(is_meant, "{} in {context}", response.status);
        answered += usize::from(response.status == 200);
    }
    assert!(answered > 500, "{answered} of 10000 were answered");
    let metrics = ports.service.metrics().export();
    assert!(!metrics.contains("schooner_job_panics_total{"), "{metrics}");
}
