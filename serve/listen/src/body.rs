//! Receiving a request's body, bounded in bytes and in time.

use crate::Options;
use crate::encoding::Coding;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body::Frame;
use http_body_util::BodyExt;
use server::{Charge, Refusal, Service};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a client may take to send a body.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Between two pieces.
    pub idle: Duration,
    /// For the whole.
    pub total: Duration,
}

impl From<&Options> for Patience {
    fn from(options: &Options) -> Patience {
        Patience { idle: options.body_idle_timeout, total: options.body_timeout }
    }
}

/// How long a refused client may go on sending before its connection is closed. Without this
/// time the close would reset the connection, and most clients would never read the refusal.
const LINGER: Duration = Duration::from_secs(2);

/// The body as it came, and the charge that must live as long as it.
#[derive(Debug)]
pub struct Received {
    bytes: Vec<u8>,
    coding: Coding,
    charge: Charge,
    max_decompressed_bytes: usize,
}

impl Received {
    /// Bytes as they came.
    pub fn wire_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Is reading it no work to speak of? 4 KiB: some hundred numbers as text.
    pub fn is_small(&self) -> bool {
        self.coding == Coding::Identity && self.bytes.len() <= 4096
    }

    /// Takes out the body as it was before compression. CPU work: call it on a worker.
    ///
    /// # Errors
    /// When the compression is damaged, or unfolds to more than is allowed.
    pub fn open(&mut self) -> Result<Vec<u8>, Refusal> {
        self.open_within(self.max_decompressed_bytes)
    }

    /// The same for a body that may not be longer than `limit`, before compression or after.
    ///
    /// # Errors
    /// When the compression is damaged, or there is more than `limit`.
    pub fn open_within(&mut self, limit: usize) -> Result<Vec<u8>, Refusal> {
        if self.bytes.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let body = self.coding.inflate(std::mem::take(&mut self.bytes), limit)?;
        if self.coding != Coding::Identity {
            self.charge.grow(body.len())?;
        }
        Ok(body)
    }
}

/// Receives the whole body. Memory grows with what comes, not with what the head announces.
///
/// # Errors
/// When the body is too long, too late or cut off, or all bodies together are too long.
pub async fn receive(
    headers: &HeaderMap,
    body: &mut Body,
    coding: Coding,
    service: &Service,
    patience: Patience,
) -> Result<Received, Refusal> {
    let limit = service.limits().max_body_bytes;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let mut charge = service.open_charge();
    let mut bytes = Vec::new();
    let mut end = None;
    loop {
        // What is there already, as small bodies are with their head, needs no clock.
        let there = poll_fn(|cx| Poll::Ready(pin!(body.frame()).poll(cx))).await;
        let frame = match there {
            Poll::Ready(frame) => frame,
            Poll::Pending => awaited(body, &mut end, patience).await?,
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|e| Refusal::BodyIncomplete(e.to_string()))?;
        // Frames that are no data are trailers, which mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Err(Refusal::BodyTooLarge { limit });
        }
        charge.grow(data.len())?;
        bytes.extend_from_slice(&data);
    }
    let max_decompressed_bytes = service.limits().max_decompressed_bytes;
    Ok(Received { bytes, coding, charge, max_decompressed_bytes })
}

/// The next frame, when it comes in time; `end` is when the whole body must be there, once that is
/// known.
async fn awaited(
    body: &mut Body,
    end: &mut Option<Instant>,
    patience: Patience,
) -> Result<Option<Result<Frame<Bytes>, axum::Error>>, Refusal> {
    let now = Instant::now();
    let end = *end.get_or_insert(now + patience.total);
    let deadline = end.min(now + patience.idle);
    timeout_at(deadline, body.frame()).await.map_err(|_| {
        let waited = if deadline < end { patience.idle } else { patience.total };
        Refusal::ReadTimeout { seconds: waited.as_secs() }
    })
}

/// Reads on after a refusal, so that the client gets to read it: at most as many bytes as a
/// body may have, for two seconds at most. A client that waits for `100 Continue` has sent
/// nothing, and is told at once.
pub async fn discard(headers: &HeaderMap, mut body: Body, limit: usize) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = limit;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len());
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whether all came or not, the refusal is sent now.
    let _ = tokio::time::timeout(LINGER, read).await;
}
