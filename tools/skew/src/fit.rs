//! How the trainer's numbers are made of levels: a scale and a shift for each channel.

use crate::channels::Channels;
use crate::levels::{Levels, SOURCES};
use serde::Serialize;

/// Pixels that a first look takes; a fit of two numbers needs no more.
const SAMPLES: usize = 4096;

/// A spread of levels below which an image shows nothing.
const VARIANCE_MIN: f64 = 1e-3;

/// How far two tensors are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// On average.
    pub mean: f64,
    /// For 99 of 100 elements at most.
    pub most: f64,
    /// The largest.
    pub max: f64,
}

impl Difference {
    /// Of these distances, which are at least 0.
    pub(crate) fn of(mut distances: Vec<f32>) -> Difference {
        if distances.is_empty() {
            return Difference { mean: 0.0, most: 0.0, max: 0.0 };
        }
        let mean = distances.iter().map(|&d| f64::from(d)).sum::<f64>() / distances.len() as f64;
        let max = f64::from(distances.iter().copied().fold(0.0, f32::max));
        let at = (distances.len() - 1) * 99 / 100;
        let (_, most, _) = distances.select_nth_unstable_by(at, f32::total_cmp);
        Difference { mean, most: f64::from(*most), max }
    }
}

/// `number = scale × level + shift`, found where levels have this middle and spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    pub(crate) scale: f64,
    pub(crate) shift: f64,
    pub(crate) middle: f64,
    pub(crate) spread: f64,
}

impl Affine {
    /// The level that became this number.
    fn level(self, number: f32) -> f32 {
        ((f64::from(number) - self.shift) / self.scale) as f32
    }

    /// As the recipe has it: subtracted, and divided by, in levels.
    pub(crate) fn mean_and_std(self) -> (f64, f64) {
        (-self.shift / self.scale, 1.0 / self.scale)
    }
}

/// Sums over pixels of levels, of the trainer's numbers, and of their products.
pub(crate) struct Moments {
    count: f64,
    levels: [f64; SOURCES],
    squares: [f64; SOURCES],
    planes: Vec<PlaneMoments>,
}

#[derive(Default)]
struct PlaneMoments {
    sum: f64,
    squares: f64,
    products: [f64; SOURCES],
}

impl Moments {
    pub(crate) fn new(levels: &Levels, planes: &[Vec<f32>]) -> Moments {
        let pixels = levels.height * levels.width;
        // Odd, so that it does not run down one column.
        let step = (pixels / SAMPLES).max(1) | 1;
        let mut moments = Moments {
            count: 0.0,
            levels: [0.0; SOURCES],
            squares: [0.0; SOURCES],
            planes: planes.iter().map(|_| PlaneMoments::default()).collect(),
        };
        for pixel in (0..pixels).step_by(step) {
            let sources = levels.sources(pixel).map(f64::from);
            moments.count += 1.0;
            for (source, level) in sources.into_iter().enumerate() {
                moments.levels[source] += level;
                moments.squares[source] += level * level;
            }
            for (sums, plane) in moments.planes.iter_mut().zip(planes) {
                let number = f64::from(plane[pixel]);
                sums.sum += number;
                sums.squares += number * number;
                for (product, level) in sums.products.iter_mut().zip(sources) {
                    *product += number * level;
                }
            }
        }
        moments
    }

    /// How far, in levels, the trainer's channels are from these, each scaled and shifted as fits
    /// best: root of the mean square, averaged over channels.
    pub(crate) fn distance(&self, channels: Channels) -> f64 {
        let shown = channels.shown().iter().zip(&self.planes);
        let sum: f64 = shown.map(|(&source, plane)| self.distance_of(source, plane)).sum();
        sum / self.planes.len() as f64
    }

    /// The least over all orders of channels.
    pub(crate) fn least_distance(&self) -> f64 {
        Channels::of_count(self.planes.len())
            .map(|channels| self.distance(channels))
            .fold(f64::INFINITY, f64::min)
    }

    fn distance_of(&self, source: usize, plane: &PlaneMoments) -> f64 {
        let (level, number) = (self.levels[source] / self.count, plane.sum / self.count);
        let of_levels = self.squares[source] / self.count - level * level;
        let of_numbers = plane.squares / self.count - number * number;
        let common = plane.products[source] / self.count - level * number;
        if of_levels < VARIANCE_MIN || of_numbers <= 1e-12 * number * number {
            // One of them shows nothing: alike if neither does.
            let is_flat = of_levels < VARIANCE_MIN && of_numbers <= 1e-9 * number * number;
            return if is_flat { 0.0 } else { f64::from(u8::MAX) };
        }
        let explained = (common * common / (of_levels * of_numbers)).clamp(0.0, 1.0);
        // What is far is far; a quotient near zero says nothing more.
        (of_levels * (1.0 / explained.max(1e-6) - 1.0)).sqrt()
    }
}

/// The scale and shift that carry levels to numbers, a few pixels that do not fit left out. `None`
/// where levels are all the same.
pub(crate) fn affine(levels: &[f32], numbers: &[f32]) -> Option<Affine> {
    let mut fit = least_squares(levels, numbers, |_, _| true)?;
    // Each round sees better which pixels do not fit.
    for _ in 0..4 {
        let distance = |x: f32, t: f32| (fit.level(t) - x).abs();
        let distances = levels.iter().zip(numbers).map(|(&x, &t)| distance(x, t)).collect();
        // Normal errors lie within four times their mean; half a level is rounding.
        let limit = (4.0 * Difference::of(distances).mean).max(0.75) as f32;
        let better = least_squares(levels, numbers, |x, t| distance(x, t) <= limit)?;
        let moved = (better.scale / fit.scale - 1.0).abs();
        fit = better;
        if moved < 1e-9 {
            break;
        }
    }
    Some(fit)
}

fn least_squares(
    levels: &[f32],
    numbers: &[f32],
    keeps: impl Fn(f32, f32) -> bool,
) -> Option<Affine> {
    let [mut n, mut sx, mut st] = [0.0f64; 3];
    let kept = || levels.iter().zip(numbers).filter(|(x, t)| keeps(**x, **t));
    for (&x, &t) in kept() {
        n += 1.0;
        sx += f64::from(x);
        st += f64::from(t);
    }
    if n < 2.0 {
        return None;
    }
    let (middle, number) = (sx / n, st / n);
    let [mut xx, mut xt] = [0.0f64; 2];
    for (&x, &t) in kept() {
        let x = f64::from(x) - middle;
        xx += x * x;
        xt += x * (f64::from(t) - number);
    }
    if xx / n < VARIANCE_MIN || xt == 0.0 {
        return None;
    }
    let scale = xt / xx;
    Some(Affine { scale, shift: number - scale * middle, middle, spread: (xx / n).sqrt() })
}

/// How far the trainer's numbers, carried back to levels, are from ours. A resize in floating point
/// may overshoot what a level can be: there the last level agrees.
pub(crate) fn distances(levels: &[f32], numbers: &[f32], affine: Affine) -> Vec<f32> {
    let distance = |(&x, &t): (&f32, &f32)| {
        let level = affine.level(t);
        if (x >= 254.5 && level > x) || (x <= 0.5 && level < x) { 0.0 } else { (level - x).abs() }
    };
    levels.iter().zip(numbers).map(distance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (0..1000u32).map(|i| (i * 7919 % 256) as f32).collect()
    }

    #[test]
    fn scale_and_shift_are_found_beside_wrong_pixels() {
        let levels = ramp();
        let mut numbers: Vec<f32> = levels.iter().map(|x| (x - 127.0) / 128.0).collect();
        for number in numbers.iter_mut().step_by(50) {
            *number = 3.0;
        }
        let (mean, std) = affine(&levels, &numbers).unwrap().mean_and_std();
        assert!((mean - 127.0).abs() < 0.05 && (std - 128.0).abs() < 0.05, "{mean} {std}");
        assert_eq!(affine(&[7.0; 9], &[1.0; 9]), None);
    }

    #[test]
    fn the_closed_form_is_the_root_mean_square_in_levels() {
        let values = ramp();
        let levels = Levels { height: 10, width: 100, channels: 1, values: values.clone() };
        // ±5 levels at a scale of 2.
        let noise = |i: usize| if i.is_multiple_of(2) { 10.0 } else { -10.0 };
        let plane = values.iter().enumerate().map(|(i, x)| 2.0 * x + noise(i)).collect();
        let moments = Moments::new(&levels, &[plane]);
        assert!((moments.distance(Channels::Gray) - 5.0).abs() < 0.1);
        assert!(Moments::new(&levels, &[vec![1.0; 1000]]).least_distance() > 100.0);
    }

    #[test]
    fn overshoot_agrees_with_the_last_level() {
        let affine = Affine { scale: 1.0, shift: 0.0, middle: 0.0, spread: 1.0 };
        let found = distances(&[255.0, 0.0, 100.0], &[270.0, -9.0, 90.0], affine);
        assert_eq!(found, [0.0, 0.0, 10.0]);
    }

    #[test]
    fn a_difference_has_its_most_and_its_max() {
        let distances = (0..100u8).map(f32::from).rev().collect();
        assert_eq!(Difference::of(distances), Difference { mean: 49.5, most: 98.0, max: 99.0 });
    }
}
