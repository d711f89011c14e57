//! Made responses.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use listen::Coding;
use server::{Refusal, Row};

/// Content type of every JSON response, as TensorFlow Serving has it.
pub(crate) const JSON: &str = "application/json";

/// A response whose body lies complete in memory.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    coding: Coding,
    retry_after_s: Option<u32>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// A response that succeeded.
    pub(crate) fn ok(content_type: &'static str, body: Vec<u8>) -> Reply {
        let (coding, headers) = (Coding::Identity, Vec::new());
        Reply { status: 200, content_type, body, coding, retry_after_s: None, headers }
    }

    /// `{"error": …}`.
    pub(crate) fn refused(refusal: &Refusal) -> Reply {
        Reply::ok(JSON, listen::error_json(refusal)).refusing(refusal)
    }

    /// The same, with the status of a refusal.
    pub(crate) fn refusing(self, refusal: &Refusal) -> Reply {
        let Row { http, retry_after_s, .. } = refusal.row();
        Reply { status: http, retry_after_s, ..self }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Reply {
        Reply { status, ..self }
    }

    /// The same with one header more.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// The same, compressed when the client takes it and the body is long enough to gain. CPU
    /// work: for large bodies call it on a worker.
    pub(crate) fn compressed(self, coding: Coding) -> Reply {
        /// Bytes below which a body fits in one packet anyway.
        const MIN_BYTES: usize = 1024;
        if coding == Coding::Identity || self.body.len() < MIN_BYTES {
            return self;
        }
        Reply { body: coding.deflate(self.body), coding, ..self }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Bytes of the body as sent.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// The response to send.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut set = |name: HeaderName, value: HeaderValue| {
            response.headers_mut().insert(name, value);
        };
        set(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        set(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(coding) = self.coding.header() {
            set(header::CONTENT_ENCODING, coding);
        }
        if let Some(seconds) = self.retry_after_s {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in self.headers {
            set(name, value);
        }
        response
    }
}
