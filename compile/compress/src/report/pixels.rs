//! A picture of pixels that charts are drawn on. Letters are from a font of pixels: the file of a
//! scalable one would be larger than this crate.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
};
use std::convert::Infallible;

const WEIGHT: FontWeight = FontWeight::Regular;
const HEIGHT: RasterHeight = RasterHeight::Size16;

/// Pixels in red, green and blue, row by row, white at first.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

impl Pixels {
    pub(super) fn new(width: u32, height: u32) -> Pixels {
        Pixels { width, height, rgb: vec![255; 3 * (width * height) as usize] }
    }

    /// The picture as a file.
    pub(super) fn encode(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(file)
    }
}

/// Drawing on the pixels that lie in memory cannot fail.
type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for &mut Pixels {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return Ok(()) };
        if x >= self.width || y >= self.height {
            return Ok(());
        }
        let at = 3 * (y * self.width + x) as usize;
        let (r, g, b) = color.rgb;
        for (pixel, new) in self.rgb[at..at + 3].iter_mut().zip([r, g, b]) {
            let mixed = f64::from(*pixel) * (1.0 - color.alpha) + f64::from(new) * color.alpha;
            *pixel = mixed.round() as u8;
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let (width, height) = size(text);
        let before_x = match style.anchor().h_pos {
            HPos::Left => 0,
            HPos::Center => width / 2,
            HPos::Right => width,
        };
        let before_y = match style.anchor().v_pos {
            VPos::Top => 0,
            VPos::Center => height / 2,
            VPos::Bottom => height,
        };
        let transform = style.transform();
        for (at, letter) in text.chars().enumerate() {
            let raster =
                get_raster(letter, WEIGHT, HEIGHT).or_else(|| get_raster('?', WEIGHT, HEIGHT));
            let Some(raster) = raster else { continue };
            let left = (at * raster.width()) as i32 - before_x;
            for (row, line) in raster.rows().enumerate() {
                for (column, &cover) in line.iter().enumerate().filter(|(_, cover)| **cover > 0) {
                    let (dx, dy) = (left + column as i32, row as i32 - before_y);
                    let (dx, dy) = transform.transform(dx, dy);
                    let color = style.color().mix(f64::from(cover) / 255.0);
                    self.draw_pixel((x + dx, y + dy), color)?;
                }
            }
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let (width, height) = size(text);
        Ok(match style.transform() {
            FontTransform::None | FontTransform::Rotate180 => (width as u32, height as u32),
            FontTransform::Rotate90 | FontTransform::Rotate270 => (height as u32, width as u32),
        })
    }
}

fn size(text: &str) -> (i32, i32) {
    let width = text.chars().count() * get_raster_width(WEIGHT, HEIGHT);
    (width as i32, HEIGHT.val() as i32)
}
