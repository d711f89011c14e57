//! Made responses.

use crate::encoding::gzip;
use crate::json::Pretty;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use server::{Refusal, Row};

/// Content type of every JSON response, as TensorFlow Serving has it.
pub(crate) const JSON: &str = "application/json";

/// A response whose body lies complete in memory.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    is_gzip: bool,
    retry_after_s: Option<u32>,
}

impl Reply {
    /// A response that succeeded.
    pub(crate) fn ok(content_type: &'static str, body: Vec<u8>) -> Reply {
        Reply { status: 200, content_type, body, is_gzip: false, retry_after_s: None }
    }

    /// `{"error": …}`.
    pub(crate) fn refused(refusal: &Refusal) -> Reply {
        let Row { http, retry_after_s, .. } = refusal.row();
        Reply { status: http, retry_after_s, ..Reply::ok(JSON, error_json(refusal)) }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Reply {
        Reply { status, ..self }
    }

    /// The same, compressed when the client takes it and the body is long enough to gain. CPU
    /// work: for large bodies call it on a worker.
    pub(crate) fn compressed(self, accepts_gzip: bool) -> Reply {
        /// Bytes below which a body fits in one packet anyway.
        const MIN_BYTES: usize = 1024;
        if !accepts_gzip || self.body.len() < MIN_BYTES {
            return self;
        }
        Reply { body: gzip(&self.body), is_gzip: true, ..self }
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
        if self.is_gzip {
            set(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(seconds) = self.retry_after_s {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// `{"error": …}`.
pub(crate) fn error_json(refusal: &Refusal) -> Vec<u8> {
    let mut json = Pretty::new(4);
    json.object();
    json.field("error", &refusal.to_string());
    json.end_object();
    json.finish()
}
