//! Compressed bodies, in and out.

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use server::Refusal;
use std::io::{Read, Write};

/// How a request's body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls deflate.
    Deflate,
}

impl Coding {
    /// What the head says.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Coding, Refusal> {
        let unsupported = |found: &str| Refusal::UnsupportedEncoding { found: found.to_string() };
        let mut coding = Coding::Identity;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let name = value.to_str().map_err(|_| unsupported("bytes that are no text"))?;
            let found = match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => Coding::Identity,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                _ => return Err(unsupported(name)),
            };
            if coding != Coding::Identity && found != Coding::Identity {
                return Err(unsupported("two encodings at once"));
            }
            if found != Coding::Identity {
                coding = found;
            }
        }
        Ok(coding)
    }

    /// The body as it was before compression, when it is no longer than `limit` bytes.
    pub(crate) fn inflate(self, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Refusal> {
        let (result, encoding) = match self {
            Coding::Identity => return Ok(body),
            Coding::Gzip => (read(MultiGzDecoder::new(&*body), limit), "gzip"),
            Coding::Deflate => (read(ZlibDecoder::new(&*body), limit), "deflate"),
        };
        result
            .map_err(|e| Refusal::BadCompression { encoding, reason: e.to_string() })?
            .ok_or(Refusal::DecompressedTooLarge { limit })
    }
}

/// May the response be compressed by gzip?
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any) = (None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let quality = parameters.trim().strip_prefix("q=").unwrap_or("1");
            let is_wanted = quality.trim().parse::<f32>().is_ok_and(|q| q > 0.0);
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(is_wanted),
                "*" => any = Some(is_wanted),
                _ => {}
            }
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// The bytes as gzip at the fastest level: on JSON numbers the best level gains a tenth for
/// five times the time.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// All that comes out of `decoder`, or `None` when it is more than `limit` bytes. The buffer
/// grows with what really comes.
fn read(decoder: impl Read, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut inflated = Vec::new();
    let past_limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(past_limit).read_to_end(&mut inflated)?;
    Ok((inflated.len() <= limit).then_some(inflated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (name.clone(), v.parse().unwrap())).collect()
    }

    #[test]
    fn accept_encoding_is_weighed() {
        for (values, expected) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["deflate, gzip;q=0.5, br"], true),
            (&["br", "GZIP"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.0, *"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["identity"], false),
            (&["gzip;q=x"], false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, values);
            assert_eq!(accepts_gzip(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn content_encoding_is_one_of_three() {
        for (values, expected) in [
            (&[][..], Some(Coding::Identity)),
            (&["gzip"], Some(Coding::Gzip)),
            (&["X-GZIP"], Some(Coding::Gzip)),
            (&["deflate"], Some(Coding::Deflate)),
            (&["identity", "gzip"], Some(Coding::Gzip)),
            (&["gzip", "gzip"], None),
            (&["gzip, gzip"], None),
            (&["br"], None),
        ] {
            let headers = headers(header::CONTENT_ENCODING, values);
            assert_eq!(Coding::of(&headers).ok(), expected, "{values:?}");
        }
    }

    #[test]
    fn the_limit_is_exact() {
        let body = gzip(&[7; 1000]);
        assert_eq!(Coding::Gzip.inflate(body.clone(), 1000).unwrap().len(), 1000);
        let refusal = Coding::Gzip.inflate(body, 999).unwrap_err();
        assert_eq!(refusal, Refusal::DecompressedTooLarge { limit: 999 });
    }

    #[test]
    fn every_truncation_is_refused() {
        let body = gzip(b"some words that are long enough to be worth it");
        for end in 0..body.len() {
            let refusal = Coding::Gzip.inflate(body[..end].to_vec(), 1000);
            // No byte at all is an empty gzip stream for the decoder.
            assert!(refusal.is_err() || end == 0, "{end} of {}", body.len());
        }
    }
}
