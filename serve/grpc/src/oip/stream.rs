//! `ModelStreamInfer`: requests and replies on one call, in one order.

use super::infer::Infer;
use super::messages::{ModelInferResponse, ModelStreamInferResponse};
use super::{select, words};
use crate::call::Call;
use crate::frames::{Frames, Message};
use crate::reply::{Reply, framed};
use listen::{Coding, grpc_trailers};
use monitor::{Operation, Record, Stage};
use server::{Refusal, Servable, Service};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Most requests of one stream that are answered at one time. 8: enough to keep the workers of a
/// small machine busy, and no more than a few bodies in memory.
const AT_ONCE: usize = 8;

/// A request that is being answered; it ends with the stream.
struct Answering(JoinHandle<Vec<u8>>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers every request of the call.
pub(super) fn answer(call: &mut Call) -> Result<Reply, Refusal> {
    let frames = call.take_frames()?;
    let service = call.service.clone();
    let (to_client, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let (begun, mut answering) = mpsc::channel::<Answering>(AT_ONCE);
        let reading = tokio::spawn(read(service, frames, begun));
        while let Some(mut answer) = answering.recv().await {
            // One that panicked has no reply; the others have.
            let Ok(message) = (&mut answer.0).await else { continue };
            if to_client.send(Ok(message)).await.is_err() {
                reading.abort();
                return;
            }
        }
        if let Ok(Err(refusal)) = reading.await {
            let (code, text) = words(&refusal);
            // It fails when the client is gone.
            let _ = to_client.send(Err(grpc_trailers(code as u8, &text))).await;
        }
    });
    Ok(Reply::Many(receiver))
}

/// Reads requests and begins to answer them, until there are no more or the client is gone.
async fn read(
    service: Service,
    mut frames: Frames,
    begun: mpsc::Sender<Answering>,
) -> Result<(), Refusal> {
    loop {
        let message = tokio::select! {
            message = frames.next() => message?,
            () = begun.closed() => return Ok(()),
        };
        let Some(message) = message else { return Ok(()) };
        let answering = Answering(tokio::spawn(one(service.clone(), message)));
        if begun.send(answering).await.is_err() {
            return Ok(());
        }
    }
}

/// What the requests of a stream are called in logs and traces.
const METHOD: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

/// The framed reply to one request, or the words of its refusal.
async fn one(service: Service, message: Message) -> Vec<u8> {
    let start = Instant::now();
    let _in_flight = service.metrics().in_flight();
    let mut asked = Asked::default();
    let answered = infer(&service, message, &mut asked).await;
    let Asked { id, model, stages } = asked;
    let (message, status, refusal) = match answered {
        Ok(message) => (message, 200, None),
        Err(refusal) => {
            let row = refusal.row();
            let response = ModelInferResponse { id: id.clone(), ..ModelInferResponse::default() };
            let (_, error_message) = words(&refusal);
            let infer_response = Some(response);
            let response = ModelStreamInferResponse { error_message, infer_response };
            (framed(&response, Coding::Identity), row.http, Some(row.reason))
        }
    };
    service.metrics().answered(&Record {
        protocol: crate::call::PROTOCOL,
        operation: Operation { method: None, path: METHOD },
        model: model.as_ref().map_or(service.metrics().no_model(), |model| model.metrics()),
        version: model.as_ref().map(|model| model.version()),
        status,
        refusal,
        id: Some(id.as_str()).filter(|id| !id.is_empty()),
        traceparent: None,
        start,
        total: start.elapsed(),
        response_bytes: message.len(),
        stages: &stages,
    });
    message
}

/// What turns out while a request is answered.
#[derive(Default)]
struct Asked {
    /// What the client calls the request.
    id: String,
    /// The version that was found.
    model: Option<Arc<Servable>>,
    /// How long each stage took, in order.
    stages: Vec<(Stage, Duration)>,
}

async fn infer(service: &Service, message: Message, asked: &mut Asked) -> Result<Vec<u8>, Refusal> {
    let wire_bytes = message.wire_bytes;
    let (name, version, given) = super::request::outline(&message.bytes)?;
    asked.id = given.to_string();
    let model = service.store().find(name, select(version)?)?;
    asked.model = Some(model.clone());
    model.metrics().request_bytes(wire_bytes);
    let (max_images, regions) = (service.limits().max_images, service.regions().clone());
    let exchange = Infer::new(message, max_images, regions, Coding::Identity, true);
    let (reply, times) = service.answer(model, exchange, None).await?;
    asked.stages.extend(times.stages());
    Ok(reply)
}
