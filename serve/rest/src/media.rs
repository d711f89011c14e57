//! What a body is: what the head says, and what its first bytes say.

use axum::http::{HeaderMap, header};
use server::{Refusal, Servable};

/// What the head says that the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// An image of some format.
    Image,
    /// JSON.
    Json,
    /// Anything: `curl` calls every body a form.
    Unknown,
}

impl Media {
    /// What the head says. Multipart forms are refused here, since the image inside one is not
    /// the body.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Media, Refusal> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let media = value.unwrap_or_default().trim().to_ascii_lowercase();
        if media.starts_with("multipart/") {
            let found = media.split(';').next().unwrap_or_default().to_string();
            return Err(Refusal::UnsupportedMedia { found });
        }
        Ok(if media.starts_with("image/") {
            Media::Image
        } else if media.starts_with("application/json") {
            Media::Json
        } else {
            Media::Unknown
        })
    }
}

/// Is the body an image rather than JSON? Its first bytes decide; what the head says matters
/// only when they do not.
pub(crate) fn is_image(body: &[u8], media: Media, model: &Servable) -> Result<bool, Refusal> {
    let takes_images = model.takes_images();
    let first = body.trim_ascii_start().first();
    match (has_image_magic(body), media) {
        (true, _) if !takes_images => Err(Refusal::NoRecipe { model: model.name().to_string() }),
        (true, _) => Ok(true),
        (false, Media::Json) => Ok(false),
        (false, Media::Unknown) if first == Some(&b'{') || !takes_images => Ok(false),
        (false, Media::Image | Media::Unknown) => {
            Err(Refusal::NotAnImage { found: first_bytes(body) })
        }
    }
}

/// Does it begin as JPEG, PNG or WebP files begin?
pub(crate) fn has_image_magic(body: &[u8]) -> bool {
    let is_webp = body.starts_with(b"RIFF") && body.get(8..12) == Some(b"WEBP");
    body.starts_with(&[0xff, 0xd8, 0xff]) || body.starts_with(b"\x89PNG\r\n\x1a\n") || is_webp
}

/// `the bytes 47 49 46 38 ("GIF8")`.
fn first_bytes(body: &[u8]) -> String {
    let first = &body[..body.len().min(8)];
    if first.is_empty() {
        return "an empty body".to_string();
    }
    let hex: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("a body that begins with the bytes {} (\"{}\")", hex.join(" "), first.escape_ascii())
}
