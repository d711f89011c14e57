//! An image as numbers: levels, 0 to 255, that need not be whole.

use recipe::Pixels;

/// Levels of one image, channels innermost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Levels {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) values: Vec<f32>,
}

/// Red, green and blue, and the luma of them, of each pixel.
pub(crate) const SOURCES: usize = 4;

impl Levels {
    pub(crate) fn of(pixels: &Pixels) -> Levels {
        Levels {
            height: pixels.height(),
            width: pixels.width(),
            channels: pixels.channels(),
            values: pixels.levels().iter().map(|&level| f32::from(level)).collect(),
        }
    }

    /// The part of this size from this row and column on, or `None` where it leaves the image.
    pub(crate) fn window(
        &self,
        (top, left): (isize, isize),
        (height, width): (usize, usize),
    ) -> Option<Levels> {
        let (top, left) = (usize::try_from(top).ok()?, usize::try_from(left).ok()?);
        if top + height > self.height || left + width > self.width {
            return None;
        }
        let mut values = Vec::with_capacity(height * width * self.channels);
        for row in top..top + height {
            let start = (row * self.width + left) * self.channels;
            values.extend_from_slice(&self.values[start..start + width * self.channels]);
        }
        Some(Levels { height, width, channels: self.channels, values })
    }

    /// Red, green, blue and luma of one pixel.
    pub(crate) fn sources(&self, pixel: usize) -> [f32; SOURCES] {
        let at = pixel * self.channels;
        if self.channels == 1 {
            return [self.values[at]; SOURCES];
        }
        let [r, g, b] = [self.values[at], self.values[at + 1], self.values[at + 2]];
        // ITU-R 601, as the recipe has it, not rounded.
        [r, g, b, 0.299 * r + 0.587 * g + 0.114 * b]
    }

    /// The plane of one source.
    pub(crate) fn plane(&self, source: usize) -> Vec<f32> {
        (0..self.height * self.width).map(|pixel| self.sources(pixel)[source]).collect()
    }
}

/// Are the channels of every pixel the same?
pub(crate) fn is_gray(pixels: &Pixels) -> bool {
    let mut all = pixels.levels().chunks_exact(pixels.channels());
    all.all(|pixel| pixel.iter().all(|level| *level == pixel[0]))
}
