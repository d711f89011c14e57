//! Targets for what a server reads of its clients and of its folders.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use listen::{Options, Patience};
use repository::{Archive, text_proto};
use servables::{brightness, echo, half_plus_two, lengths, n, pair, words};
use server::{Limits, Service};
use std::sync::LazyLock;
use std::time::Duration;
use tensor::{DType, Dim};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Statuses that a client may bring about; 501 is for what is asked and not done.
const MEANT: [u16; 10] = [200, 400, 403, 404, 405, 409, 411, 413, 415, 501];

/// Codes of gRPC that say that the server is at fault: unknown, internal, unavailable, data loss.
const SERVER_S: [&str; 4] = ["2", "13", "14", "15"];

/// A server without sockets: the routers stand for the listeners behind which they lie.
struct Bench {
    runtime: Runtime,
    rest: Router,
    grpc: Router,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let limits = Limits { shares_memory: true, ..Limits::default() };
    let service = Service::new(limits, monitor::Metrics::new()).expect("a service");
    let rows = echo("rows", DType::F32, vec![n(), Dim::from(2)]);
    let wide = echo("wide", DType::F64, vec![n()]);
    let image = brightness("brightness");
    for model in [half_plus_two(), pair(), image, words(), lengths(), rows, wide] {
        service.add(model, Duration::ZERO);
    }
    let patience = Patience::from(&Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Bench {
        runtime: runtime.expect("a runtime"),
        rest: rest::router(service.clone(), patience),
        grpc: grpc::router(service, patience),
    }
});

impl Bench {
    fn send(&self, router: &Router, request: Request<Body>) -> (Response<()>, Vec<u8>) {
        self.runtime.block_on(async {
            let response = router.clone().oneshot(request).await.expect("routers do not fail");
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("a body of the server");
            (Response::from_parts(parts, ()), body.to_vec())
        })
    }
}

/// Whatever request comes to the main port, its status is one that is meant. The bytes are a line
/// `METHOD PATH`, lines of headers, an empty line and the body.
pub fn answer_rest(bytes: &[u8]) {
    if let Some((status, answer)) = ask_rest(bytes) {
        // A request may bound how long it waits.
        let is_late = status == 503 && answer.ends_with(b"\"Request timeout expired\"}");
        assert!(is_late || MEANT.contains(&status), "{status}: {}", answer.escape_ascii());
    }
}

/// The status and body that such a request gets. Some bytes are no request, and no client could
/// send them.
pub fn ask_rest(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let (head, body) = split(bytes, b"\n\n")?;
    let mut lines = head.split(|&byte| byte == b'\n');
    let (method, path) = split(lines.next()?, b" ")?;
    let mut request = Request::builder().method(method).uri(path);
    for line in lines {
        let (name, value) = split(line, b": ")?;
        request = request.header(name, value);
    }
    let (response, answer) = BENCH.send(&BENCH.rest, request.body(Body::from(body.to_vec())).ok()?);
    Some((response.status().as_u16(), answer))
}

/// Whatever message a method of gRPC gets, no status says that the server is at fault. The bytes
/// are a line `PATH` and the message.
pub fn answer_grpc(bytes: &[u8]) {
    if let Some(status) = ask_grpc(bytes) {
        assert!(!SERVER_S.contains(&&*status), "{status}");
    }
}

/// The `grpc-status` that such a call is refused with, empty when it is answered. Some bytes are no
/// call, and no client could send them.
pub fn ask_grpc(bytes: &[u8]) -> Option<String> {
    let (path, message) = split(bytes, b"\n")?;
    let request = Request::post(path).header("content-type", "application/grpc");
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    let (response, _) = BENCH.send(&BENCH.grpc, request.body(Body::from(framed)).ok()?);
    let status = response.headers().get("grpc-status");
    Some(status.map(|status| status.to_str().unwrap_or("?").to_string()).unwrap_or_default())
}

/// Whatever the text is, reading a configuration in protobuf's text form gives messages or an error
/// whose line is there.
pub fn read_text_proto(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = text_proto::parse(&text) {
        assert!(error.line <= 1 + text.matches('\n').count(), "{error}");
    }
}

/// Whatever the bytes are, an archive of TorchServe is opened and its model unpacked into its
/// folder, or it is refused.
pub fn read_archive(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.mar");
    std::fs::write(&path, bytes).expect("a file");
    let suffixes = [".onnx".to_string()];
    let Ok(archive) = Archive::open(&path, &suffixes, repository::Limits::default()) else {
        return;
    };
    let into = folder.path().join("unpacked");
    std::fs::create_dir(&into).expect("a folder");
    if let Ok(model) = archive.unpack(&into) {
        assert!(model.starts_with(&into), "{}", model.display());
    }
}

/// What stands before and behind the first `mark`.
fn split<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}
