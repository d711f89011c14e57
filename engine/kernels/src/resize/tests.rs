//! Interpolation against a naive twin, on every ISA.

use super::*;
use crate::testing::{Random, check_close, isas, run};

/// Taps of an axis, as lists that own their elements.
struct Owned {
    starts: Vec<u32>,
    places: Vec<u32>,
    weights: Vec<f32>,
}

impl Owned {
    fn random(random: &mut Random, old: usize, new: usize) -> Owned {
        let mut made = Owned { starts: vec![0], places: vec![], weights: vec![] };
        for _ in 0..new {
            let count = random.between(0, 4);
            made.places.extend((0..count).map(|_| random.below(old) as u32));
            made.weights.extend(random.floats(count));
            made.starts.push(made.places.len() as u32);
        }
        made
    }

    fn taps(&self) -> Taps<'_> {
        Taps { starts: &self.starts, places: &self.places, weights: &self.weights }
    }
}

fn naive(shape: [usize; 4], [rows, columns]: [Taps<'_>; 2], input: &[f32]) -> Vec<f64> {
    let [batch, height, width, channels] = shape;
    let mut made = Vec::new();
    for (n, y) in (0..batch).flat_map(|n| (0..rows.count()).map(move |y| (n, y))) {
        for (x, c) in (0..columns.count()).flat_map(|x| (0..channels).map(move |c| (x, c))) {
            let mut sum = 0.0;
            for (i, j) in rows.of(y).flat_map(|i| columns.of(x).map(move |j| (i, j))) {
                let row = n * height + rows.places[i] as usize;
                let at = (row * width + columns.places[j] as usize) * channels + c;
                let weight = f64::from(rows.weights[i]) * f64::from(columns.weights[j]);
                sum += weight * f64::from(input[at]);
            }
            made.push(sum);
        }
    }
    made
}

#[test]
fn resizing_agrees_with_the_naive_twin() {
    let mut random = Random::new(31);
    for _ in 0..40 {
        let shape = [(1, 2), (1, 9), (1, 9), (1, 40)].map(|(a, b)| random.between(a, b));
        let input = random.floats(shape.iter().product());
        let [down, across] = [1, 2].map(|axis| {
            let new = random.between(1, 12);
            Owned::random(&mut random, shape[axis], new)
        });
        let taps = [down.taps(), across.taps()];
        let expected = naive(shape, taps, &input);
        for isa in isas() {
            let mut out = vec![f32::NAN; expected.len()];
            run(&Resize::new(isa, shape, taps, &input, SharedMut::from(&mut out[..])));
            check_close(&out, &expected, 1e-6, &format!("{}: {shape:?}", isa.name()));
        }
    }
}

#[test]
#[should_panic(expected = "taps: beyond the axis")]
fn taps_beyond_the_axis_are_refused() {
    let taps = Taps { starts: &[0, 1], places: &[2], weights: &[1.0] };
    let (input, mut out) = ([0.0; 4], [0.0]);
    let target = SharedMut::from(&mut out[..]);
    Resize::new(Isa::Generic, [1, 2, 2, 1], [taps; 2], &input, target);
}
