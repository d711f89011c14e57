//! One call from its head to its status, in one function.

use crate::frames::{Frames, Message};
use crate::health::Health;
use crate::oip::GrpcInferenceService;
use crate::reflection::Reflection;
use crate::reply::Reply;
use crate::tfs::{ModelService, PredictionService};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use listen::{Coding, Patience, REQUEST_ID, TRACEPARENT, grpc_status};
use monitor::{ModelMetrics, Operation, Record, Stage};
use server::{Code, Exchange, Refusal, Select, Servable, Service};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of this protocol in metrics.
pub(crate) const PROTOCOL: &str = "grpc";

/// Longest message of a call that does not carry tensors. 1 MiB: a derived decoder may make a
/// hundred times as much of it in memory.
pub(crate) const CONTROL_MAX: usize = 1 << 20;

/// All services, for requests that [`listen::Routes`] takes for calls of gRPC.
pub fn router(service: Service, patience: Patience) -> Router {
    Router::new().fallback(answer).with_state(Shared { service, patience })
}

#[derive(Clone)]
struct Shared {
    service: Service,
    patience: Patience,
}

/// A gRPC service: methods, and words for what goes wrong.
pub(crate) trait Api: Sync {
    /// Answers one call of a method.
    fn answer(
        &self,
        method: &str,
        call: &mut Call,
    ) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// A refusal in the words of the service.
    fn status(&self, refusal: &Refusal) -> (Code, String) {
        (refusal.row().grpc, refusal.to_string())
    }
}

/// One call while it is answered.
pub(crate) struct Call {
    pub(crate) service: Service,
    /// `None` when they were taken out of it.
    frames: Option<Result<Frames, Refusal>>,
    /// What its model counts: only loaded models, other names are the client's invention.
    counted: Arc<ModelMetrics>,
    /// The version that was found.
    version: Option<u64>,
    /// How long each stage took, in order.
    stages: Vec<(Stage, Duration)>,
    deadline: Option<Instant>,
    accepted: Coding,
    /// How the reply is compressed: as the request was, where the client takes it.
    pub(crate) coding: Coding,
}

impl Call {
    /// The model that the request means, which is thereby the one in metrics.
    pub(crate) fn find(&mut self, model: &str, select: Select) -> Result<Arc<Servable>, Refusal> {
        let servable = self.service.store().find(model, select)?;
        self.counted = servable.metrics().clone();
        self.version = Some(servable.version());
        Ok(servable)
    }

    /// The call is counted for this model, when it is one.
    pub(crate) fn count_for(&mut self, model: &str) {
        self.counted = self.service.metrics().model(model);
    }

    /// The message of a call that carries tensors.
    pub(crate) async fn receive(&mut self) -> Result<Message, Refusal> {
        let start = Instant::now();
        let message = self.only(usize::MAX).await?;
        let read = start.elapsed();
        self.counted.stage(Stage::Read, read);
        self.stages.push((Stage::Read, read));
        if message.coding == self.accepted {
            self.coding = self.accepted;
        }
        Ok(message)
    }

    /// The message of a call that carries a few words.
    pub(crate) async fn receive_control<M: prost::Message + Default>(
        &mut self,
    ) -> Result<M, Refusal> {
        let message = self.only(CONTROL_MAX).await?;
        M::decode(message.bytes).map_err(|_| crate::fields::malformed())
    }

    async fn only(&mut self, limit: usize) -> Result<Message, Refusal> {
        let mut frames = self.take_frames()?;
        let message = frames.only(limit).await?;
        self.counted.request_bytes(message.wire_bytes);
        Ok(message)
    }

    /// The messages of a call that may have several.
    pub(crate) fn take_frames(&mut self) -> Result<Frames, Refusal> {
        self.frames.take().unwrap_or_else(|| Err(crate::fields::malformed()))
    }

    /// What a worker makes of the exchange: a framed message.
    pub(crate) async fn answer<E>(
        &mut self,
        model: Arc<Servable>,
        exchange: E,
    ) -> Result<Reply, Refusal>
    where
        E: Exchange<Reply = Vec<u8>>,
    {
        let left = self.deadline.map(|end| end.saturating_duration_since(Instant::now()));
        let (message, times) = self.service.answer(model, exchange, left).await?;
        self.stages.extend(times.stages());
        Ok(Reply::One(message))
    }
}

async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_string();
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    match service {
        "tensorflow.serving.PredictionService" => {
            by(&PredictionService, method, shared, request).await
        }
        "tensorflow.serving.ModelService" => by(&ModelService, method, shared, request).await,
        "inference.GRPCInferenceService" => {
            by(&GrpcInferenceService, method, shared, request).await
        }
        "grpc.health.v1.Health" => by(&Health, method, shared, request).await,
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => {
            by(&Reflection, method, shared, request).await
        }
        _ => by(&Nothing, &path, shared, request).await,
    }
}

/// Answers one call by a service and counts it.
async fn by<A: Api>(
    api: &A,
    method: &str,
    shared: Shared,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let Shared { service, patience } = shared;
    let _in_flight = service.metrics().in_flight();
    let (head, body) = request.into_parts();
    let deadline = deadline(&head.headers, start);
    let accepted = accepted(&head.headers);
    let frames = Frames::new(&head.headers, body, service.clone(), patience);
    let (counted, coding) = (service.metrics().no_model().clone(), Coding::Identity);
    let (frames, version, stages) = (Some(frames), None, Vec::new());
    let mut call = Call { service, frames, counted, version, stages, deadline, accepted, coding };
    let answered = api.answer(method, &mut call).await;
    let Call { service, counted, version, stages, coding, .. } = call;
    let (response, status, refusal, response_bytes) = match answered {
        Ok(reply) => {
            let bytes = reply.len();
            (reply.into_response(coding), 200, None, bytes)
        }
        Err(refusal) => {
            let row = refusal.row();
            let (code, text) = api.status(&refusal);
            (grpc_status(code as u8, &text), row.http, Some(row.reason), 0)
        }
    };
    let header = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    service.metrics().answered(&Record {
        protocol: PROTOCOL,
        operation: Operation { method: None, path: head.uri.path() },
        model: &counted,
        version,
        status,
        refusal,
        id: header(REQUEST_ID),
        traceparent: header(TRACEPARENT),
        start,
        total: start.elapsed(),
        response_bytes,
        stages: &stages,
    });
    response
}

/// What is no service.
struct Nothing;

impl Api for Nothing {
    async fn answer(&self, path: &str, _: &mut Call) -> Result<Reply, Refusal> {
        Err(unknown(path))
    }
}

/// A method that there is not.
pub(crate) fn unknown(method: &str) -> Refusal {
    Refusal::Unimplemented(format!("the method {method} is not served"))
}

/// When the client stops waiting.
fn deadline(headers: &HeaderMap, start: Instant) -> Option<Instant> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    start.checked_add(timeout(value)?)
}

/// `100m`: at most eight digits and a unit.
fn timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The compression that the client takes, of those that we know.
fn accepted(headers: &HeaderMap) -> Coding {
    let all = headers.get_all("grpc-accept-encoding").into_iter();
    let names = all.filter_map(|value: &HeaderValue| value.to_str().ok());
    let is_gzip = names.flat_map(|value| value.split(',')).any(|name| name.trim() == "gzip");
    if is_gzip { Coding::Gzip } else { Coding::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_units() {
        for (value, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("99999999M", Some(Duration::from_secs(99_999_999 * 60))),
            ("2S", Some(Duration::from_secs(2))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1é", None),
            ("-1S", None),
            ("123456789S", None),
        ] {
            assert_eq!(timeout(value), expected, "{value}");
        }
    }
}
