//! One answered request, as logs and traces tell it.

use crate::Stage;
use std::time::{Duration, SystemTime};

/// What is known of a request when its response is made.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The protocol, as in metrics.
    pub protocol: &'static str,
    /// What was asked: the HTTP method and path, or the RPC.
    pub operation: &'a str,
    /// The model, or [`crate::NO_MODEL`].
    pub model: &'a str,
    /// The version that answered.
    pub version: Option<u64>,
    /// The HTTP status, or what the protocol maps to it.
    pub status: u16,
    /// Why it was refused, as in metrics.
    pub refusal: Option<&'static str>,
    /// What the client calls the request.
    pub id: Option<&'a str>,
    /// The W3C `traceparent` that came with the request.
    pub traceparent: Option<&'a str>,
    /// When its head was read.
    pub start: SystemTime,
    /// From there to the made response.
    pub total: Duration,
    /// Bytes of the response's body as sent.
    pub response_bytes: usize,
    /// How long each stage took, one after the other.
    pub stages: &'a [(Stage, Duration)],
}
