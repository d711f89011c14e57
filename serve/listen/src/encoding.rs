//! Compressed bodies, in and out.
//!
//! Zstandard is `ruzstd`, which is in safe Rust: bodies are foreign bytes, and what the C library
//! gains in speed is not worth unsafe code that reads them.

use axum::http::{HeaderMap, HeaderValue, header};
use flate2::Compression;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use server::Refusal;
use std::io::{self, Read, Write};

/// Most bytes that a Zstandard frame may ask a decoder to remember: RFC 9659 sets 8 MB for HTTP.
const MAX_ZSTD_WINDOW: u64 = 8 << 20;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950, which HTTP calls deflate.
    Deflate,
}

impl Coding {
    /// What replies may be compressed by; of equally wanted ones the first is taken.
    const OFFERED: [Coding; 3] = [Coding::Gzip, Coding::Zstd, Coding::Deflate];

    /// What the head says of the request's body.
    ///
    /// # Errors
    /// When it is another compression, or more than one.
    pub fn of(headers: &HeaderMap) -> Result<Coding, Refusal> {
        let unsupported = |found: &str| Refusal::UnsupportedEncoding { found: found.to_string() };
        let mut coding = Coding::Identity;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let name = value.to_str().map_err(|_| unsupported("bytes that are no text"))?;
            let found = Coding::from_name(name).ok_or_else(|| unsupported(name))?;
            if coding != Coding::Identity && found != Coding::Identity {
                return Err(unsupported("two encodings at once"));
            }
            if found != Coding::Identity {
                coding = found;
            }
        }
        Ok(coding)
    }

    /// What the client wants most for the reply, of what is offered.
    pub fn wanted(headers: &HeaderMap) -> Coding {
        let mut qualities = [None; Coding::OFFERED.len()];
        let mut others = 0.0;
        for value in headers.get_all(header::ACCEPT_ENCODING) {
            for part in value.to_str().unwrap_or_default().split(',') {
                let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
                let quality = parameters.trim().strip_prefix("q=").unwrap_or("1");
                let quality = quality.trim().parse::<f32>().unwrap_or(0.0);
                let coding = Coding::from_name(name);
                match Coding::OFFERED.iter().position(|&offered| Some(offered) == coding) {
                    Some(index) => qualities[index] = Some(quality),
                    None if name.trim() == "*" => others = quality,
                    None => {}
                }
            }
        }
        let mut best = (Coding::Identity, 0.0);
        for (coding, quality) in Coding::OFFERED.into_iter().zip(qualities) {
            let quality = quality.unwrap_or(others);
            if quality > best.1 {
                best = (coding, quality);
            }
        }
        best.0
    }

    /// The name in a head.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
            Coding::Deflate => "deflate",
        }
    }

    /// The value of `Content-Encoding`, when one is due.
    pub fn header(self) -> Option<HeaderValue> {
        (self != Coding::Identity).then(|| HeaderValue::from_static(self.name()))
    }

    fn from_name(name: &str) -> Option<Coding> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Coding::Identity,
            "gzip" | "x-gzip" => Coding::Gzip,
            "zstd" => Coding::Zstd,
            "deflate" => Coding::Deflate,
            _ => return None,
        })
    }

    /// The body as it was before compression, when it is no longer than `limit` bytes.
    ///
    /// # Errors
    /// When the body is damaged or longer.
    pub fn inflate(self, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Refusal> {
        let result = match self {
            Coding::Identity => return Ok(body),
            Coding::Gzip => read(MultiGzDecoder::new(&*body), limit),
            Coding::Deflate => read(ZlibDecoder::new(&*body), limit),
            Coding::Zstd => zstd(&body, limit),
        };
        let encoding = self.name();
        result
            .map_err(|e| Refusal::BadCompression { encoding, reason: e.to_string() })?
            .ok_or(Refusal::DecompressedTooLarge { limit })
    }

    /// The bytes compressed at the fastest level: on JSON numbers the best level gains a tenth for
    /// five times the time.
    pub fn deflate(self, bytes: Vec<u8>) -> Vec<u8> {
        // Writing to a vector cannot fail.
        match self {
            Coding::Identity => bytes,
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                let _ = encoder.write_all(&bytes);
                encoder.finish().unwrap_or_default()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                let _ = encoder.write_all(&bytes);
                encoder.finish().unwrap_or_default()
            }
            Coding::Zstd => compress_to_vec(&*bytes, CompressionLevel::Fastest),
        }
    }
}

/// All that comes out of `decoder`, or `None` when it is more than `limit` bytes. The buffer
/// grows with what really comes.
fn read(decoder: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut inflated = Vec::new();
    let past_limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(past_limit).read_to_end(&mut inflated)?;
    Ok((inflated.len() <= limit).then_some(inflated))
}

/// The frames of a Zstandard body, one after the other.
fn zstd(mut body: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut inflated = Vec::new();
    while !body.is_empty() {
        let decoder = StreamingDecoder::new_with_max_window_size(&mut body, MAX_ZSTD_WINDOW);
        let decoder = decoder.map_err(io::Error::other)?;
        match read(decoder, limit - inflated.len())? {
            Some(frame) if inflated.is_empty() => inflated = frame,
            Some(frame) => inflated.extend_from_slice(&frame),
            None => return Ok(None),
        }
    }
    Ok(Some(inflated))
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
            (&[][..], Coding::Identity),
            (&["gzip"], Coding::Gzip),
            (&["deflate, gzip;q=0.5, br"], Coding::Deflate),
            (&["br", "GZIP"], Coding::Gzip),
            (&["gzip, deflate, br, zstd"], Coding::Gzip),
            (&["zstd, gzip;q=0.9"], Coding::Zstd),
            (&["gzip;q=0"], Coding::Identity),
            (&["gzip; q=0.0, *"], Coding::Zstd),
            (&["*"], Coding::Gzip),
            (&["*;q=0"], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["gzip;q=x"], Coding::Identity),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, values);
            assert_eq!(Coding::wanted(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn content_encoding_is_one_of_four() {
        for (values, expected) in [
            (&[][..], Some(Coding::Identity)),
            (&["gzip"], Some(Coding::Gzip)),
            (&["X-GZIP"], Some(Coding::Gzip)),
            (&["deflate"], Some(Coding::Deflate)),
            (&["zstd"], Some(Coding::Zstd)),
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
        for coding in Coding::OFFERED {
            let body = coding.deflate(vec![7; 1000]);
            assert_eq!(coding.inflate(body.clone(), 1000).unwrap(), [7; 1000]);
            let refusal = coding.inflate(body, 999).unwrap_err();
            assert_eq!(refusal, Refusal::DecompressedTooLarge { limit: 999 });
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        for coding in Coding::OFFERED {
            let body = coding.deflate(b"some words that are long enough to be worth it".to_vec());
            for end in 0..body.len() {
                let refusal = coding.inflate(body[..end].to_vec(), 1000);
                // No byte at all is an empty stream for the decoders.
                assert!(refusal.is_err() || end == 0, "{coding:?} {end} of {}", body.len());
            }
        }
    }

    #[test]
    fn frames_follow_each_other() {
        let frame = |text: &str| Coding::Zstd.deflate(text.as_bytes().to_vec());
        let body = [frame("one "), frame("two")].concat();
        assert_eq!(Coding::Zstd.inflate(body.clone(), 7).unwrap(), b"one two");
        let refusal = Coding::Zstd.inflate(body, 6).unwrap_err();
        assert_eq!(refusal, Refusal::DecompressedTooLarge { limit: 6 });
    }

    #[test]
    fn a_frame_that_wants_a_large_window_is_refused() {
        // Magic, a descriptor without content size, a window of 2^27 bytes, one empty last block.
        let body = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00];
        let refusal = Coding::Zstd.inflate(body.to_vec(), 1 << 30).unwrap_err();
        assert!(matches!(refusal, Refusal::BadCompression { encoding: "zstd", .. }), "{refusal}");
    }
}
