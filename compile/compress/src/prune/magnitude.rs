//! The smallest weights go, the others stay as they are.

use super::Pattern;

/// Sets weights to zero by a pattern and a share, row after row.
pub(super) fn prune(weights: &mut [f32], depth: usize, pattern: Pattern, share: f64) {
    for row in weights.chunks_exact_mut(depth) {
        let scores: Vec<f64> = row.iter().map(|&w| f64::from(w) * f64::from(w)).collect();
        let gone = pattern.gone(&scores, share);
        row.iter_mut().zip(gone).filter(|(_, gone)| *gone).for_each(|(w, _)| *w = 0.0);
    }
}
