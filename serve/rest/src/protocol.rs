//! What all protocols share: from a request's head to the made response, in one function.

use crate::response::Reply;
use crate::trace::echoed;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use listen::{Coding, Patience, REQUEST_ID, Received, TRACEPARENT, discard, receive};
use monitor::{ModelMetrics, Operation, Record, Stage};
use server::{Exchange, Outcome, Refusal, Select, Servable, Service, Times};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// What its model counts: only loaded models, other names are the client's invention.
    counted: Arc<ModelMetrics>,
    /// The version that was found.
    version: Option<u64>,
    /// How long each stage took, in order.
    stages: Vec<(Stage, Duration)>,
    /// When the head was there.
    start: Instant,
}

impl Call {
    /// The model that the request means, which is thereby the one in metrics.
    pub(crate) fn find(&mut self, model: &str, select: Select) -> Result<Arc<Servable>, Refusal> {
        let servable = self.service.store().find(model, select)?;
        self.counted = servable.metrics().clone();
        self.version = Some(servable.version());
        Ok(servable)
    }

    /// The request is counted for this model, when it is one.
    pub(crate) fn count_for(&mut self, model: &str) {
        self.counted = self.service.metrics().model(model);
    }

    /// The body, within the limits on bodies. What can be refused by the head is refused before.
    pub(crate) async fn receive(&mut self) -> Result<Received, Refusal> {
        let coding = Coding::of(&self.head.headers)?;
        let Call { service, head, body, patience, .. } = self;
        let received = receive(&head.headers, body, coding, service, *patience).await?;
        let read = self.start.elapsed();
        self.counted.stage(Stage::Read, read);
        self.stages.push((Stage::Read, read));
        self.counted.request_bytes(received.wire_bytes());
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
    let start = Instant::now();
    let Shared { service, patience } = shared;
    let _in_flight = service.metrics().in_flight();
    let (head, body) = request.into_parts();
    let counted = service.metrics().no_model().clone();
    let (version, stages) = (None, Vec::new());
    let mut call = Call { service, head, body, patience, counted, version, stages, start };
    let answered = protocol.answer(&mut call).await;
    let Call { service, head, body, counted, version, stages, .. } = call;
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
    service.metrics().answered(&Record {
        protocol: P::NAME,
        operation: Operation { method: Some(head.method.as_str()), path: head.uri.path() },
        model: &counted,
        version,
        status,
        refusal: refused,
        id: header(REQUEST_ID),
        traceparent: header(TRACEPARENT),
        start,
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

    fn priority(&self) -> u64 {
        self.exchange.priority()
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
    // The three names with numbers of up to six digits before the point.
    let mut text = Vec::with_capacity(64);
    let stages = [("queue", times.queue), (", decode", times.decode), (", compute", times.infer)];
    for (name, time) in stages {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b";dur=");
        milliseconds(time, &mut text);
    }
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}

/// Appends milliseconds with three digits behind the point, which a tenth of a microsecond each
/// request is spent on when floats are written.
fn milliseconds(time: Duration, text: &mut Vec<u8>) {
    let us = (time + Duration::from_nanos(500)).as_micros();
    let mut digits = itoa::Buffer::new();
    text.extend_from_slice(digits.format(us / 1000).as_bytes());
    text.push(b'.');
    let rest = digits.format(1000 + us % 1000);
    text.extend_from_slice(&rest.as_bytes()[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_to_the_microsecond() {
        let times = Times {
            queue: Duration::from_nanos(1_499),
            decode: Duration::from_nanos(999_500),
            infer: Duration::from_secs(61),
            encode: Duration::ZERO,
        };
        let value = server_timing(&times).unwrap();
        assert_eq!(value, "queue;dur=0.001, decode;dur=1.000, compute;dur=61000.000");
    }
}
