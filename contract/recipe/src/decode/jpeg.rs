//! JPEG, by zune-jpeg.

use super::{Pixels, Source};
use crate::RecipeError;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

pub(super) fn decode(source: &Source<'_>) -> Result<Pixels, RecipeError> {
    // The format's own bound on a side; the pixel limit is what refuses large images.
    let side_max = usize::from(u16::MAX);
    let options = DecoderOptions::new_fast()
        .set_strict_mode(true)
        .set_max_width(side_max)
        .set_max_height(side_max)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(source.encoded), options);
    decoder.decode_headers().map_err(|e| refuse(source, &e))?;
    let info = decoder.info().ok_or_else(|| source.damaged("it has no frame header"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    source.check_header(width, height)?;
    let channels = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => {
            decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
            1
        }
        Some(ColorSpace::YCbCr | ColorSpace::RGB | ColorSpace::CMYK | ColorSpace::YCCK) => 3,
        other => return Err(source.unsupported(format!("color space {other:?}"))),
    };
    // The decoder reads missing bits in the last rows as zeros.
    if !reaches_end_marker(source.encoded) {
        return Err(source.damaged("it stops before its end marker"));
    }
    let levels = decoder.decode().map_err(|e| refuse(source, &e))?;
    source.pixels(width, height, channels, levels)
}

fn refuse(source: &Source<'_>, error: &DecodeErrors) -> RecipeError {
    match error {
        DecodeErrors::Unsupported(scheme) => source.unsupported(format!("{scheme:?}")),
        other => source.damaged(other),
    }
}

/// Does the image, and not a thumbnail inside it or something appended to it, have its end
/// marker? Walks the segments by their lengths, and scan data by its markers (ITU-T T.81, B.1).
fn reaches_end_marker(encoded: &[u8]) -> bool {
    let mut rest = encoded;
    loop {
        let Some(at) = rest.iter().position(|&b| b == 0xff) else { return false };
        let Some((&marker, after)) = rest[at + 1..].split_first() else { return false };
        match marker {
            0xd9 => return true,
            // Fill bytes may precede a marker.
            0xff => rest = &rest[at + 1..],
            // Without a length: a stuffed zero, TEM, restarts and the start of the image.
            0x00 | 0x01 | 0xd0..=0xd8 => rest = after,
            // A segment. The scan data after a start of scan is walked as the bytes between.
            _ => {
                let &[high, low, ..] = after else { return false };
                let length = usize::from(u16::from_be_bytes([high, low]));
                let Some(behind) = after.get(length.max(2)..) else { return false };
                rest = behind;
            }
        }
    }
}
