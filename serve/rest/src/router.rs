//! Which path leads where.

use crate::oip::{Dialect, OpenInference};
use crate::protocol::{Protocol, Shared, answer};
use crate::response::Reply;
use crate::tfs::{self, TensorFlowServing};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::get;
use listen::{Coding, Patience};
use monitor::prometheus_text;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use server::{Refusal, Servable, Service};
use std::fmt::Write;
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";

/// All routes of the main port. TensorFlow Serving's paths do not fit a router that splits at
/// `/`, so each protocol reads its paths itself.
pub fn router(service: Service, patience: Patience) -> Router {
    Router::new()
        .route("/", get(help))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/monitoring/prometheus/metrics", get(monitoring))
        .fallback(by_path)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Shared { service, patience })
}

/// A router that answers as Triton does on its port for HTTP, statuses and texts included.
pub fn triton(service: Service, patience: Patience) -> Router {
    Router::new().fallback(as_triton).with_state(Shared { service, patience })
}

/// A router that answers as Triton does on its port for metrics.
pub fn triton_metrics(service: Service) -> Router {
    let state = (service, Arc::new(monitor::triton::Exporter::default()));
    Router::new().route("/metrics", get(metrics_as_triton)).with_state(state)
}

async fn metrics_as_triton(
    State((service, exporter)): State<(Service, Arc<monitor::triton::Exporter>)>,
) -> Response<Body> {
    let models: Vec<_> =
        service.store().available().iter().map(|model| as_triton_counts(model)).collect();
    let text = exporter.export(&models).into_bytes();
    Reply::ok(monitor::triton::CONTENT_TYPE, text).into_response()
}

/// What a version has done, in the terms of those metrics.
fn as_triton_counts(model: &Servable) -> monitor::triton::Model {
    let counts = model.counts();
    let pending = model.metrics().queue_depth();
    monitor::triton::Model {
        name: model.name().to_string(),
        version: model.version(),
        success: counts.success.count,
        rejected: counts.failures.rejected,
        backend: counts.failures.backend,
        other: counts.failures.other,
        inferences: counts.inferences,
        executions: counts.executions,
        request_ns: counts.success.ns,
        queue_ns: counts.queue.ns,
        input_ns: counts.computed.input.ns,
        infer_ns: counts.computed.infer.ns,
        output_ns: counts.computed.output.ns,
        pending: u64::try_from(pending).unwrap_or(0),
    }
}

/// The process lives.
async fn healthz() -> Response<Body> {
    Reply::ok(TEXT, b"ok\n".to_vec()).into_response()
}

/// Send requests here, or not (any more).
async fn readyz(State(shared): State<Shared>) -> Response<Body> {
    let reply = match shared.service.is_ready() {
        true => Reply::ok(TEXT, b"ready\n".to_vec()),
        false => Reply::ok(TEXT, b"not ready\n".to_vec()).with_status(503),
    };
    reply.into_response()
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let text = shared.service.metrics().export().into_bytes();
    // A few kilobytes: too little to trouble a worker with.
    let reply = Reply::ok(monitor::CONTENT_TYPE, text);
    reply.compressed(Coding::wanted(&headers)).into_response()
}

/// The same counts under TensorFlow Serving's names.
async fn monitoring(State(shared): State<Shared>) -> Response<Body> {
    let text = tfs::monitoring::export(&shared.service).into_bytes();
    Reply::ok(prometheus_text::CONTENT_TYPE, text).into_response()
}

async fn help(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let names = shared.service.store().names();
    let text = help_text(host.unwrap_or("localhost"), &names);
    Reply::ok(TEXT, text.into_bytes()).into_response()
}

/// Which protocol it is, the beginning of the path says.
async fn by_path(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let starts_with = |start: &str| {
        path.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    if starts_with("/v1/") {
        return answer(&TensorFlowServing, shared, request).await;
    }
    if starts_with("/v2") {
        return answer(&OpenInference { dialect: Dialect::Schooner }, shared, request).await;
    }
    let (method, path) = (request.method().to_string(), path.to_string());
    refuse(&shared.service, &Refusal::RouteNotFound { method, path })
}

/// Everything, as Triton answers it.
async fn as_triton(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    answer(&OpenInference { dialect: Dialect::Triton }, shared, request).await
}

async fn method_not_allowed(
    State(shared): State<Shared>,
    request: Request<Body>,
) -> Response<Body> {
    let (method, path) = (request.method().to_string(), request.uri().path().to_string());
    refuse(&shared.service, &Refusal::MethodNotAllowed { method, path })
}

/// Refusals outside `/v1`, where no body is expected.
fn refuse(service: &Service, refusal: &Refusal) -> Response<Body> {
    let reply = Reply::refused(refusal);
    let metrics = service.metrics().no_model();
    metrics.refusal(refusal.row().reason);
    metrics.request(TensorFlowServing::NAME, reply.status());
    reply.into_response()
}

/// The path of a model, whatever its name is.
pub fn path(model: &str) -> String {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    format!("/v1/models/{}", utf8_percent_encode(model, ESCAPED))
}

fn help_text(host: &str, models: &[String]) -> String {
    let mut text = String::from(
        "Schooner serves models.\n\n\
         POST /v1/models/NAME[/versions/V]:predict   an image, or JSON: instances or inputs\n\
         GET  /v1/models/NAME[/versions/V]           states of the versions\n\
         GET  /v1/models/NAME[/versions/V]/metadata  inputs and outputs\n\
         GET  /v1/models/NAME/openapi.json           these routes as OpenAPI\n\
         POST /v2/models/NAME[/versions/V]/infer     the Open Inference Protocol\n\
         GET  /v2/models/NAME[/versions/V]           inputs and outputs\n\
         GET  /healthz                               the process lives\n\
         GET  /readyz                                requests are welcome\n\
         GET  /metrics                               Prometheus text\n",
    );
    for model in models {
        let url = format!("http://{host}{}", path(model));
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "\ncurl -T cat.jpg {url}:predict\n\
             curl -d '{{\"instances\": [{{\"b64\": \"…\"}}]}}' {url}:predict\n\
             curl {url}/metadata\n"
        );
    }
    text
}
