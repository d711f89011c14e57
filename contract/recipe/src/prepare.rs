//! Encoded image to tensor.

use crate::decode::decode;
use crate::resize::{self, Window};
use crate::{Color, Layout, Limits, Pixels, Recipe, RecipeError, ResizeTo, SampleType};
use tensor::{DType, Element, Tensor};

/// An element type that a tensor may be written in: `f32` or `u8`.
pub trait Sample: Element + sealed::Sealed {
    #[doc(hidden)]
    fn of(normalized: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for u8 {}
}

impl Sample for f32 {
    fn of(normalized: f64) -> f32 {
        normalized as f32
    }
}

impl Sample for u8 {
    /// Exact: a recipe of this type does not normalize.
    fn of(normalized: f64) -> u8 {
        normalized as u8
    }
}

impl Recipe {
    /// Decodes, resizes, crops and normalizes one image, within the default [`Limits`].
    ///
    /// Gives `[1, C, H, W]` or `[1, H, W, C]` by the recipe's layout. Each element is
    /// `(level - mean) / std` in binary64, rounded once to the tensor's type.
    pub fn prepare(&self, encoded: &[u8]) -> Result<Tensor, RecipeError> {
        self.prepare_within(encoded, &Limits::default())
    }

    /// As [`Recipe::prepare`], within the caller's limits.
    pub fn prepare_within(&self, encoded: &[u8], limits: &Limits) -> Result<Tensor, RecipeError> {
        let pixels = self.arrange(decode(encoded, limits)?, limits)?;
        let shape = self.shape_of(pixels.height(), pixels.width());
        let dtype = match self.dtype {
            SampleType::F32 => DType::F32,
            SampleType::U8 => DType::U8,
        };
        let refused = |_| RecipeError::TooManyPixels {
            stage: "in the tensor",
            width: pixels.width(),
            height: pixels.height(),
            limit: limits.max_pixels,
        };
        let mut tensor = Tensor::zeros(dtype, &shape).map_err(refused)?;
        match self.dtype {
            SampleType::F32 => {
                self.write(&pixels, tensor.as_mut_slice::<f32>().map_err(refused)?)?
            }
            SampleType::U8 => self.write(&pixels, tensor.as_mut_slice::<u8>().map_err(refused)?)?,
        }
        Ok(tensor)
    }

    /// As [`Recipe::prepare_within`], into the caller's buffer: one image's place in a batch.
    ///
    /// Errors besides the image's: the buffer has not as many elements as
    /// [`Recipe::output_shape`], or is not of the recipe's type.
    pub fn prepare_into<T: Sample>(
        &self,
        encoded: &[u8],
        limits: &Limits,
        out: &mut [T],
    ) -> Result<(), RecipeError> {
        let pixels = self.arrange(decode(encoded, limits)?, limits)?;
        self.write(&pixels, out)
    }

    /// Converts to gray if the recipe says so, resizes and crops: the 8-bit image that the
    /// tensor is written from.
    pub fn arrange(&self, pixels: Pixels, limits: &Limits) -> Result<Pixels, RecipeError> {
        self.validate()?;
        let pixels = pixels.into_channels_of(self.color);
        let from = (pixels.width(), pixels.height());
        let to = self.resize.as_ref().map_or(from, |resize| target_size(resize.to, from));
        let window = self.window(to)?;
        match &self.resize {
            Some(resize) if to != from => resize::resize(&pixels, to, &window, resize, limits),
            Some(_) | None => cropped(pixels, &window),
        }
    }

    /// The part of the resized image that the center crop keeps.
    fn window(&self, (width, height): (usize, usize)) -> Result<Window, RecipeError> {
        let Some(crop) = &self.crop else {
            return Ok(Window { columns: 0..width, rows: 0..height });
        };
        if crop.width > width || crop.height > height {
            let (crop_width, crop_height) = (crop.width, crop.height);
            return Err(RecipeError::CropOutside { width, height, crop_width, crop_height });
        }
        let start = |whole: usize, part: usize| crop.rounding.half(whole - part);
        let (left, top) = (start(width, crop.width), start(height, crop.height));
        Ok(Window { columns: left..left + crop.width, rows: top..top + crop.height })
    }

    /// Writes an arranged image as normalized samples in the recipe's layout.
    pub fn write<T: Sample>(&self, pixels: &Pixels, out: &mut [T]) -> Result<(), RecipeError> {
        self.validate()?;
        self.check_buffer(pixels, out)?;
        let channels = self.color.channels();
        // 8-bit levels take 256 values: each is normalized once, exactly rounded.
        let table = |channel: usize| -> [T; 256] {
            let pick = |list: &[f64]| list[channel.min(list.len() - 1)];
            let (mean, std) = (pick(&self.normalize.mean), pick(&self.normalize.std));
            std::array::from_fn(|level| T::of((level as f64 - mean) / std))
        };
        let plane = pixels.width() * pixels.height();
        for channel in 0..channels {
            let table = table(channel);
            let from = match (pixels.channels(), self.color) {
                (1, _) => 0,
                (_, Color::Bgr) => 2 - channel,
                (_, Color::Rgb | Color::Gray) => channel,
            };
            let levels = pixels.levels().chunks_exact(pixels.channels()).map(|p| p[from]);
            match self.layout {
                Layout::Nchw => {
                    let out = &mut out[channel * plane..(channel + 1) * plane];
                    out.iter_mut().zip(levels).for_each(|(o, l)| *o = table[usize::from(l)]);
                }
                Layout::Nhwc => {
                    let out = out.iter_mut().skip(channel).step_by(channels);
                    out.zip(levels).for_each(|(o, l)| *o = table[usize::from(l)]);
                }
            }
        }
        Ok(())
    }

    fn check_buffer<T: Sample>(&self, pixels: &Pixels, out: &[T]) -> Result<(), RecipeError> {
        let expected = match self.dtype {
            SampleType::F32 => DType::F32,
            SampleType::U8 => DType::U8,
        };
        if T::DTYPE != expected {
            return Err(RecipeError::BufferType { expected, found: T::DTYPE });
        }
        let shape = self.shape_of(pixels.height(), pixels.width());
        let expected = shape.iter().product();
        if out.len() != expected {
            return Err(RecipeError::BufferLength { shape, expected, found: out.len() });
        }
        Ok(())
    }
}

/// Width and height after a resize, by torchvision's rule for the longer side: truncated.
fn target_size(to: ResizeTo, (width, height): (usize, usize)) -> (usize, usize) {
    match to {
        ResizeTo::Exact { height, width } => (width, height),
        ResizeTo::Shortest(side) => {
            let (short, long) = (width.min(height), width.max(height));
            let scaled = side.saturating_mul(long) / short;
            if width <= height { (side, scaled) } else { (scaled, side) }
        }
    }
}

/// The window of an image that keeps its size.
fn cropped(pixels: Pixels, window: &Window) -> Result<Pixels, RecipeError> {
    let (width, height) = (window.columns.len(), window.rows.len());
    if (width, height) == (pixels.width(), pixels.height()) {
        return Ok(pixels);
    }
    let channels = pixels.channels();
    let mut levels = Vec::with_capacity(width * height * channels);
    let columns = window.columns.start * channels..window.columns.end * channels;
    let rows = pixels.levels().chunks_exact(pixels.width() * channels);
    for row in rows.skip(window.rows.start).take(height) {
        levels.extend_from_slice(&row[columns.clone()]);
    }
    Pixels::new(width, height, channels, levels).ok_or(RecipeError::CropOutside {
        width: pixels.width(),
        height: pixels.height(),
        crop_width: width,
        crop_height: height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crop, Rounding};

    #[test]
    fn crops_start_where_each_library_starts_them() {
        for (rounding, expected) in [
            // torchvision: [int(round(m / 2.0)) for m in range(8)]
            (Rounding::Even, [0, 0, 1, 2, 2, 2, 3, 4]),
            // transformers: [m // 2 for m in range(8)]
            (Rounding::Down, [0, 0, 1, 1, 2, 2, 3, 3]),
        ] {
            for (margin, start) in expected.into_iter().enumerate() {
                let crop = Some(Crop { rounding, ..Crop::new(5, 3) });
                let recipe = Recipe { crop, ..Recipe::default() };
                let window = recipe.window((3 + margin, 5 + margin)).unwrap();
                assert_eq!((window.columns.start, window.rows.start), (start, start), "{margin}");
            }
        }
    }

    #[test]
    fn the_longer_side_is_truncated() {
        let size = |w, h| target_size(ResizeTo::Shortest(256), (w, h));
        assert_eq!(size(500, 375), (341, 256));
        assert_eq!(size(375, 500), (256, 341));
        assert_eq!(size(64, 64), (256, 256));
    }
}
