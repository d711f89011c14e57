//! Second moments of what a layer sums, and what they say: the least squares that make up for
//! weights that are gone.

use crate::CompressError;
use crate::layers::Site;
use crate::observe::Drawn;
use kernels::matmul::{BatchMatMul, Matrix};
use kernels::{SharedMut, run_serially};
use tensor::AlignedBytes;

/// Of one group of a layer, over the positions drawn: of `depth` numbers that are summed, and of
/// `channels` that are made of them.
#[derive(Debug)]
pub(crate) struct Moments {
    pub(crate) depth: usize,
    /// `depth x depth`: means of products of what is summed.
    pub(crate) taken: Vec<f32>,
    /// `channels x depth`: means of products of what is made with what is summed.
    pub(crate) made: Vec<f32>,
    /// Means of what is summed.
    pub(crate) taken_mean: Vec<f32>,
    /// Means of what is made.
    pub(crate) made_mean: Vec<f32>,
}

impl Moments {
    /// Those of a group of a layer, about the means.
    pub(crate) fn of(drawn: &Drawn, site: &Site, group: usize) -> Result<Moments, CompressError> {
        let (count, depth) = (drawn.len(), site.depth());
        let (all, groups) = (site.channels(), site.groups.unwrap_or(1));
        let channels = all / groups;
        let part = |from: &[f32], width: usize, first: usize, size: usize| -> Vec<f32> {
            let rows = from.chunks_exact(width);
            rows.flat_map(|row| row[first..first + size].iter().copied()).collect()
        };
        let mut taken = part(&drawn.taken, drawn.depth, group * depth, depth);
        let mut made = part(&drawn.made, all, group * channels, channels);
        let (taken_mean, made_mean) = (center(&mut taken, depth), center(&mut made, channels));
        Ok(Moments {
            depth,
            taken: products(&taken, &taken, [depth, count, depth])?,
            made: products(&made, &taken, [channels, count, depth])?,
            taken_mean,
            made_mean,
        })
    }

    /// The mean of the squares on the diagonal, times a share: what is added to it so that inputs
    /// that hardly vary, or vary together, do not make weights large.
    pub(crate) fn damping(&self, share: f64) -> f64 {
        let trace: f64 = (0..self.depth).map(|i| f64::from(self.taken[i * (self.depth + 1)])).sum();
        (trace / self.depth.max(1) as f64 * share).max(1e-12)
    }
}

/// Takes the mean from each column, and gives it.
fn center(rows: &mut [f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; width];
    let count = (rows.len() / width.max(1)).max(1) as f64;
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let means: Vec<f32> = sums.iter().map(|sum| (sum / count) as f32).collect();
    for row in rows.chunks_exact_mut(width) {
        row.iter_mut().zip(&means).for_each(|(x, mean)| *x -= mean);
    }
    means
}

/// `left^T right / count` of `count` rows each.
fn products(left: &[f32], right: &[f32], sizes: [usize; 3]) -> Result<Vec<f32>, CompressError> {
    let [m, count, n] = sizes;
    let isa = runtime::isa().map_err(|e| CompressError::Unfit(e.to_string()))?;
    let mut made = vec![0.0f32; m * n];
    let a = Matrix { data: left, offsets: &[0], row_stride: 1, column_stride: m };
    let b = Matrix { data: right, offsets: &[0], row_stride: n, column_stride: 1 };
    let product = BatchMatMul::new(isa, sizes, a, b, SharedMut::from(&mut made[..]));
    let mut scratch = AlignedBytes::zeroed(kernels::Task::scratch_bytes(&product));
    run_serially(&product, scratch.as_mut_slice());
    made.iter_mut().for_each(|x| *x /= count.max(1) as f32);
    Ok(made)
}

/// The lower triangle `L` of `L L^T = matrix`, in place; `None` where the matrix is not positive.
pub(crate) fn cholesky(matrix: &mut [f64], size: usize) -> Option<()> {
    for i in 0..size {
        let (above, below) = matrix.split_at_mut(i * size);
        let row = &mut below[..size];
        for j in 0..i {
            let other = &above[j * size..j * size + j + 1];
            let sum = dot(&row[..j], &other[..j]);
            row[j] = (row[j] - sum) / other[j];
        }
        let left = row[i] - dot(&row[..i], &row[..i]);
        if left <= 0.0 || !left.is_finite() {
            return None;
        }
        row[i] = left.sqrt();
    }
    Some(())
}

/// The inverse of a lower triangle, in place.
pub(crate) fn invert_lower(lower: &mut [f64], size: usize) {
    for i in 0..size {
        let (above, below) = lower.split_at_mut(i * size);
        let row = &mut below[..size];
        let pivot = 1.0 / row[i];
        let mut made = vec![0.0; i];
        for (k, &l) in row[..i].iter().enumerate() {
            let inverse = &above[k * size..k * size + k + 1];
            made.iter_mut().zip(inverse).for_each(|(x, y)| *x -= l * y);
        }
        made.iter().zip(&mut row[..i]).for_each(|(x, place)| *place = x * pivot);
        row[i] = pivot;
    }
}

/// Sums in four parts, which the compiler makes vectors of.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (parts, others) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = parts.remainder().iter().zip(others.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in parts.zip(others) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Solves `x L L^T = b` for a row, in place.
pub(crate) fn solve(lower: &[f64], size: usize, row: &mut [f64]) {
    for i in 0..size {
        let known = dot(&row[..i], &lower[i * size..i * size + i]);
        row[i] = (row[i] - known) / lower[i * size + i];
    }
    for i in (0..size).rev() {
        row[i] /= lower[i * size + i];
        let x = row[i];
        let above = &lower[i * size..i * size + i];
        row[..i].iter_mut().zip(above).for_each(|(y, l)| *y -= x * l);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positive(size: usize) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(5);
        let half: Vec<f64> = (0..size * size * 2).map(|_| random.f64() - 0.5).collect();
        let entry = |at: usize| {
            let rows = half.chunks_exact(size);
            let sum: f64 = rows.map(|row| row[at / size] * row[at % size]).sum();
            sum + if at / size == at % size { 0.01 } else { 0.0 }
        };
        (0..size * size).map(entry).collect()
    }

    #[test]
    fn triangles_multiply_to_the_matrix_and_solve_it() {
        let size = 21;
        let matrix = positive(size);
        let mut lower = matrix.clone();
        cholesky(&mut lower, size).unwrap();
        for i in 0..size {
            for j in 0..=i {
                let sum: f64 = (0..=j).map(|k| lower[i * size + k] * lower[j * size + k]).sum();
                assert!((sum - matrix[i * size + j]).abs() < 1e-10);
            }
        }
        let expected: Vec<f64> = (0..size).map(|i| (i as f64).sin()).collect();
        let times = |column: usize| -> f64 {
            (0..size).map(|i| expected[i] * matrix[i * size + column]).sum()
        };
        let mut row: Vec<f64> = (0..size).map(times).collect();
        solve(&lower, size, &mut row);
        assert!(row.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-8));
        let mut inverse = lower.clone();
        invert_lower(&mut inverse, size);
        for i in 0..size {
            for j in 0..=i {
                let sum: f64 = (j..=i).map(|k| inverse[i * size + k] * lower[k * size + j]).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_is_not_positive_is_refused() {
        assert!(cholesky(&mut [1.0, 0.0, 2.0, 1.0], 2).is_none());
    }
}
