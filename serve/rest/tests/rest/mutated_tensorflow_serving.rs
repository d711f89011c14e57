//! Requests by chance to TensorFlow Serving's routes: whatever comes, nothing panics or is
//! answered with a status that nobody meant.

use crate::random::changed;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use listen::{Options, Patience};
use servables::{brightness, echo, half_plus_two, jpeg, n, pair};
use server::{Limits, Service};
use std::time::Duration;
use tensor::{DType, Dim};
use testkit::Random;
use tower::ServiceExt;

const METHODS: [&str; 5] = ["GET", "POST", "POST", "PUT", "DELETE"];

/// Each with the body that fits it.
const PATHS: [(&str, usize); 12] = [
    ("/v1/models/half_plus_two:predict", 0),
    ("/v1/models/pair/versions/1:predict", 1),
    ("/v1/models/pair/labels/stable:predict", 2),
    ("/v1/models/brightness:predict", 3),
    ("/v1/models/rows:classify", 4),
    ("/v1/models/brightness:classify", 6),
    ("/v1/models/half_plus_two:regress", 5),
    ("/v1/models/pair:regress", 4),
    ("/v1/models/pair/metadata", 0),
    ("/v1/models/pair/versions/1", 0),
    ("/monitoring/prometheus/metrics", 0),
    ("/v1/models", 7),
];

#[test]
fn ten_thousand_requests_end_as_they_should() {
    let service = Service::new(Limits::default(), monitor::Metrics::new()).unwrap();
    let rows = echo("rows", DType::F32, vec![n(), Dim::from(2)]);
    for model in [half_plus_two(), pair(), brightness("brightness"), rows] {
        service.add(model, Duration::ZERO);
    }
    let router = rest::router(service.clone(), Patience::from(&Options::default()));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    let image = jpeg(99);
    let bodies: [&[u8]; 8] = [
        b"{\"instances\": [1, 2, NaN, -Infinity]}",
        b"{\"signature_name\": \"\", \"inputs\": {\"a\": [[1, 2]], \"b\": [[3, 4]]}}",
        b"{\"instances\": [{\"a\": [1, 2], \"b\": [3, 4]}, {\"a\": [5, 6], \"b\": [7, 8]}]}",
        b"{\"instances\": [{\"b64\": \"/9j/4MA=\"}]}",
        b"{\"examples\": [{\"x\": [1, 2]}, {\"x\": [3, 4]}], \"context\": {\"y\": 1}}",
        b"{\"examples\": [{\"x\": 1}]}",
        b"{\"examples\": [{\"image\": {\"b64\": \"/9j/4MA=\"}}]}",
        &image,
    ];
    let mut random = Random(0x5eed_0f75);
    let mut answered = 0;
    for round in 0..10_000 {
        let (path, body) = random.of(&PATHS);
        let path = match random.below(4) {
            0 => String::from_utf8_lossy(&changed(path.as_bytes(), &mut random)).into_owned(),
            _ => path.to_string(),
        };
        let body = if random.below(4) == 0 { random.below(bodies.len()) } else { body };
        let body = changed(bodies[body], &mut random);
        let request = Request::builder().method(random.of(&METHODS)).uri(&path);
        // Some changes are no URL, and no client could send them.
        let Ok(request) = request.body(Body::from(body.clone())) else { continue };
        let (status, text) = runtime.block_on(async {
            let response = router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            (status, to_bytes(response.into_body(), usize::MAX).await.unwrap())
        });
        let is_meant = matches!(status, 200 | 400 | 404 | 405 | 501);
        let body = body.escape_ascii();
        assert!(is_meant, "{status} in round {round}, {path} {body}: {}", text.escape_ascii());
        answered += usize::from(status == 200);
    }
    assert!(answered > 1_000, "{answered} of 10000 were answered");
    assert!(!service.metrics().export().contains("schooner_job_panics_total{"));
}
