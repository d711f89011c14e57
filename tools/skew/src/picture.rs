//! Ours, the trainer's and the difference side by side.

use crate::compare::Own;
use crate::normalization::Normalization;
use crate::{SkewError, Trainer};
use recipe::Color;

/// Pixels between the pictures.
const GAP: usize = 4;

/// By how much differences are brightened: four levels are to be seen.
const GAIN: f32 = 8.0;

const WHITE: [u8; 3] = [255; 3];

/// A PNG: the recipe's tensor, the trainer's, and where both have one size how they differ. Numbers
/// are carried back to levels by the recipe's mean and deviation, so that a wrong one shows.
pub(crate) fn draw(
    own: Option<&Own>,
    normalization: &Normalization,
    trainer: &Trainer,
    color: Color,
) -> Result<Vec<u8>, SkewError> {
    let level = |channel: usize, number: f32| -> f32 {
        let channel = channel.min(normalization.mean.len() - 1);
        let (mean, std) = (normalization.mean[channel], normalization.std[channel]);
        (f64::from(number) * std + mean) as f32
    };
    let panel = |planes: &[Vec<f32>], size: (usize, usize)| Panel {
        size,
        is_bgr: color == Color::Bgr,
        planes: planes
            .iter()
            .enumerate()
            .map(|(c, plane)| plane.iter().map(|&n| level(c, n)).collect())
            .collect(),
    };
    let theirs = panel(&trainer.planes, trainer.size());
    let ours = own.map(|own| panel(&own.planes, (own.height, own.width)));
    let difference = ours.as_ref().and_then(|ours| ours.difference(&theirs));
    let panels: Vec<Panel> = ours.into_iter().chain([theirs]).chain(difference).collect();
    encode(&panels)
}

struct Panel {
    /// Height and width.
    size: (usize, usize),
    is_bgr: bool,
    planes: Vec<Vec<f32>>,
}

impl Panel {
    fn difference(&self, other: &Panel) -> Option<Panel> {
        if self.size != other.size || self.planes.len() != other.planes.len() {
            return None;
        }
        let distance = |(a, b): (&f32, &f32)| (a - b).abs() * GAIN;
        let both = self.planes.iter().zip(&other.planes);
        let planes = both.map(|(a, b)| a.iter().zip(b).map(distance).collect()).collect();
        Some(Panel { planes, ..*self })
    }

    fn color(&self, row: usize, column: usize) -> [u8; 3] {
        let (height, width) = self.size;
        if row >= height || column >= width {
            return WHITE;
        }
        std::array::from_fn(|channel| {
            let channel = if self.is_bgr { 2 - channel } else { channel };
            let plane = &self.planes[channel.min(self.planes.len() - 1)];
            plane[row * width + column].round().clamp(0.0, 255.0) as u8
        })
    }
}

fn encode(panels: &[Panel]) -> Result<Vec<u8>, SkewError> {
    let height = panels.iter().map(|panel| panel.size.0).max().unwrap_or(1);
    let gaps = GAP * panels.len().saturating_sub(1);
    let width: usize = panels.iter().map(|panel| panel.size.1).sum::<usize>() + gaps;
    let mut rgb = Vec::with_capacity(3 * height * width);
    for row in 0..height {
        for (at, panel) in panels.iter().enumerate() {
            let gap = if at == 0 { 0 } else { GAP };
            rgb.extend(WHITE.repeat(gap));
            rgb.extend((0..panel.size.1).flat_map(|column| panel.color(row, column)));
        }
    }
    let failed = |error: png::EncodingError| SkewError::Picture(error.to_string());
    let side = |n: usize| u32::try_from(n).map_err(|error| SkewError::Picture(error.to_string()));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}
