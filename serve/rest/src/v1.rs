//! Everything under `/v1`: from the request's head to the made response, in one function.

use crate::body::{Patience, discard, receive};
use crate::encoding::{Coding, accepts_gzip};
use crate::metadata;
use crate::predict::{Media, Predict};
use crate::response::{JSON, Reply};
use crate::route::Route;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response};
use monitor::{NO_MODEL, Stage};
use server::{Refusal, Select, Servable, Service};
use std::sync::Arc;
use std::time::Instant;

/// The name of this protocol in metrics.
pub(crate) const PROTOCOL: &str = "rest";

/// Answers one request and counts it.
pub(crate) async fn answer(
    service: Service,
    patience: Patience,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let _in_flight = service.metrics().in_flight();
    let (head, mut body) = request.into_parts();
    // Only the names of loaded models become labels: others are the client's invention.
    let mut label = NO_MODEL.to_string();
    let reply = match route(&service, patience, &head, &mut body, &mut label).await {
        Ok(reply) => reply,
        Err(refusal) => {
            service.metrics().refusal(&label, refusal.row().reason);
            discard(&head.headers, body, service.limits().max_body_bytes).await;
            Reply::refused(&refusal)
        }
    };
    let metrics = service.metrics();
    metrics.request(&label, PROTOCOL, reply.status());
    metrics.response_bytes(&label, reply.len());
    metrics.stage(&label, Stage::Total, start.elapsed());
    reply.into_response()
}

async fn route(
    service: &Service,
    patience: Patience,
    head: &Parts,
    body: &mut Body,
    label: &mut String,
) -> Result<Reply, Refusal> {
    let mut find = |model: &str, select: Select| {
        let servable = service.store().find(model, select)?;
        *label = model.to_string();
        Ok::<Arc<Servable>, Refusal>(servable)
    };
    match Route::parse(&head.method, head.uri.path())? {
        Route::Status { model, select } => {
            let status = service.store().status(&model, select)?;
            *label = model;
            Ok(Reply::ok(JSON, metadata::status(&status)))
        }
        Route::Metadata { model, select } => {
            Ok(Reply::ok(JSON, metadata::metadata(&*find(&model, select)?)))
        }
        Route::Predict { model, select } => {
            let servable = find(&model, select)?;
            predict(service, patience, head, body, servable).await
        }
    }
}

/// What can be refused by the head is refused before the body is read.
async fn predict(
    service: &Service,
    patience: Patience,
    head: &Parts,
    body: &mut Body,
    model: Arc<Servable>,
) -> Result<Reply, Refusal> {
    let start = Instant::now();
    let coding = Coding::of(&head.headers)?;
    let media = Media::of(&head.headers)?;
    let received = receive(&head.headers, body, service, patience).await?;
    service.metrics().stage(model.name(), Stage::Read, start.elapsed());
    service.metrics().request_bytes(model.name(), received.bytes.len());
    let accepts_gzip = accepts_gzip(&head.headers);
    let exchange = Predict::new(received, coding, media, accepts_gzip, service.limits());
    service.answer(model, exchange).await
}
