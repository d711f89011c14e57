//! Weights that go one after another, each made up for by those that are still to come: the
//! second-order rule of Hassibi and Stork ("Second Order Derivatives for Network Pruning: Optimal
//! Brain Surgeon", 1993) for the squared error of a layer's results, in the order of the columns as
//! Frantar and Alistarh have it ("SparseGPT", 2023), so that one triangle serves all rows.

use super::Pattern;
use super::moments::{Moments, cholesky, invert_lower};
use crate::CompressError;

/// Columns whose weights are chosen among at once: all that come before are settled then.
const BLOCK: usize = 128;

/// Share of the mean square of the inputs that each of them gets beside its own.
const DAMPING: f64 = 0.01;

/// The upper triangle `U` with `U^T U` the inverse of the second moments.
fn inverse_triangle(moments: &Moments) -> Result<Vec<f64>, CompressError> {
    let size = moments.depth;
    let mut damping = moments.damping(DAMPING);
    // What rounding has taken from a matrix comes back with ever more on the diagonal.
    for _ in 0..8 {
        // In reverse order of rows and columns the lower triangle's inverse is the upper triangle.
        let mut lower: Vec<f64> = moments.taken.iter().rev().map(|&x| f64::from(x)).collect();
        (0..size).for_each(|i| lower[i * (size + 1)] += damping);
        if cholesky(&mut lower, size).is_some() {
            invert_lower(&mut lower, size);
            let mut upper = vec![0.0; size * size];
            for i in 0..size {
                for j in 0..=i {
                    upper[(size - 1 - i) * size + size - 1 - j] = lower[i * size + j];
                }
            }
            return Ok(upper);
        }
        damping *= 10.0;
    }
    let reason = "second moments: expected a positive matrix, found none; look at the samples";
    Err(CompressError::Unfit(reason.to_string()))
}

/// Sets weights to zero by a pattern and a share, row after row, and changes the others so that the
/// results stay near what they were.
pub(super) fn prune(
    weights: &mut [f32],
    moments: &Moments,
    pattern: Pattern,
    share: f64,
) -> Result<(), CompressError> {
    let depth = moments.depth;
    let upper = inverse_triangle(moments)?;
    let block = pattern.unit().map_or(BLOCK, |unit| BLOCK.next_multiple_of(unit));
    let pivots: Vec<f64> = (0..depth).map(|i| upper[i * (depth + 1)]).collect();
    for row in weights.chunks_exact_mut(depth) {
        let mut wide: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
        for start in (0..depth).step_by(block) {
            let end = (start + block).min(depth);
            let scores = (start..end).map(|i| (wide[i] / pivots[i]).powi(2));
            let gone = pattern.gone(&scores.collect::<Vec<_>>(), share);
            for i in start..end {
                if !gone[i - start] {
                    continue;
                }
                let step = wide[i] / pivots[i];
                wide[i] = 0.0;
                let later = &upper[i * depth + i + 1..(i + 1) * depth];
                wide[i + 1..].iter_mut().zip(later).for_each(|(w, u)| *w -= step * u);
            }
        }
        row.iter_mut().zip(&wide).for_each(|(w, &x)| *w = x as f32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::magnitude;

    /// Correlated inputs, their moments, and weights.
    fn layer(depth: usize, channels: usize) -> (Vec<f32>, Moments, Vec<f32>) {
        let mut random = fastrand::Rng::with_seed(8);
        let count = 500;
        let mut inputs = Vec::with_capacity(count * depth);
        for _ in 0..count {
            let common = random.f32() - 0.5;
            inputs.extend((0..depth).map(|i| common * (i % 3) as f32 + (random.f32() - 0.5) * 0.5));
        }
        let moment = |at: usize| {
            let rows = inputs.chunks_exact(depth);
            rows.map(|row| row[at / depth] * row[at % depth]).sum::<f32>() / count as f32
        };
        let taken = (0..depth * depth).map(moment).collect();
        let weights = (0..depth * channels).map(|_| random.f32() - 0.5).collect();
        let (taken_mean, made_mean) = (vec![0.0; depth], vec![0.0; channels]);
        let moments = Moments { depth, taken, made: vec![], taken_mean, made_mean };
        (inputs, moments, weights)
    }

    fn error(inputs: &[f32], depth: usize, exact: &[f32], pruned: &[f32]) -> f32 {
        let rows = inputs.chunks_exact(depth);
        let errors = rows.flat_map(|x| {
            exact.chunks_exact(depth).zip(pruned.chunks_exact(depth)).map(|(w, p)| {
                x.iter().zip(w.iter().zip(p)).map(|(x, (w, p))| x * (w - p)).sum::<f32>().powi(2)
            })
        });
        errors.sum()
    }

    #[test]
    fn results_stay_nearer_than_by_magnitude() {
        let depth = 160;
        let (inputs, moments, weights) = layer(depth, 6);
        for pattern in [Pattern::Single, Pattern::Among { kept: 2, of: 4 }, Pattern::Block(4)] {
            let mut pruned = weights.clone();
            prune(&mut pruned, &moments, pattern, 0.5).unwrap();
            let mut plain = weights.clone();
            magnitude::prune(&mut plain, depth, pattern, 0.5);
            let zeros = |weights: &[f32]| weights.iter().filter(|w| **w == 0.0).count();
            let expected = zeros(&plain) as f32;
            assert!((zeros(&pruned) as f32 - expected).abs() < expected * 0.05, "{pattern:?}");
            let errors = [&pruned, &plain].map(|made| error(&inputs, depth, &weights, made));
            assert!(errors[0] < errors[1] * 0.6, "{pattern:?}: {errors:?}");
        }
    }

    #[test]
    fn a_single_weight_goes_as_the_definition_has_it() {
        let depth = 12;
        let (_, moments, weights) = layer(depth, 1);
        let mut matrix: Vec<f64> = moments.taken.iter().map(|&x| f64::from(x)).collect();
        let damping = moments.damping(DAMPING);
        (0..depth).for_each(|i| matrix[i * (depth + 1)] += damping);
        let mut pruned = weights.clone();
        prune(&mut pruned, &moments, Pattern::Single, 1.0 / depth as f64).unwrap();
        let gone = pruned.iter().position(|w| *w == 0.0).unwrap();
        // Those before it stay; those behind it are what makes the error least: its slope is zero.
        let change: Vec<f64> = pruned.iter().zip(&weights).map(|(p, w)| f64::from(p - w)).collect();
        assert!(change[..gone].iter().all(|c| *c == 0.0));
        for i in gone + 1..depth {
            let slope: f64 = (0..depth).map(|j| matrix[i * depth + j] * change[j]).sum();
            assert!(slope.abs() < 1e-5, "{slope}");
        }
    }
}
