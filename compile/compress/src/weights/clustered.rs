//! Weights that share a table of 256 numbers, which are the centers of clusters (k-means in one
//! dimension): a byte a weight, with the numbers where the weights are.

use crate::CompressError;
use crate::layers::Site;
use ir::{Graph, Op, ValueId};
use tensor::{DType, Tensor};

/// Numbers in the table: as many as a byte tells apart.
const CENTERS: usize = 256;

/// Rounds of moving the centers at most; what they gain falls off long before.
const ROUNDS_MAX: usize = 40;

/// Where the centers begin: half of them evenly between the ends, since few weights are far out
/// and matter; half at equal shares of the sorted weights.
fn first_centers(sorted: &[f32]) -> Vec<f32> {
    let count = CENTERS.min(sorted.len());
    let (even, shares) = (count / 2, count - count / 2);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let evenly = (0..even).map(|i| low + (high - low) * i as f32 / even as f32);
    let shared = (0..shares).map(|i| sorted[(2 * i + 1) * sorted.len() / (2 * shares)]);
    let mut centers: Vec<f32> = evenly.chain(shared).collect();
    centers.sort_by(f32::total_cmp);
    centers
}

/// The centers, ascending, each moved to the mean of the weights that are nearest to it until none
/// moves.
fn centers(sorted: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f64; sorted.len() + 1];
    for (i, &w) in sorted.iter().enumerate() {
        sums[i + 1] = sums[i] + f64::from(w);
    }
    let mut centers = first_centers(sorted);
    for _ in 0..ROUNDS_MAX {
        let before = centers.clone();
        let mut start = 0;
        for (i, center) in centers.iter_mut().enumerate() {
            let end = before.get(i + 1).map_or(sorted.len(), |&next| {
                let middle = f64::midpoint(f64::from(before[i]), f64::from(next));
                sorted.partition_point(|&w| f64::from(w) <= middle)
            });
            if end > start {
                *center = ((sums[end] - sums[start]) / (end - start) as f64) as f32;
                start = end;
            }
        }
        centers.sort_by(f32::total_cmp);
        if centers == before {
            break;
        }
    }
    centers
}

/// The number of the nearest center.
fn nearest(centers: &[f32], w: f32) -> usize {
    let above = centers.partition_point(|&c| c < w).min(centers.len() - 1);
    let below = above.saturating_sub(1);
    if (w - centers[below]).abs() <= (centers[above] - w).abs() { below } else { above }
}

pub(super) fn stored(graph: &mut Graph, site: &Site) -> Result<ValueId, CompressError> {
    let weights = site.stored.as_slice::<f32>()?;
    let mut sorted = weights.to_vec();
    sorted.sort_by(f32::total_cmp);
    let centers = centers(&sorted);
    let indices: Vec<u8> = weights.iter().map(|&w| nearest(&centers, w) as u8).collect();
    let name = format!("{}.weights", site.name);
    let indices = Tensor::from_slice(&site.shape, &indices)?;
    let indices = graph.constant(&format!("{name}.indices"), indices);
    let table = Tensor::from_slice(&[centers.len()], &centers)?;
    let table = graph.constant(&format!("{name}.table"), table);
    let wide = graph.add(&name, Op::Cast(DType::I32), &[indices])?;
    Ok(graph.add(&name, Op::Gather { axis: 0 }, &[table, wide])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_weight_has_the_nearest_center_and_none_is_far_off() {
        let mut random = testkit::Random(4);
        let mut sorted: Vec<f32> = (0..9000)
            .map(|_| (0..5).map(|_| (random.bits() >> 40) as f32 / 8_388_608.0 - 1.0).sum())
            .collect();
        sorted.sort_by(f32::total_cmp);
        let centers = centers(&sorted);
        assert_eq!(centers.len(), CENTERS);
        for &w in sorted.iter().step_by(97) {
            let naive = centers.iter().map(|c| (c - w).abs()).fold(f32::INFINITY, f32::min);
            assert_eq!((centers[nearest(&centers, w)] - w).abs(), naive);
        }
        let error = |centers: &[f32]| -> f64 {
            sorted.iter().map(|&w| f64::from(centers[nearest(centers, w)] - w).powi(2)).sum()
        };
        let (low, high) = (sorted[0], sorted[8999]);
        let even: Vec<f32> = (0..CENTERS).map(|i| low + (high - low) * i as f32 / 255.0).collect();
        assert!(error(&centers) < error(&even) * 0.8, "{} {}", error(&centers), error(&even));
    }

    #[test]
    fn few_weights_are_their_own_centers() {
        let centers = centers(&[-1.0, 0.5, 3.0]);
        assert_eq!([-1.0, 0.5, 3.0].map(|w| centers[nearest(&centers, w)]), [-1.0, 0.5, 3.0]);
    }
}
