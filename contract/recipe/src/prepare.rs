//! Encoded image to tensor.

use crate::decode::decode;
use crate::{
    Color, Crop, Filter, Layout, Limits, Pixels, Recipe, RecipeError, ResizeTo, SampleType,
};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
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
        let mut pixels = pixels.into_channels_of(self.color);
        if let Some(resize) = &self.resize {
            let (width, height) = target_size(resize.to, pixels.width(), pixels.height());
            pixels = resized(pixels, width, height, resize.filter, limits)?;
        }
        match &self.crop {
            Some(crop) => center_cropped(pixels, crop),
            None => Ok(pixels),
        }
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
fn target_size(to: ResizeTo, width: usize, height: usize) -> (usize, usize) {
    match to {
        ResizeTo::Exact { height, width } => (width, height),
        ResizeTo::Shortest(side) => {
            let (short, long) = (width.min(height), width.max(height));
            let scaled = side.saturating_mul(long) / short;
            if width <= height { (side, scaled) } else { (scaled, side) }
        }
    }
}

fn resized(
    pixels: Pixels,
    width: usize,
    height: usize,
    filter: Filter,
    limits: &Limits,
) -> Result<Pixels, RecipeError> {
    if (width, height) == (pixels.width(), pixels.height()) {
        return Ok(pixels);
    }
    // The result, and whichever half-resized image comes between: a strip one pixel wide and
    // millions high would make either huge.
    limits.check("after the resize", width, height)?;
    limits.check("inside the resize", width, pixels.height())?;
    limits.check("inside the resize", pixels.width(), height)?;
    let stage = "in a side after the resize";
    let refused = || RecipeError::TooManyPixels { stage, width, height, limit: u32::MAX as usize };
    let side = |n: usize| u32::try_from(n).map_err(|_| refused());
    let kind = if pixels.channels() == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let (from_width, from_height) = (side(pixels.width())?, side(pixels.height())?);
    let from =
        ImageRef::new(from_width, from_height, pixels.levels(), kind).map_err(|_| refused())?;
    let mut to = Image::new(side(width)?, side(height)?, kind);
    let algorithm = match filter {
        Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Filter::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        Filter::Nearest => ResizeAlg::Nearest,
    };
    let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    Resizer::new().resize(&from, &mut to, &options).map_err(|_| refused())?;
    Pixels::new(width, height, pixels.channels(), to.into_vec()).ok_or_else(refused)
}

fn center_cropped(pixels: Pixels, crop: &Crop) -> Result<Pixels, RecipeError> {
    let (width, height) = (pixels.width(), pixels.height());
    let outside = || RecipeError::CropOutside {
        width,
        height,
        crop_width: crop.width,
        crop_height: crop.height,
    };
    if crop.width > width || crop.height > height {
        return Err(outside());
    }
    if (crop.width, crop.height) == (width, height) {
        return Ok(pixels);
    }
    let (left, top) = (crop_start(width, crop.width), crop_start(height, crop.height));
    let channels = pixels.channels();
    let mut levels = Vec::with_capacity(crop.width * crop.height * channels);
    for row in pixels.levels().chunks_exact(width * channels).skip(top).take(crop.height) {
        levels.extend_from_slice(&row[left * channels..(left + crop.width) * channels]);
    }
    Pixels::new(crop.width, crop.height, channels, levels).ok_or_else(outside)
}

/// `round((whole - part) / 2)`, ties to even, as Python rounds.
fn crop_start(whole: usize, part: usize) -> usize {
    let margin = whole - part;
    // An odd margin lies between margin / 2 and the next: take the even one.
    margin / 2 + (margin % 2) * (margin / 2 % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_starts_are_those_of_torchvision() {
        // Python: [round(m / 2.0) for m in range(8)] == [0, 0, 1, 2, 2, 2, 3, 4]
        let starts: Vec<_> = (0..8).map(|margin| crop_start(100 + margin, 100)).collect();
        assert_eq!(starts, [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn the_longer_side_is_truncated() {
        let size = |w, h| target_size(ResizeTo::Shortest(256), w, h);
        assert_eq!(size(500, 375), (341, 256));
        assert_eq!(size(375, 500), (256, 341));
        assert_eq!(size(64, 64), (256, 256));
    }
}
