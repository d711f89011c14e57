//! The range whose 256 steps are distributed most like the elements: the least Kullback-Leibler
//! divergence of what rounding leaves from what was there, as Migacz described it ("8-bit Inference
//! with TensorRT", 2017).
//!
//! For each range: P is what was counted inside it, that outside added to its outermost bins. Q
//! gives each bin that holds something an equal part of what its step holds, without that from
//! outside. The divergence is the sum of `P log(P / Q)`.
//!
//! Bins that stand out alone are taken down to their neighbours first: the zeros that rectifiers
//! make, a background, what saturates at a bound. Each is one number, which the steps tell apart or
//! not; as a share of a step of many bins it would draw the range in until little is left.

use super::{Bin, Histogram, Range};
use crate::quantize::Affine;

/// Widths that are tried, both ends in proportion: from all of it down to an eighth.
const TRIED: u32 = 112;
const OF: u32 = 128;

/// Bins to either side that a bin is compared with.
const NEIGHBORS: usize = 4;

/// The bins, none of which holds more than the fullest of its neighbours.
fn smoothed(histogram: &Histogram) -> Vec<Bin> {
    let bins: Vec<Bin> = histogram.bins().collect();
    let lowered = bins.iter().enumerate().map(|(at, bin)| {
        let near = at.saturating_sub(NEIGHBORS)..(at + NEIGHBORS + 1).min(bins.len());
        let fullest = near.filter(|&i| i != at).map(|i| bins[i].count).max();
        Bin { count: bin.count.min(fullest.unwrap_or(bin.count)), ..*bin }
    });
    lowered.collect()
}

fn divergence(bins: &[Bin], range: Range) -> f64 {
    let affine = Affine::of(range);
    let inside = |center: f32| center >= range.low && center <= range.high;
    let Some(first) = bins.iter().position(|bin| inside(bin.center)) else { return f64::INFINITY };
    let last = bins.iter().rposition(|bin| inside(bin.center)).unwrap_or(first);
    let sum = |bins: &[Bin]| bins.iter().map(|bin| bin.count).sum::<u64>();
    let (below, above) = (sum(&bins[..first]), sum(&bins[last + 1..]));
    let bins = &bins[first..=last];
    let (mut held, mut parts) = ([0u64; 256], [0u64; 256]);
    for bin in bins {
        let step = usize::from(affine.quantized(bin.center));
        held[step] += bin.count;
        parts[step] += 1;
    }
    let (kept, all) = (sum(bins) as f64, (sum(bins) + below + above) as f64);
    let terms = bins.iter().enumerate().map(|(at, bin)| {
        let outside =
            if at == 0 { below } else { 0 } + if at + 1 == bins.len() { above } else { 0 };
        let step = usize::from(affine.quantized(bin.center));
        let p = (bin.count + outside) as f64 / all;
        let q = held[step] as f64 / parts[step] as f64 / kept;
        p * (p / q).ln()
    });
    terms.sum()
}

pub(super) fn range(histogram: &Histogram) -> Range {
    let (low, high) = (histogram.min.min(0.0), histogram.max.max(0.0));
    let bins = smoothed(histogram);
    let mut best = (f64::INFINITY, Range { low, high });
    for share in (0..TRIED).map(|i| 1.0 - i as f32 / OF as f32) {
        let tried = Range { low: low * share, high: high * share };
        let divergence = divergence(&bins, tried);
        if divergence < best.0 {
            best = (divergence, tried);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same from the definition: two lists of one number for each bin of the whole histogram.
    fn naive(bins: &[Bin], range: Range) -> f64 {
        let affine = Affine::of(range);
        let inside: Vec<usize> = (0..bins.len())
            .filter(|&i| bins[i].center >= range.low && bins[i].center <= range.high)
            .collect();
        let mut p = vec![0.0; bins.len()];
        let mut q = vec![0.0; bins.len()];
        for (i, bin) in bins.iter().enumerate() {
            let at = i.clamp(inside[0], inside[inside.len() - 1]);
            p[at] += bin.count as f64;
        }
        for &i in &inside {
            let step = affine.quantized(bins[i].center);
            let same = inside.iter().filter(|&&j| affine.quantized(bins[j].center) == step);
            let counts: Vec<f64> = same.map(|&j| bins[j].count as f64).collect();
            q[i] = counts.iter().sum::<f64>() / counts.len() as f64;
        }
        let (all, kept) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
        inside.iter().map(|&i| p[i] / all * (p[i] / all / (q[i] / kept)).ln()).sum()
    }

    #[test]
    fn the_divergence_is_that_of_the_definition_and_outliers_saturate() {
        let mut random = testkit::Random(5);
        let numbers: Vec<f32> = (0..30_000)
            .map(|_| (0..6).map(|_| (random.bits() >> 40) as f32 / 8_388_608.0 - 1.0).sum())
            .chain([25.0, -30.0])
            .chain([0.0; 90_000])
            .collect();
        let mut histogram = Histogram::default();
        histogram.count(&numbers);
        for share in [1.0, 0.5, 0.2] {
            let range = Range { low: -30.0 * share, high: 25.0 * share };
            let bins = smoothed(&histogram);
            let (found, expected) = (divergence(&bins, range), naive(&bins, range));
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let found = range(&histogram);
        assert!(found.high < 15.0 && found.high > 2.0, "{found:?}");
    }
}
