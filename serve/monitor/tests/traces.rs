//! Spans arrive at a collector as the OpenTelemetry protocol has them.

use monitor::{Metrics, ModelMetrics, Operation, Record, Stage, Traces};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0cc902e7";

/// A collector that takes one batch; gives the request's head and the spans.
fn collector() -> (String, JoinHandle<(String, Vec<Span>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let taking = std::thread::spawn(move || take(listener.accept().unwrap().0));
    (endpoint, taking)
}

fn take(mut stream: TcpStream) -> (String, Vec<Span>) {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request is whole");
        received.extend_from_slice(&buffer[..read]);
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(received[..end].to_vec()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().trim().parse().unwrap();
        if received.len() >= end + 4 + length {
            break (head, received[end + 4..].to_vec());
        }
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    (head, scopes.flat_map(|scope| scope.spans).collect())
}

fn record<'a>(
    model: &'a ModelMetrics,
    traceparent: Option<&'a str>,
    stages: &'a [(Stage, Duration)],
) -> Record<'a> {
    Record {
        protocol: "rest",
        operation: Operation { method: Some("POST"), path: "/v1/models/m:predict" },
        model,
        version: Some(3),
        status: 200,
        refusal: None,
        id: Some("r-1"),
        traceparent,
        start: Instant::now(),
        total: Duration::from_millis(5),
        response_bytes: 0,
        stages,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_request_is_a_span_under_its_sender_s_with_one_for_each_stage() {
    let (endpoint, taking) = collector();
    let metrics = Metrics::new().with_traces(Some(Traces::to(&endpoint, 0.0).unwrap()));
    let stages =
        [(Stage::Queue, Duration::from_millis(1)), (Stage::Infer, Duration::from_millis(3))];
    let model = metrics.model_loaded("m", 3, Duration::ZERO);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    metrics.answered(&record(&model, Some(&parent), &stages));
    metrics.answered(&record(&model, None, &stages));
    metrics.flush();
    let (head, spans) = taking.join().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(head.contains("application/x-protobuf"), "{head}");
    let mut names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["POST /v1/models/m:predict", "infer", "queue"], "the sampled one only");
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let root = of("POST /v1/models/m:predict");
    assert_eq!((hex(&root.trace_id), hex(&root.parent_span_id)), (TRACE.into(), PARENT.into()));
    let (queue, infer) = (of("queue"), of("infer"));
    assert_eq!((&queue.parent_span_id, &infer.parent_span_id), (&root.span_id, &root.span_id));
    let since = |time: u64| time - root.start_time_unix_nano;
    assert_eq!(since(infer.start_time_unix_nano), 1_000_000);
    assert_eq!(since(infer.end_time_unix_nano), 4_000_000);
    assert_eq!(since(root.end_time_unix_nano), 5_000_000);
    let names: Vec<&str> = root.attributes.iter().map(|pair| pair.key.as_str()).collect();
    for name in ["schooner.model", "schooner.version", "schooner.request_id"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for endpoint in ["", "localhost:4318", "https://host:4318", "http://"] {
        let error = Traces::to(endpoint, 1.0).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("http://127.0.0.1:4318"), "{endpoint}: {error}");
    }
}

#[test]
fn a_collector_that_is_gone_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let metrics = Metrics::new().with_traces(Some(Traces::to(&endpoint, 1.0).unwrap()));
    for _ in 0..10_000 {
        metrics.answered(&record(metrics.no_model(), None, &[]));
    }
    metrics.flush();
}
