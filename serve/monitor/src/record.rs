//! One answered request, as logs and traces tell it.

use crate::{ModelMetrics, Stage};
use std::fmt;
use std::time::{Duration, Instant};

/// What was asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The HTTP method, where it says anything.
    pub method: Option<&'a str>,
    /// The path, or the RPC.
    pub path: &'a str,
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Some(method) => write!(f, "{method} {}", self.path),
            None => f.write_str(self.path),
        }
    }
}

/// What is known of a request when its response is made.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The protocol, as in metrics.
    pub protocol: &'static str,
    /// What was asked.
    pub operation: Operation<'a>,
    /// What its model counts, or [`crate::Metrics::no_model`].
    pub model: &'a ModelMetrics,
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
    pub start: Instant,
    /// From there to the made response.
    pub total: Duration,
    /// Bytes of the response's body as sent.
    pub response_bytes: usize,
    /// How long each stage took, one after the other.
    pub stages: &'a [(Stage, Duration)],
}
