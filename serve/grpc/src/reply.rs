//! Messages as they go: framed, compressed when the client did so too, and the status behind them.

use crate::frames::PREFIX_BYTES;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use http_body::Frame;
use listen::{Coding, grpc_trailers};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// A framed message, or how the call ended for the worse.
pub(crate) type Part = Result<Vec<u8>, HeaderMap>;

/// What a call is answered with.
pub(crate) enum Reply {
    /// A framed message.
    One(Vec<u8>),
    /// Framed messages one after the other.
    Many(mpsc::Receiver<Part>),
}

impl Reply {
    pub(crate) fn of(message: &impl prost::Message) -> Reply {
        Reply::One(framed(message, Coding::Identity))
    }

    /// Bytes of a single message as sent.
    pub(crate) fn len(&self) -> usize {
        match self {
            Reply::One(message) => message.len(),
            Reply::Many(_) => 0,
        }
    }

    /// The response to send; `coding` is that of compressed messages.
    pub(crate) fn into_response(self, coding: Coding) -> Response<Body> {
        let messages = match self {
            Reply::One(message) => Messages { first: Some(message), rest: None, is_over: false },
            Reply::Many(rest) => Messages { first: None, rest: Some(rest), is_over: false },
        };
        let mut response = Response::new(Body::new(messages));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if let Some(coding) = coding.header() {
            headers.insert("grpc-encoding", coding);
        }
        response
    }
}

/// One message behind its prefix. CPU work: for large messages call it on a worker.
pub(crate) fn framed(message: &impl prost::Message, coding: Coding) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + message.encoded_len());
    bytes.resize(PREFIX_BYTES, 0);
    // The vector grows as needed, so that it cannot fail.
    let _ = message.encode(&mut bytes);
    if coding != Coding::Identity {
        let compressed = coding.deflate(bytes.split_off(PREFIX_BYTES));
        bytes[0] = 1;
        bytes.extend_from_slice(&compressed);
    }
    let length = u32::try_from(bytes.len() - PREFIX_BYTES).unwrap_or(u32::MAX);
    bytes[1..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// The body of a call that was answered: its messages, then that all is well.
struct Messages {
    first: Option<Vec<u8>>,
    rest: Option<mpsc::Receiver<Part>>,
    is_over: bool,
}

impl http_body::Body for Messages {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let part = match (self.first.take(), &mut self.rest) {
            (Some(first), _) => Some(Ok(first)),
            (None, Some(rest)) => ready!(rest.poll_recv(cx)),
            (None, None) => None,
        };
        let trailers = match part {
            Some(Ok(message)) => return Poll::Ready(Some(Ok(Frame::data(message.into())))),
            Some(Err(trailers)) => trailers,
            None => grpc_trailers(0, ""),
        };
        self.is_over = true;
        self.rest = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}
