//! Pieces of a request's text: what is quoted and decoded.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use server::Refusal;

/// Longest piece of the request that a message repeats, in bytes.
const MAX_QUOTE: usize = 80;

/// Base64 as the clients of TensorFlow Serving send it: the standard alphabet, padding optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The beginning of a piece of the request, short enough for a message.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let short = &bytes[..bytes.len().min(MAX_QUOTE)];
    let text = String::from_utf8_lossy(short).into_owned();
    if bytes.len() > MAX_QUOTE { text + "…" } else { text }
}

/// Base64 of bytes, padded.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes that base64 text stands for. White space, which some encoders put after each line, is
/// ignored.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, Refusal> {
    let decoded = if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let dense: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        BASE64.decode(dense)
    } else {
        BASE64.decode(text)
    };
    decoded.map_err(|e| Refusal::InvalidArgument(format!("Unable to base64 decode: {e}")))
}
