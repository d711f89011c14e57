//! Answers that count against the budget of bodies until the client has taken them.
//!
//! A client that asks for much and reads nothing would otherwise make the server keep as many
//! answers as it has connections and streams.

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use server::{Charge, Refusal, Service};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Answers up to this many bytes are free: a connection itself takes as much.
const FREE_BYTES: u64 = 4 << 10;

/// A body whose bytes are charged for.
struct Charged {
    body: Body,
    charge: Arc<Charge>,
}

/// Bytes on their way to the client, and what is given back when they are sent.
struct Held {
    bytes: Bytes,
    _charge: Arc<Charge>,
}

/// The same body, charged for until it is sent. A body of unknown length is charged for by those
/// who make it.
pub(crate) fn charged(body: Body, service: &Service) -> Result<Body, Refusal> {
    let length = http_body::Body::size_hint(&body).exact().unwrap_or(0);
    if length <= FREE_BYTES {
        return Ok(body);
    }
    let mut charge = service.open_charge();
    charge.grow(usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(Body::new(Charged { body, charge: Arc::new(charge) }))
}

impl http_body::Body for Charged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let held = |bytes| Bytes::from_owner(Held { bytes, _charge: self.charge.clone() });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
