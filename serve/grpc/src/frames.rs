//! Messages as they come: a flag, a length, and as many bytes; bounded in bytes and in time.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use listen::{Coding, Patience};
use server::{Charge, Refusal, Service};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes before each message: whether it is compressed, and its length.
pub(crate) const PREFIX_BYTES: usize = 5;

/// How often a wait for a client that may be silent looks whether the server is to end.
const LOOK_UP: Duration = Duration::from_millis(200);

/// The messages of one call.
pub(crate) struct Frames {
    body: Body,
    service: Service,
    patience: Patience,
    coding: Coding,
    buffer: BytesMut,
    charge: Charge,
}

/// One message, and the charge that must live as long as it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Bytes,
    pub(crate) charge: Charge,
    /// How it was compressed.
    pub(crate) coding: Coding,
    /// As it came.
    pub(crate) wire_bytes: usize,
}

impl Frames {
    pub(crate) fn new(
        headers: &HeaderMap,
        body: Body,
        service: Service,
        patience: Patience,
    ) -> Result<Frames, Refusal> {
        let coding = coding(headers)?;
        let (buffer, charge) = (BytesMut::new(), service.open_charge());
        Ok(Frames { body, service, patience, coding, buffer, charge })
    }

    /// The only message of a call, of at most `limit` bytes.
    pub(crate) async fn only(&mut self, limit: usize) -> Result<Message, Refusal> {
        let limit = limit.min(self.service.limits().max_body_bytes);
        let message = self.whole(limit, Instant::now()).await?;
        let message = message.ok_or_else(|| one("none"))?;
        if !self.buffer.is_empty() {
            return Err(one("more"));
        }
        self.inflated(message).await
    }

    /// The next message of a call with many; `None` when the client has no more, or the server is
    /// to end.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, Refusal> {
        while self.buffer.is_empty() {
            match timeout(LOOK_UP, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => self.take(frame)?,
                Err(_) if self.service.is_draining() => return Err(Refusal::Draining),
                Err(_) => {}
            }
        }
        let limit = self.service.limits().max_body_bytes;
        match self.whole(limit, Instant::now()).await? {
            None => Ok(None),
            Some(message) => self.inflated(message).await.map(Some),
        }
    }

    /// Receives until a message is whole.
    async fn whole(&mut self, limit: usize, start: Instant) -> Result<Option<Message>, Refusal> {
        let end = start + self.patience.total;
        loop {
            if let Some(message) = self.split(limit)? {
                return Ok(Some(message));
            }
            let deadline = end.min(Instant::now() + self.patience.idle);
            let late = || {
                let is_idle = deadline < end;
                let waited = if is_idle { self.patience.idle } else { self.patience.total };
                Refusal::ReadTimeout { seconds: waited.as_secs() }
            };
            match timeout_at(deadline, self.body.frame()).await.map_err(|_| late())? {
                Some(frame) => self.take(frame)?,
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    let text = "the call ended within a message".to_string();
                    return Err(Refusal::BodyIncomplete(text));
                }
            }
        }
    }

    fn take(&mut self, frame: Result<http_body::Frame<Bytes>, axum::Error>) -> Result<(), Refusal> {
        let frame = frame.map_err(|e| Refusal::BodyIncomplete(e.to_string()))?;
        // Frames that are no data are trailers, which mean nothing in a request.
        if let Ok(data) = frame.into_data() {
            self.charge.grow(data.len())?;
            self.buffer.extend_from_slice(&data);
        }
        Ok(())
    }

    /// Takes the first message out of the buffer, when it is there whole.
    fn split(&mut self, limit: usize) -> Result<Option<Message>, Refusal> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let coding = match flag {
            0 => Coding::Identity,
            1 if self.coding != Coding::Identity => self.coding,
            1 => return Err(invalid("the message is compressed, but grpc-encoding is not set")),
            _ => return Err(invalid("the message begins with a flag that is neither 0 nor 1")),
        };
        if self.buffer.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        let bytes = self.buffer.split_to(length).freeze();
        // What is left belongs to the next message.
        let mut rest = self.service.open_charge();
        rest.grow(self.buffer.len())?;
        let charge = std::mem::replace(&mut self.charge, rest);
        let wire_bytes = length + PREFIX_BYTES;
        Ok(Some(Message { bytes, charge, coding, wire_bytes }))
    }

    /// The message as it was before compression, which is undone on a thread that may block: the
    /// message has to say for which model it is before it can wait for a worker.
    async fn inflated(&mut self, mut message: Message) -> Result<Message, Refusal> {
        let (coding, bytes) = (message.coding, message.bytes);
        if coding == Coding::Identity {
            return Ok(Message { bytes, ..message });
        }
        let limit = self.service.limits().max_decompressed_bytes;
        let inflate = move || coding.inflate(bytes.into(), limit);
        // Only a panic or the runtime's end can keep it from a result.
        let inflated = tokio::task::spawn_blocking(inflate).await;
        let bytes: Bytes = inflated.unwrap_or(Err(Refusal::Panicked))?.into();
        message.charge.grow(bytes.len())?;
        Ok(Message { bytes, ..message })
    }
}

/// What the head says of compressed messages.
fn coding(headers: &HeaderMap) -> Result<Coding, Refusal> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Coding::Identity),
        Some(b"gzip") => Ok(Coding::Gzip),
        Some(b"deflate") => Ok(Coding::Deflate),
        Some(other) => Err(Refusal::Unimplemented(format!(
            "expected grpc-encoding gzip, deflate or identity, found {}",
            other.escape_ascii()
        ))),
    }
}

fn one(found: &str) -> Refusal {
    invalid(&format!("expected one message in the call, found {found}"))
}

fn invalid(text: &str) -> Refusal {
    Refusal::InvalidArgument(text.to_string())
}
