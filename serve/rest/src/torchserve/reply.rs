//! What every reply has: a request's id, no caching, and two spaces a level in JSON.

use crate::json::Pretty;
use crate::response::{JSON, Reply};
use crate::trace::new_id;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use listen::REQUEST_ID;

/// Spaces a level.
pub(super) const INDENT: usize = 2;

/// Longest id of a client's own that is sent back, in bytes: a UUID has 36.
const ID_BYTES_MAX: usize = 256;

/// The id of a request, the client's own if it sent one.
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap) -> RequestId {
        let own = headers.get(REQUEST_ID).filter(|id| id.len() <= ID_BYTES_MAX);
        RequestId(own.cloned().unwrap_or_else(|| {
            // A UUID has only characters that headers may have.
            HeaderValue::from_str(&uuid()).unwrap_or(HeaderValue::from_static(""))
        }))
    }

    /// The request under this id, which is the one in logs and traces then.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.0.clone());
    }

    /// The response with the headers that all have. A connection ends with an error.
    pub(super) fn stamp(self, mut response: Response<Body>) -> Response<Body> {
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.0);
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        let control = HeaderValue::from_static("no-cache; no-store, must-revalidate, private");
        headers.insert(header::CACHE_CONTROL, control);
        let expires = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 UTC");
        headers.insert(header::EXPIRES, expires);
        if is_error {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A version 4 UUID.
fn uuid() -> String {
    let bits = new_id() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// A JSON document, which ends with a line feed.
pub(super) fn document(status: u16, write: impl FnOnce(&mut Pretty)) -> Reply {
    let mut json = Pretty::new(INDENT);
    write(&mut json);
    let mut body = json.finish();
    body.push(b'\n');
    Reply::ok(JSON, body).with_status(status)
}

/// `{"status": …}`.
pub(super) fn status(code: u16, text: &str) -> Reply {
    document(code, |json| {
        json.object();
        json.field("status", text);
        json.end_object();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4() {
        let (one, other) = (uuid(), uuid());
        assert_ne!(one, other);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }

    #[test]
    fn a_clients_own_id_comes_back() {
        let own = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static("mine"))]);
        let response = RequestId::of(&own).stamp(Response::new(Body::empty()));
        assert_eq!(response.headers()[REQUEST_ID], "mine");
        let long = HeaderValue::from_str(&"x".repeat(300)).unwrap();
        let long = HeaderMap::from_iter([(REQUEST_ID, long)]);
        let response = RequestId::of(&long).stamp(Response::new(Body::empty()));
        assert_eq!(response.headers()[REQUEST_ID].len(), 36);
    }
}
