//! Encoded images to 8-bit pixels.
//!
//! What is read, and how it maps to what `PIL.Image.open(f).convert("RGB")` gives:
//! - **JPEG** baseline and progressive, gray, YCbCr, RGB, CMYK and YCCK (Adobe's inverted inks,
//!   converted without a color profile). Strict: missing scan data, a missing end marker or a
//!   marker where none may be is an error; there are no half-gray pictures.
//!   Extended sequential, lossless and arithmetic coding are refused by name.
//! - **PNG** of every color type and depth, interlaced or not. 16-bit samples keep their high
//!   byte; alpha is dropped, not composited. Of an animation, the default image.
//! - **WebP** lossy and lossless; alpha is dropped. Of an animation, the first frame.
//!
//! EXIF orientation and color profiles are not applied: neither Pillow nor torchvision does so
//! unasked, and a model is served what it was trained on.

mod jpeg;
mod png;
mod webp;

use crate::{Color, RecipeError};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bounds on what one image may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height, of the file and of every step of its resize. Read from the header
    /// before anything is allocated for pixels.
    pub max_pixels: usize,
}

impl Default for Limits {
    /// 64 Mi pixels: above the 50-megapixel photographs that phones and full-frame cameras save,
    /// below Pillow's warning at 89 Mi; 192 MiB decoded, 400 MiB more while a progressive JPEG
    /// of that size is read.
    fn default() -> Limits {
        Limits { max_pixels: 64 << 20 }
    }
}

impl Limits {
    pub(crate) fn check(
        &self,
        stage: &'static str,
        width: usize,
        height: usize,
    ) -> Result<(), RecipeError> {
        let limit = self.max_pixels;
        match width.checked_mul(height) {
            Some(pixels) if pixels <= limit => Ok(()),
            Some(_) | None => Err(RecipeError::TooManyPixels { stage, width, height, limit }),
        }
    }
}

/// The encoded formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// ISO/IEC 10918.
    Jpeg,
    /// ISO/IEC 15948.
    Png,
    /// RFC 9649.
    WebP,
}

impl ImageFormat {
    /// The format that the first bytes announce.
    pub fn sniff(encoded: &[u8]) -> Option<ImageFormat> {
        if encoded.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(ImageFormat::Jpeg);
        }
        if encoded.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(ImageFormat::Png);
        }
        let is_webp = encoded.starts_with(b"RIFF") && encoded.get(8..12) == Some(b"WEBP");
        is_webp.then_some(ImageFormat::WebP)
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Png => "PNG",
            ImageFormat::WebP => "WebP",
        })
    }
}

/// A decoded image: 8-bit levels, row by row, channels innermost.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    width: usize,
    height: usize,
    channels: usize,
    levels: Vec<u8>,
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({}x{}x{})", self.width, self.height, self.channels)
    }
}

impl Pixels {
    /// An image of `height` × `width` pixels with 1 (gray) or 3 (red, green, blue) channels, or
    /// `None` when `levels` is not `height × width × channels` long.
    pub fn new(width: usize, height: usize, channels: usize, levels: Vec<u8>) -> Option<Pixels> {
        let count = width.checked_mul(height)?.checked_mul(channels)?;
        let is_whole = matches!(channels, 1 | 3) && count > 0 && levels.len() == count;
        is_whole.then_some(Pixels { width, height, channels, levels })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 (gray) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The levels, `[height, width, channels]`.
    pub fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// The image with the channels that a recipe of this color reads. A gray image stays gray:
    /// its channel is read three times when the tensor is written.
    pub(crate) fn into_channels_of(self, color: Color) -> Pixels {
        match color {
            Color::Gray if self.channels == 3 => {
                let levels = self.levels.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect();
                Pixels { channels: 1, levels, ..self }
            }
            Color::Gray | Color::Rgb | Color::Bgr => self,
        }
    }
}

/// ITU-R 601-2 luma in 16-bit fixed point, the constants and rounding of Pillow's `convert("L")`.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471;
    // The weights sum to 65536, so the quotient never exceeds 255.
    ((sum + 0x8000) >> 16) as u8
}

/// Decodes a JPEG, PNG or WebP image.
///
/// Errors: [`RecipeError::NotAnImage`], [`RecipeError::TooManyPixels`] before any pixel is
/// allocated, [`RecipeError::Unsupported`], [`RecipeError::Damaged`].
pub fn decode(encoded: &[u8], limits: &Limits) -> Result<Pixels, RecipeError> {
    let Some(format) = ImageFormat::sniff(encoded) else {
        let first_bytes = encoded[..encoded.len().min(12)].to_vec();
        return Err(RecipeError::NotAnImage { first_bytes, length: encoded.len() });
    };
    let source = Source { format, encoded, limits };
    // The decoders are fuzzed by their authors and by our tests; should one of them still panic
    // on hostile bytes, the request fails and the process does not. Nothing outlives the closure
    // but its result, so no broken state can be seen.
    catch_unwind(AssertUnwindSafe(|| match format {
        ImageFormat::Jpeg => jpeg::decode(&source),
        ImageFormat::Png => png::decode(&source),
        ImageFormat::WebP => webp::decode(&source),
    }))
    .unwrap_or_else(|_| Err(source.damaged("the decoder gave up on it")))
}

/// What each decoder is given.
struct Source<'a> {
    format: ImageFormat,
    encoded: &'a [u8],
    limits: &'a Limits,
}

impl Source<'_> {
    fn damaged(&self, reason: impl ToString) -> RecipeError {
        let reason = reason.to_string();
        RecipeError::Damaged { format: self.format, length: self.encoded.len(), reason }
    }

    fn unsupported(&self, what: impl ToString) -> RecipeError {
        RecipeError::Unsupported { format: self.format, what: what.to_string() }
    }

    fn check_header(&self, width: usize, height: usize) -> Result<(), RecipeError> {
        self.limits.check("in the header", width, height)
    }

    fn pixels(
        &self,
        width: usize,
        height: usize,
        channels: usize,
        levels: Vec<u8>,
    ) -> Result<Pixels, RecipeError> {
        Pixels::new(width, height, channels, levels)
            .ok_or_else(|| self.damaged("the decoder gave another number of pixels"))
    }
}

/// Drops every channel of a pixel beyond `kept`, in place.
fn drop_alpha(levels: &mut Vec<u8>, channels: usize, kept: usize) {
    let count = levels.len() / channels;
    for i in 1..count {
        levels.copy_within(i * channels..i * channels + kept, i * kept);
    }
    levels.truncate(count * kept);
}
