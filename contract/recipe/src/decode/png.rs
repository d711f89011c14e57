//! PNG, by the png crate.

use super::{Pixels, Source, drop_alpha};
use crate::RecipeError;
use png::{ColorType, Decoder, Transformations};
use std::io::Cursor;

pub(super) fn decode(source: &Source<'_>) -> Result<Pixels, RecipeError> {
    let mut decoder = Decoder::new(Cursor::new(source.encoded));
    decoder.set_transformations(Transformations::normalize_to_color8());
    // Both may be compressed far beyond the pixels, and neither changes them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(|e| source.damaged(e))?;
    let (width, height) = (header.width as usize, header.height as usize);
    source.check_header(width, height)?;
    let mut reader = decoder.read_info().map_err(|e| source.damaged(e))?;
    let size = reader.output_buffer_size().ok_or_else(|| source.damaged("its size overflows"))?;
    let mut levels = vec![0; size];
    reader.next_frame(&mut levels).map_err(|e| source.damaged(e))?;
    let channels = match reader.output_color_type().0 {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => {
            drop_alpha(&mut levels, 2, 1);
            1
        }
        ColorType::Rgb => 3,
        ColorType::Rgba => {
            drop_alpha(&mut levels, 4, 3);
            3
        }
        ColorType::Indexed => return Err(source.damaged("its palette is missing")),
    };
    source.pixels(width, height, channels, levels)
}
