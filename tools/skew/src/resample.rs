//! Resizes that trainers use and no recipe has, in floating point: they are recognized, not run.

use crate::levels::Levels;
use recipe::{Filter, Limits, Pixels, Recipe, Resize, ResizeTo};

/// How pixels become the pixels of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// One that a recipe has.
    Recipe(Filter, bool),
    /// The mean of what each pixel covers: OpenCV's `INTER_AREA`, TensorFlow's `area`.
    Area,
    /// The pixel at `floor(x × scale)`: OpenCV's `INTER_NEAREST`, torch's `nearest`.
    NearestCorner,
    /// Bilinear at `x × scale`, no half pixel: TensorFlow 1 as it is by itself.
    BilinearCorner,
    /// Bilinear with the corners laid onto each other: `align_corners = True`.
    BilinearAligned,
}

impl Sampling {
    /// Every one, those that a recipe has first.
    pub(crate) const ALL: [Sampling; 13] = [
        Sampling::Recipe(Filter::Bilinear, true),
        Sampling::Recipe(Filter::Bilinear, false),
        Sampling::Recipe(Filter::Bicubic, true),
        Sampling::Recipe(Filter::Bicubic, false),
        Sampling::Recipe(Filter::SharpBicubic, false),
        Sampling::Recipe(Filter::SharpBicubic, true),
        Sampling::Recipe(Filter::Lanczos, true),
        Sampling::Recipe(Filter::Lanczos, false),
        Sampling::Recipe(Filter::Nearest, true),
        Sampling::Area,
        Sampling::NearestCorner,
        Sampling::BilinearCorner,
        Sampling::BilinearAligned,
    ];

    /// What it is called, and who does so where that is not plain.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sampling::Recipe(Filter::Bilinear, _) => "bilinear",
            Sampling::Recipe(Filter::Bicubic, _) => "bicubic",
            Sampling::Recipe(Filter::SharpBicubic, _) => "sharp-bicubic",
            Sampling::Recipe(Filter::Lanczos, _) => "lanczos",
            Sampling::Recipe(Filter::Nearest, _) => "nearest",
            Sampling::Area => "area (OpenCV's INTER_AREA)",
            Sampling::NearestCorner => "nearest by corners (OpenCV's INTER_NEAREST, torch)",
            Sampling::BilinearCorner => "bilinear by corners (TensorFlow 1)",
            Sampling::BilinearAligned => "bilinear with align_corners",
        }
    }

    /// Is it antialiased? `None` where that is no question.
    pub(crate) fn antialias(self) -> Option<bool> {
        match self {
            Sampling::Recipe(Filter::Nearest, _) | Sampling::NearestCorner | Sampling::Area => None,
            Sampling::Recipe(_, antialias) => Some(antialias),
            Sampling::BilinearCorner | Sampling::BilinearAligned => Some(false),
        }
    }

    /// Resizes to this height and width, or `None` where this way does not go there, or a recipe
    /// may not.
    pub(crate) fn resize(
        self,
        pixels: &Pixels,
        (height, width): (usize, usize),
        limits: &Limits,
    ) -> Option<Levels> {
        let from = (pixels.height(), pixels.width());
        if let Sampling::Recipe(filter, antialias) = self {
            let to = ResizeTo::Exact { height, width };
            let resize = Some(Resize { to, filter, antialias });
            let recipe = Recipe { resize, ..Recipe::default() };
            return recipe.arrange(pixels.clone(), limits).ok().map(|pixels| Levels::of(&pixels));
        }
        let rows = (0..height).map(|y| self.taps(y, from.0, height)).collect::<Option<Vec<_>>>()?;
        let columns =
            (0..width).map(|x| self.taps(x, from.1, width)).collect::<Option<Vec<_>>>()?;
        Some(weighed(pixels, &rows, &columns))
    }

    /// The first input and the weights from there on, of one output along one axis.
    fn taps(self, output: usize, from: usize, to: usize) -> Option<(usize, Vec<f32>)> {
        let scale = from as f64 / to as f64;
        let between = |at: f64| {
            let first = (at.floor() as usize).min(from - 1);
            let part = (at - first as f64) as f32;
            let weights = if first + 1 < from { vec![1.0 - part, part] } else { vec![1.0] };
            Some((first, weights))
        };
        match self {
            Sampling::Recipe(..) => None,
            Sampling::NearestCorner => {
                Some((((output as f64 * scale) as usize).min(from - 1), vec![1.0]))
            }
            Sampling::BilinearCorner => between(output as f64 * scale),
            Sampling::BilinearAligned if to > 1 => {
                between(output as f64 * (from - 1) as f64 / (to - 1) as f64)
            }
            Sampling::BilinearAligned => None,
            Sampling::Area if scale < 1.0 => None,
            Sampling::Area => {
                let (start, end) = (output as f64 * scale, (output + 1) as f64 * scale);
                let first = start as usize;
                let last = (end.ceil() as usize).min(from);
                let covered = |i: usize| (end.min((i + 1) as f64) - start.max(i as f64)) / scale;
                Some((first, (first..last).map(|i| covered(i) as f32).collect()))
            }
        }
    }
}

type Taps = (usize, Vec<f32>);

fn weighed(pixels: &Pixels, rows: &[Taps], columns: &[Taps]) -> Levels {
    let (channels, stride) = (pixels.channels(), pixels.width() * pixels.channels());
    let mut values = Vec::with_capacity(rows.len() * columns.len() * channels);
    let mut line = vec![0.0f32; stride];
    for (top, row_weights) in rows {
        line.fill(0.0);
        let inputs = pixels.levels()[top * stride..].chunks_exact(stride);
        for (input, &weight) in inputs.zip(row_weights) {
            for (sum, &level) in line.iter_mut().zip(input) {
                *sum += weight * f32::from(level);
            }
        }
        for (left, weights) in columns {
            for channel in 0..channels {
                let along = line[left * channels + channel..].iter().step_by(channels);
                values.push(along.zip(weights).map(|(level, weight)| level * weight).sum());
            }
        }
    }
    Levels { height: rows.len(), width: columns.len(), channels, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_sampled_where_each_way_says() {
        let ramp = Pixels::new(9, 1, 1, (0..9u8).map(|x| 10 * x).collect()).unwrap();
        for (sampling, expected) in [
            (Sampling::Area, vec![10.0, 40.0, 70.0]),
            (Sampling::NearestCorner, vec![0.0, 30.0, 60.0]),
            (Sampling::BilinearCorner, vec![0.0, 30.0, 60.0]),
            (Sampling::BilinearAligned, vec![0.0, 40.0, 80.0]),
        ] {
            let found = sampling.resize(&ramp, (1, 3), &Limits::default());
            let expected = (sampling != Sampling::BilinearAligned).then_some(expected);
            // One row cannot have two corners.
            assert_eq!(found.map(|levels| levels.values), expected, "{sampling:?}");
        }
    }

    #[test]
    fn aligned_corners_keep_the_corners() {
        let square = Pixels::new(3, 3, 1, vec![0, 10, 20, 30, 40, 50, 60, 70, 80]).unwrap();
        let found = Sampling::BilinearAligned.resize(&square, (2, 5), &Limits::default());
        let expected = [0.0, 5.0, 10.0, 15.0, 20.0, 60.0, 65.0, 70.0, 75.0, 80.0];
        assert_eq!(found.unwrap().values, expected);
    }
}
