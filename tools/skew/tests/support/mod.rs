//! Images, and what a trainer makes of them.

#![allow(dead_code, reason = "each test file uses its part of the support")]

use recipe::decode::decode;
use recipe::{Layout, Limits, Pixels, Recipe, SampleType};
use skew::{Comparison, Step, Trainer};
use tensor::DType;

/// What a trainer saved.
#[derive(Clone)]
pub(crate) struct Fed {
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    pub(crate) values: Vec<f64>,
}

impl Fed {
    /// What a recipe makes.
    pub(crate) fn of(recipe: &Recipe, image: &[u8]) -> Fed {
        let tensor = recipe.prepare(image).unwrap();
        let values = match recipe.dtype {
            SampleType::F32 => {
                tensor.as_slice::<f32>().unwrap().iter().map(|&v| v.into()).collect()
            }
            SampleType::U8 => tensor.as_slice::<u8>().unwrap().iter().map(|&v| v.into()).collect(),
        };
        Fed { shape: tensor.shape().to_vec(), dtype: tensor.dtype(), values }
    }

    /// Each element of `[1, C, H, W]` from another place: channel, row, column.
    pub(crate) fn moved(
        &self,
        shape: [usize; 4],
        from: impl Fn(usize, usize, usize) -> (usize, usize, usize),
    ) -> Fed {
        let [_, channels, height, width] = shape;
        let (h, w) = (self.shape[2], self.shape[3]);
        let mut values = Vec::new();
        for c in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    let (c, y, x) = from(c, y, x);
                    values.push(self.values[(c * h + y) * w + x]);
                }
            }
        }
        Fed { shape: shape.to_vec(), values, ..self.clone() }
    }

    /// Every element by its channel, of `[1, C, H, W]`.
    pub(crate) fn mapped(&self, to: impl Fn(usize, f64) -> f64) -> Fed {
        let plane = self.shape[2] * self.shape[3];
        let values = self.values.iter().enumerate().map(|(i, &v)| to(i / plane, v)).collect();
        Fed { values, ..self.clone() }
    }

    pub(crate) fn compare(&self, image: &[u8], recipe: &Recipe) -> Comparison {
        let trainer = Trainer::new(&self.shape, self.dtype, &self.values, Layout::Nchw).unwrap();
        skew::compare(image, &trainer, recipe, &Limits::default()).unwrap()
    }
}

/// Requires exactly these steps to be named.
#[track_caller]
pub(crate) fn check(name: &str, fed: &Fed, image: &[u8], recipe: &Recipe, steps: &[Step]) {
    let start = std::time::Instant::now();
    let found = fed.compare(image, recipe);
    let guilty: Vec<Step> = found.guilty().collect();
    eprintln!("{name}: {:.1} s\n{found}", start.elapsed().as_secs_f64());
    assert_eq!(guilty, steps, "{name}\n{found}");
}

/// A structured picture as a PNG: smooth colors, edges in every direction, fine texture.
pub(crate) fn drawn(width: usize, height: usize) -> Vec<u8> {
    let mut levels = Vec::with_capacity(width * height * 3);
    let mut random = 12345u32;
    for y in 0..height {
        for x in 0..width {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 24) / 8.0;
            let (u, v) = (x as f64 / width as f64, y as f64 / height as f64);
            let disc = |cx: f64, cy: f64, r: f64| (u - cx).hypot((v - cy) * 0.8) < r;
            let stripes = ((u * 37.0 + v * 23.0).sin() * 3.0).clamp(-1.0, 1.0) * 25.0;
            let mut color = [
                200.0 * u + stripes,
                180.0 * v * v + 40.0 * (u * 19.0).cos() + 30.0,
                120.0 + 90.0 * (3.0 * u - 5.0 * v).sin() - stripes,
            ];
            if disc(0.3, 0.4, 0.18) {
                color = [235.0 - 60.0 * v, 70.0 + 90.0 * u, 30.0];
            }
            if disc(0.7, 0.25, 0.1) {
                color = [20.0, 60.0, 190.0];
            }
            if (0.55..0.8).contains(&u) && (0.6..0.75).contains(&v) {
                color = [240.0, 235.0, 220.0 - 100.0 * u];
            }
            levels.extend(color.map(|c| (c + noise).clamp(0.0, 255.0) as u8));
        }
    }
    encoded(width, height, &levels)
}

pub(crate) fn encoded(width: usize, height: usize, levels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    let color = if levels.len() == width * height {
        png::ColorType::Grayscale
    } else {
        png::ColorType::Rgb
    };
    encoder.set_color(color);
    encoder.write_header().unwrap().write_image_data(levels).unwrap();
    bytes
}

pub(crate) fn pixels(image: &[u8]) -> Pixels {
    decode(image, &Limits::default()).unwrap()
}

/// The upper left part of an image as a PNG.
pub(crate) fn part(image: &[u8], height: usize, width: usize) -> Vec<u8> {
    let whole = pixels(image);
    let rows = whole.levels().chunks_exact(whole.width() * whole.channels()).take(height);
    let levels: Vec<u8> =
        rows.flat_map(|row| row[..width * whole.channels()].iter().copied()).collect();
    encoded(width, height, &levels)
}
