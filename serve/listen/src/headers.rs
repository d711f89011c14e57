//! Headers by which a request is known again, the same for every protocol.

use axum::http::HeaderName;

/// The id of a request: the client's, or one that is made.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The trace that a request is part of, as W3C's Trace Context has it.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
