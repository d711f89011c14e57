//! What all protocols share: from a request's head to the made response, in one function.

use crate::response::Reply;
use crate::trace::{REQUEST_ID, TRACEPARENT, echoed};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use listen::{Coding, Patience, Received, discard, receive};
use monitor::{NO_MODEL, Record, Stage};
use server::{Exchange, Outcome, Refusal, Select, Servable, Service, Times};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Longest body that is read on a reactor's thread, in bytes. 64 KiB: a hundred times what such
/// a body holds, and read within the time of one packet.
const MAX_CONTROL_BYTES: usize = 64 << 10;

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) patience: Patience,
}

/// A way of asking and answering.
pub(crate) trait Protocol: Sync {
    /// The name in metrics.
    const NAME: &'static str;

    /// Answers one call.
    fn answer(&self, call: &mut Call) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// A refusal in the words of the protocol, for a request of this path.
    fn refuse(&self, refusal: &Refusal, uri: &Uri) -> Reply;
}

/// One request while it is answered.
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) head: Parts,
    body: Body,
    patience: Patience,
    /// The model's name in metrics: only names of loaded models, others are the client's invention.
    label: String,
    /// The version that was found.
    version: Option<u64>,
    /// How long each stage took, in order.
    stages: Vec<(Stage, Duration)>,
}

impl Call {
    /// The model that the request means, which is thereby the one in metrics.
    pub(crate) fn find(&mut self, model: &str, select: Select) -> Result<Arc<Servable>, Refusal> {
        let servable = self.service.store().find(model, select)?;
        self.count_for(model);
        self.version = Some(servable.version());
        Ok(servable)
    }

    /// The request is counted for this model, of which there is at least a status.
    pub(crate) fn count_for(&mut self, model: &str) {
        self.label = model.to_string();
    }

    /// The body, within the limits on bodies. What can be refused by the head is refused before.
    pub(crate) async fn receive(&mut self) -> Result<Received, Refusal> {
        let start = Instant::now();
        let coding = Coding::of(&self.head.headers)?;
        let Call { service, head, body, patience, .. } = self;
        let received = receive(&head.headers, body, coding, service, *patience).await?;
        let metrics = self.service.metrics();
        let read = start.elapsed();
        metrics.stage(&self.label, Stage::Read, read);
        self.stages.push((Stage::Read, read));
        metrics.request_bytes(&self.label, received.wire_bytes());
        Ok(received)
    }

    /// A body that tells the server what to do, which is short and read at once.
    pub(crate) async fn receive_control(&mut self) -> Result<Vec<u8>, Refusal> {
        self.receive().await?.open_within(MAX_CONTROL_BYTES)
    }

    /// Does the request change something?
    pub(crate) fn is_post(&self) -> bool {
        self.head.method == Method::POST
    }

    /// What a worker makes of the exchange; the reply is compressed there too.
    pub(crate) async fn answer<E>(
        &mut self,
        model: Arc<Servable>,
        exchange: E,
    ) -> Result<Reply, Refusal>
    where
        E: Exchange<Reply = Reply>,
    {
        let coding = Coding::wanted(&self.head.headers);
        let exchange = Finished { exchange, coding };
        let (reply, times) = self.service.answer(model, exchange, None).await?;
        self.stages.extend(times.stages());
        Ok(match server_timing(&times) {
            Some(value) => reply.with_header(HeaderName::from_static("server-timing"), value),
            None => reply,
        })
    }
}

/// Answers one request by a protocol and counts it.
pub(crate) async fn answer<P: Protocol>(
    protocol: &P,
    shared: Shared,
    request: Request<Body>,
) -> Response<Body> {
    let (start, clock) = (Instant::now(), SystemTime::now());
    let Shared { service, patience } = shared;
    let _in_flight = service.metrics().in_flight();
    let (head, body) = request.into_parts();
    let label = NO_MODEL.to_string();
    let (version, stages) = (None, Vec::new());
    let mut call = Call { service, head, body, patience, label, version, stages };
    let answered = protocol.answer(&mut call).await;
    let Call { service, head, body, label, version, stages, .. } = call;
    let metrics = service.metrics();
    let mut refused = None;
    let reply = match answered {
        Ok(reply) => reply,
        Err(refusal) => {
            refused = Some(refusal.row().reason);
            discard(&head.headers, body, service.limits().max_body_bytes).await;
            protocol.refuse(&refusal, &head.uri)
        }
    };
    let total = start.elapsed();
    let (status, response_bytes) = (reply.status(), reply.len());
    let mut response = reply.into_response();
    response.headers_mut().extend(echoed(&head.headers));
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    metrics.answered(&Record {
        protocol: P::NAME,
        operation: &format!("{} {}", head.method, head.uri.path()),
        model: &label,
        version,
        status,
        refusal: refused,
        id: header(REQUEST_ID),
        traceparent: header(TRACEPARENT),
        start: clock,
        total,
        response_bytes,
        stages: &stages,
    });
    response
}

/// An exchange whose reply leaves the worker ready to be sent.
struct Finished<E> {
    exchange: E,
    coding: Coding,
}

impl<E: Exchange<Reply = Reply>> Exchange for Finished<E> {
    type Reply = Reply;

    fn decode(&mut self, model: &Servable) -> Result<server::Request, Refusal> {
        self.exchange.decode(model)
    }

    fn max_wait(&self) -> Option<Duration> {
        self.exchange.max_wait()
    }

    fn is_small(&self) -> bool {
        self.exchange.is_small()
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Reply, Refusal> {
        Ok(self.exchange.encode(model, outcome)?.compressed(self.coding))
    }
}

/// `Server-Timing`: what the client's own tools show beside the time on the network.
fn server_timing(times: &Times) -> Option<HeaderValue> {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (queue, decode, compute) = (ms(times.queue), ms(times.decode), ms(times.infer));
    let text = format!("queue;dur={queue:.3}, decode;dur={decode:.3}, compute;dur={compute:.3}");
    HeaderValue::try_from(text).ok()
}
