//! The smallest HTTP client that the demonstration needs: one request to our own server.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for the server; it answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest response that is read, in bytes; an answer takes some hundred.
const RESPONSE_BYTES_MAX: u64 = 1 << 20;

/// A whole response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends `body` by PUT, as `curl -T` does, and closes the connection.
pub(crate) fn put(address: &str, path: &str, body: &[u8]) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let length = body.len();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut response = Vec::new();
    stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut response)?;
    parse(&response).ok_or_else(|| io::Error::other("the response is not one of HTTP"))
}

/// Splits a response that ends with its connection. Our server states lengths and sends no
/// chunks.
fn parse(response: &[u8]) -> Option<Response> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&response[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Response { status, body: response[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn responses_are_split() {
        let response = parse(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"{}"[..]));
        assert!(parse(b"HTTP/1.1 200").is_none());
        assert!(parse(b"\r\n\r\n").is_none());
    }
}
