//! What every answer says about itself.

use crate::support::{Response, Server};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use servables::jpeg;
use std::io::Read;

const PREDICT: &str = "/v1/models/brightness:predict";

fn send(server: &Server, headers: &[&str]) -> Response {
    server.send("PUT", PREDICT, headers, &jpeg(1))
}

#[test]
fn answers_tell_where_their_time_went() {
    let server = Server::start();
    let response = send(&server, &[]);
    let timing = response.header("server-timing");
    let stages: Vec<(&str, f64)> = timing
        .split(", ")
        .map(|stage| stage.split_once(";dur=").unwrap())
        .map(|(name, ms)| (name, ms.parse().unwrap()))
        .collect();
    let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["queue", "decode", "compute"], "{timing}");
    assert!(stages.iter().all(|(_, ms)| (0.0..1000.0).contains(ms)), "{timing}");
}

#[test]
fn requests_have_ids() {
    let server = Server::start();
    assert_eq!(send(&server, &["x-request-id: order-7"]).header("x-request-id"), "order-7");
    let made: Vec<String> =
        (0..3).map(|_| send(&server, &[]).header("x-request-id").to_string()).collect();
    assert!(made.iter().all(|id| id.len() == 32), "{made:?}");
    assert!(made[0] != made[1] && made[1] != made[2], "{made:?}");
    let refused = server.send("GET", "/v1/models/no", &["x-request-id: 1"], b"");
    assert_eq!((refused.status, refused.header("x-request-id")), (404, "1"));
}

#[test]
fn traces_go_on() {
    let server = Server::start();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let header = format!("traceparent: {parent}");
    assert_eq!(send(&server, &[&header]).header("traceparent"), parent);
    assert_eq!(send(&server, &["traceparent: 00-nonsense"]).header("traceparent"), "");
}

#[test]
fn zstd_goes_both_ways() {
    let server = Server::start();
    let request = format!(r#"{{"instances": [{}]}}"#, vec!["1.5"; 5000].join(","));
    let path = "/v1/models/half_plus_two:predict";
    let plain = server.send("POST", path, &[], request.as_bytes());
    let packed = compress_to_vec(request.as_bytes(), CompressionLevel::Fastest);
    let headers = ["content-encoding: zstd", "accept-encoding: zstd"];
    let response = server.send("POST", path, &headers, &packed);
    assert_eq!((response.status, response.header("content-encoding")), (200, "zstd"));
    assert!(response.body.len() * 20 < plain.body.len(), "{}", response.body.len());
    let mut inflated = Vec::new();
    StreamingDecoder::new(&*response.body).unwrap().read_to_end(&mut inflated).unwrap();
    assert_eq!(inflated, plain.body);
    let cut = server.send("POST", path, &headers, &packed[..packed.len() - 1]);
    assert_eq!(cut.status, 400);
    assert!(cut.error().starts_with("the body is not valid zstd:"), "{}", cut.error());
}
