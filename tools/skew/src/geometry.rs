//! Which part of the image the tensor shows, and at what size: resize and crop.

use crate::resample::Sampling;
use recipe::{Pixels, Recipe, ResizeTo, Rounding};

/// The size rule of a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// The image keeps its size.
    Keep,
    /// The shorter side gets this many pixels.
    Shortest(usize),
    /// Both sides are stretched.
    Exact(usize, usize),
    /// The center of this height and width is cut out first, and stretched to the tensor.
    CropFirst(usize, usize),
}

/// Where the tensor's pixels are from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Geometry {
    pub(crate) size: Size,
    pub(crate) sampling: Sampling,
    /// Rows down and columns right of the center crop.
    pub(crate) offset: (isize, isize),
}

impl Size {
    /// Height and width after the resize of an image of `from` to a tensor of `target`.
    pub(crate) fn resized(self, from: (usize, usize), target: (usize, usize)) -> (usize, usize) {
        match self {
            Size::Keep => from,
            Size::Exact(height, width) => (height, width),
            Size::CropFirst(..) => target,
            Size::Shortest(side) => {
                let (short, long) = (from.0.min(from.1), from.0.max(from.1));
                // As the recipe has it: the longer side is truncated.
                let scaled = side.saturating_mul(long) / short.max(1);
                if from.1 <= from.0 { (scaled, side) } else { (side, scaled) }
            }
        }
    }

    /// Do both give the same pixels of an image of this size?
    pub(crate) fn is_same(self, other: Size, from: (usize, usize), target: (usize, usize)) -> bool {
        let is_cut = |size| match size {
            Size::CropFirst(height, width) if (height, width) != from => Some((height, width)),
            Size::CropFirst(..) | Size::Keep | Size::Shortest(_) | Size::Exact(..) => None,
        };
        is_cut(self) == is_cut(other) && self.resized(from, target) == other.resized(from, target)
    }

    pub(crate) fn name(self) -> String {
        match self {
            Size::Keep => "none".to_string(),
            Size::Shortest(side) => format!("shortest side {side}"),
            Size::Exact(height, width) => format!("stretched to {height}x{width}"),
            Size::CropFirst(height, width) => {
                format!("center {height}x{width} of the file, then stretched")
            }
        }
    }
}

/// What the recipe does, for a tensor of this size.
pub(crate) fn of_recipe(recipe: &Recipe) -> Geometry {
    let (size, sampling) = match &recipe.resize {
        None => (Size::Keep, Sampling::ALL[0]),
        Some(resize) => {
            let size = match resize.to {
                ResizeTo::Shortest(side) => Size::Shortest(side),
                ResizeTo::Exact { height, width } => Size::Exact(height, width),
            };
            (size, Sampling::Recipe(resize.filter, resize.antialias))
        }
    };
    Geometry { size, sampling, offset: (0, 0) }
}

/// First row and column of the center crop.
pub(crate) fn center(
    whole: (usize, usize),
    part: (usize, usize),
    rounding: Rounding,
) -> Option<(isize, isize)> {
    let start = |whole: usize, part: usize| -> Option<isize> {
        isize::try_from(rounding.half(whole.checked_sub(part)?)).ok()
    };
    Some((start(whole.0, part.0)?, start(whole.1, part.1)?))
}

/// The center of an image.
pub(crate) fn cut(pixels: &Pixels, (height, width): (usize, usize)) -> Option<Pixels> {
    let whole = (pixels.height(), pixels.width());
    let (top, left) = center(whole, (height, width), Rounding::default())?;
    let (top, left) = (top.unsigned_abs(), left.unsigned_abs());
    let channels = pixels.channels();
    let rows = pixels.levels().chunks_exact(pixels.width() * channels);
    let rows = rows.skip(top).take(height);
    let part = left * channels..(left + width) * channels;
    let levels = rows.flat_map(|row| row[part.clone()].iter().copied()).collect();
    Pixels::new(width, height, channels, levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_image_has_one_size_by_two_rules() {
        let (stretched, shortest) = (Size::Exact(32, 32), Size::Shortest(32));
        assert!(stretched.is_same(shortest, (50, 50), (32, 32)));
        assert!(!stretched.is_same(shortest, (50, 60), (32, 32)));
        assert!(!stretched.is_same(Size::CropFirst(50, 50), (50, 60), (32, 32)));
        assert!(Size::Keep.is_same(stretched, (32, 32), (32, 32)));
    }

    #[test]
    fn centers_are_those_of_the_recipe() {
        let start = |m: usize, rounding| center((100 + m, 100), (100, 100), rounding).unwrap().0;
        let starts: Vec<_> = (0..6).map(|m| start(m, Rounding::Even)).collect();
        assert_eq!(starts, [0, 0, 1, 2, 2, 2]);
        assert_eq!(start(3, Rounding::Down), 1);
        assert_eq!(center((99, 100), (100, 100), Rounding::Even), None);
        let pixels = Pixels::new(4, 2, 1, vec![0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
        assert_eq!(cut(&pixels, (2, 2)).unwrap().levels(), [1, 2, 5, 6]);
    }
}
