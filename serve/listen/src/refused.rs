//! Refusals in the words of the protocol that a request came by.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use server::{Code, Refusal, Row};

/// `{"error": …}`, indented as TensorFlow Serving indents it.
pub fn error_json(refusal: &Refusal) -> Vec<u8> {
    let text = serde_json::Value::String(refusal.to_string());
    format!("{{\n    \"error\": {text}\n}}").into_bytes()
}

/// The response that only says how a call of gRPC ended, in headers and without a message.
pub fn grpc_status(code: u8, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = grpc_trailers(code, message);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// `grpc-status` and, where there is a message, `grpc-message`.
pub fn grpc_trailers(code: u8, message: &str) -> HeaderMap {
    /// What the protocol wants escaped in a message; all beyond ASCII is anyway.
    const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
    /// Most bytes of a message. 2 KiB: escaped three times as long, which still fits into the 8 KiB
    /// of metadata that clients take.
    const MESSAGE_MAX: usize = 2048;
    let message = &message[..message.floor_char_boundary(MESSAGE_MAX)];
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    let text = percent_encode(message.as_bytes(), ESCAPED).to_string();
    // Nothing but visible ASCII is left, which is always a value.
    if let Ok(text) = HeaderValue::try_from(text)
        && !message.is_empty()
    {
        trailers.insert("grpc-message", text);
    }
    trailers
}

/// A refusal by HTTP's status.
pub(crate) fn http(refusal: &Refusal) -> Response<Body> {
    let Row { http, retry_after_s, .. } = refusal.row();
    let mut response = Response::new(Body::from(error_json(refusal)));
    *response.status_mut() =
        StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if http == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A refusal by gRPC's status.
pub(crate) fn grpc(refusal: &Refusal) -> Response<Body> {
    let code: Code = refusal.row().grpc;
    grpc_status(code as u8, &refusal.to_string())
}
