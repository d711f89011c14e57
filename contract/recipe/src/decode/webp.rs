//! WebP, by image-webp.

use super::{Pixels, Source, drop_alpha};
use crate::RecipeError;
use image_webp::{DecodingError, WebPDecoder};
use std::io::Cursor;

pub(super) fn decode(source: &Source<'_>) -> Result<Pixels, RecipeError> {
    check_length(source)?;
    check_frames(source)?;
    let mut decoder =
        WebPDecoder::new(Cursor::new(source.encoded)).map_err(|e| refuse(source, e))?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    source.check_header(width, height)?;
    decoder.set_memory_limit(source.limits.max_pixels.saturating_mul(4));
    let size = decoder.output_buffer_size().ok_or_else(|| source.damaged("its size overflows"))?;
    let mut levels = vec![0; size];
    decoder.read_image(&mut levels).map_err(|e| refuse(source, e))?;
    if decoder.has_alpha() {
        drop_alpha(&mut levels, 4, 3);
    }
    source.pixels(width, height, 3, levels)
}

/// The file's own length is in its header (RFC 9649, 2.4); the decoder does not miss the last
/// bytes of a lossy frame. The padding byte of an odd last chunk may be absent.
fn check_length(source: &Source<'_>) -> Result<(), RecipeError> {
    let &[l0, l1, l2, l3] = source.encoded.get(4..8).unwrap_or_default() else {
        return Err(source.damaged("it stops inside its header"));
    };
    let claimed = u64::from(u32::from_le_bytes([l0, l1, l2, l3])) + 8;
    if source.encoded.len() as u64 + 1 < claimed {
        return Err(source.damaged(format!("its header says {claimed} bytes")));
    }
    Ok(())
}

/// Checks the sizes that the frames inside an extended file claim: the decoder allocates by
/// them before it compares them with the canvas.
fn check_frames(source: &Source<'_>) -> Result<(), RecipeError> {
    // A chunk is four letters, a length and its bytes, padded to an even count (RFC 9649, 2.3).
    let mut rest = source.encoded.get(12..).unwrap_or_default();
    while let Some((head, body)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let size = match &head[..4] {
            b"VP8 " => lossy_size(body),
            b"VP8L" => lossless_size(body),
            _ => None,
        };
        if let Some((width, height)) = size {
            source.check_header(width, height)?;
        }
        // An animation frame holds chunks of its own, after 16 bytes of placement.
        let step = if &head[..4] == b"ANMF" { 16 } else { length.next_multiple_of(2) };
        rest = body.get(step..).unwrap_or_default();
    }
    Ok(())
}

/// 14 bits each after the 3-byte frame tag and 3-byte start code (RFC 6386, 9.1).
fn lossy_size(body: &[u8]) -> Option<(usize, usize)> {
    let &[w0, w1, h0, h1] = body.get(6..10)? else { return None };
    let side = |low, high| usize::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((side(w0, w1), side(h0, h1)))
}

/// 14 bits each, minus one, after the signature byte (RFC 9649, 3.4).
fn lossless_size(body: &[u8]) -> Option<(usize, usize)> {
    let &[b0, b1, b2, b3] = body.get(1..5)? else { return None };
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    Some(((bits & 0x3fff) as usize + 1, ((bits >> 14) & 0x3fff) as usize + 1))
}

fn refuse(source: &Source<'_>, error: DecodingError) -> RecipeError {
    match error {
        DecodingError::UnsupportedFeature(what) => source.unsupported(what),
        other => source.damaged(other),
    }
}
