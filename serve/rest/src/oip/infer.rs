//! `infer`: what happens to a received body on a worker thread.

use super::reply;
use super::request;
use crate::media::has_image_magic;
use crate::response::Reply;
use ::oip::{Bound, bind, bind_raw};
use axum::http::{HeaderMap, HeaderName};
use listen::Received;
use server::{Exchange, Outcome, Refusal, Regions, Request, Servable};
use std::sync::Arc;
use std::time::Duration;

/// How many bytes of a body are JSON; binary tensors follow them.
pub(super) const HEADER_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// A received `infer` request.
#[derive(Debug)]
pub(super) struct Infer {
    received: Received,
    /// What the head says of the length of the JSON.
    header_length: Option<String>,
    max_images: usize,
    regions: Arc<Regions>,
    max_wait: Option<Duration>,
    priority: u64,
    /// What the reply is to hold, once the request is read.
    asked: ::oip::reply::Asked,
}

impl Infer {
    pub(super) fn new(
        received: Received,
        headers: &HeaderMap,
        max_images: usize,
        regions: Arc<Regions>,
    ) -> Infer {
        let header_length = headers.get(HEADER_LENGTH);
        let header_length = header_length.map(|v| String::from_utf8_lossy(v.as_bytes()).into());
        Infer {
            received,
            header_length,
            max_images,
            regions,
            max_wait: None,
            priority: 0,
            asked: ::oip::reply::Asked::default(),
        }
    }
}

impl Exchange for Infer {
    type Reply = Reply;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let body = self.received.open()?;
        let bound = match json_length(self.header_length.as_deref(), body.len())? {
            0 => bind_raw(&body, has_image_magic(&body), model)?,
            length => {
                let (json, binary) = body.split_at(length);
                let max_images = model.takes_images().then_some(self.max_images);
                let asked = request::parse(json, max_images)?;
                (self.max_wait, self.priority) = (asked.max_wait, asked.priority);
                bind(asked, binary, model, &self.regions, self.max_images)?
            }
        };
        let Bound { inputs, asked } = bound;
        self.asked = asked;
        Ok(Request::Tensors(inputs))
    }

    fn max_wait(&self) -> Option<Duration> {
        self.max_wait
    }

    fn priority(&self) -> u64 {
        self.priority
    }

    fn is_small(&self) -> bool {
        self.received.is_small()
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Reply, Refusal> {
        match outcome {
            Outcome::Tensors(outputs) => reply::write(&self.asked, model, &outputs, &self.regions),
            // Images were made tensors, so that the reply has all that the model gives.
            Outcome::Answers(_) => {
                Err(Refusal::Unimplemented("the protocol has no form for classes".to_string()))
            }
        }
    }
}

/// How many bytes of a body are JSON: all of it when the head does not say. 0 is a body of one
/// bare tensor.
fn json_length(said: Option<&str>, length: usize) -> Result<usize, Refusal> {
    let Some(said) = said else { return Ok(length) };
    let refused =
        || Refusal::InferenceHeader { length, found: crate::json::quote(said.as_bytes()) };
    said.trim().parse().ok().filter(|&said| said <= length).ok_or_else(refused)
}
