//! The optimizer of learned rounding.
//!
//! Each weight `w` of scale `s` becomes `s * clamp(floor(w / s) + h(v))` with the rectified sigmoid
//! `h(v) = clamp(1.2 sigmoid(v) - 0.1, 0, 1)` of a variable `v`. Adam changes the variables so as
//! to make small
//!
//! ```text
//! mean over positions, sum over channels of (made - target)^2 * weights / error of nearest
//!     + PULL * sum over weights of 1 - |2 h(v) - 1|^beta
//! ```
//!
//! The second term comes in after a fifth of the steps; its beta falls from 10 to 2, which pulls
//! first those that are nearly decided to 0 or 1, and then all. Output channels have nothing to do
//! with each other, so each thread takes some of them through all steps.

use super::batches::{BATCH, Batches, Packed};
use crate::CompressError;
use crate::weights::{Rows, Symmetric};
use kernels::elementwise::UnaryMap;
use kernels::matmul::{Epilogue, MatMul};
use kernels::{SharedMut, run_serially};
use simd::Isa;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::scalar::Unary;
use tensor::{AlignedBytes, DType};

/// The rectified sigmoid reaches this far beyond 0 and 1, so that both are reached.
const STRETCH: f32 = 0.1;

/// The share of steps before the second term comes in.
const WARM_UP: f32 = 0.2;

/// Weight of the second term. The first is one for each weight when all are rounded to nearest, and
/// by a parabola less on the way to the weight itself: the second has to outweigh that at the end.
const PULL: f32 = 20.0;

/// Beta at the beginning and at the end. The paper begins with 20, for twenty times the steps.
const BETA: [f32; 2] = [10.0, 2.0];

/// Step of Adam: variables are within some units of zero, and have hundreds of steps to get there.
const RATE: f32 = 0.1;

/// Decays of Adam's means, the usual ones.
const DECAY: [f32; 2] = [0.9, 0.999];

/// Weights that one piece of work has, about: its six arrays stay in a cache of 2 MiB.
const PIECE: usize = 64 << 10;

/// Numbers of a table of the second term's slope.
const TABLE: usize = 1024;

/// One layer.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) exact: &'a Rows,
    pub(super) symmetric: &'a Symmetric,
    pub(super) batches: &'a Batches,
    pub(super) bias: &'a [f32],
    /// Results outside of these count as if they were on them.
    pub(super) bounds: [f32; 2],
    pub(super) steps: usize,
}

impl Problem<'_> {
    /// The integers of all weights.
    pub(super) fn solve(&self) -> Result<Vec<i8>, CompressError> {
        let isa = runtime::isa().map_err(|e| CompressError::Unfit(e.to_string()))?;
        let (channels, depth) = (self.batches.channels, self.batches.depth);
        let per_group = channels / self.batches.groups();
        let mut each = (PIECE / depth.max(1)).max(16);
        if self.batches.groups() > 1 {
            each = each.next_multiple_of(per_group);
        }
        let pieces: Vec<Range<usize>> =
            (0..channels).step_by(each).map(|at| at..(at + each).min(channels)).collect();
        let tables: Vec<Option<Vec<f32>>> = (0..self.steps).map(|step| self.slopes(step)).collect();
        let next = AtomicUsize::new(0);
        let solved = Mutex::new(vec![Vec::new(); pieces.len()]);
        std::thread::scope(|scope| {
            for _ in 0..runtime::threads().min(pieces.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(piece) = pieces.get(at) else { break };
                        let integers = Piece::new(self, piece.clone(), isa).solve(&tables);
                        let mut solved =
                            solved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        solved[at] = integers;
                    }
                });
            }
        });
        let solved = solved.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(solved.into_iter().flatten().collect())
    }

    /// The slope of the second term at each `|2 h - 1|`, nothing while it is not in.
    fn slopes(&self, step: usize) -> Option<Vec<f32>> {
        let share = (step as f32 / self.steps as f32 - WARM_UP) / (1.0 - WARM_UP);
        let beta = BETA[1] + (BETA[0] - BETA[1]) * (1.0 - share);
        let slope = |i: usize| PULL * 2.0 * beta * (i as f32 / TABLE as f32).powf(beta - 1.0);
        (share >= 0.0).then(|| (0..=TABLE).map(slope).collect())
    }
}

/// Some output channels on their way.
struct Piece<'a> {
    problem: &'a Problem<'a>,
    channels: Range<usize>,
    isa: Isa,
    /// `w / s` rounded down.
    floors: Vec<f32>,
    variables: Vec<f32>,
    means: Vec<f32>,
    squares: Vec<f32>,
    /// The sigmoid of each variable.
    sigmoids: Vec<f32>,
    /// The weights that are tried, then the gradient with respect to them.
    weights: Vec<f32>,
    /// A row of [`BATCH`] numbers for each channel: what is made, then its error.
    errors: Vec<f32>,
    scratch: AlignedBytes,
    /// What errors are multiplied by.
    factor: f32,
}

impl<'a> Piece<'a> {
    fn new(problem: &'a Problem<'a>, channels: Range<usize>, isa: Isa) -> Piece<'a> {
        let depth = problem.batches.depth;
        let count = channels.len() * depth;
        let exact = &problem.exact.numbers[channels.start * depth..channels.end * depth];
        let scaled = exact.chunks_exact(depth).zip(&problem.symmetric.scales[channels.clone()]);
        let scaled = scaled.flat_map(|(row, &s)| row.iter().map(move |w| w / s));
        let scaled: Vec<f32> = scaled.collect();
        let variable = |x: &f32| {
            let sigmoid = (x - x.floor() + STRETCH) / (1.0 + 2.0 * STRETCH);
            -(1.0 / sigmoid - 1.0).ln()
        };
        let mut piece = Piece {
            problem,
            isa,
            floors: scaled.iter().map(|x| x.floor()).collect(),
            variables: scaled.iter().map(variable).collect(),
            means: vec![0.0; count],
            squares: vec![0.0; count],
            sigmoids: vec![0.0; count],
            weights: vec![0.0; count],
            errors: vec![0.0; channels.len() * BATCH],
            scratch: AlignedBytes::zeroed(0),
            factor: 1.0,
            channels,
        };
        piece.factor = piece.first_factor(&scaled);
        piece
    }

    /// What makes the error of rounding to nearest one for each weight.
    fn first_factor(&mut self, scaled: &[f32]) -> f32 {
        let last = self.problem.symmetric.last;
        let depth = self.problem.batches.depth;
        let scales = &self.problem.symmetric.scales[self.channels.clone()];
        for (at, (w, x)) in self.weights.iter_mut().zip(scaled).enumerate() {
            *w = x.round_ties_even().clamp(-last, last) * scales[at / depth];
        }
        let mut sum = 0.0f64;
        for batch in 0..self.problem.batches.len() {
            self.make(batch);
            self.subtract(batch);
            sum += self.errors.iter().map(|&e| f64::from(e) * f64::from(e)).sum::<f64>();
        }
        let positions = self.problem.batches.len() * BATCH;
        let factor = scaled.len() as f64 * positions as f64 / sum / BATCH as f64;
        if factor.is_finite() { factor as f32 } else { 0.0 }
    }

    fn solve(mut self, tables: &[Option<Vec<f32>>]) -> Vec<i8> {
        let batches = self.problem.batches.len();
        let mut decayed = [1.0f32; 2];
        for (step, table) in tables.iter().enumerate() {
            let batch = step % batches;
            self.squash();
            self.round();
            self.make(batch);
            self.subtract(batch);
            self.slope(batch);
            decayed = [decayed[0] * DECAY[0], decayed[1] * DECAY[1]];
            self.step(table.as_deref(), decayed);
        }
        self.squash();
        let last = self.problem.symmetric.last;
        let integers = self.floors.iter().zip(&self.sigmoids);
        integers
            .map(|(floor, s)| (floor + rectified(*s).round()).clamp(-last, last) as i8)
            .collect()
    }

    fn squash(&mut self) {
        let variables = bytemuck::cast_slice(&self.variables);
        let sigmoids = SharedMut::from_bytes_of(&mut self.sigmoids);
        let map = UnaryMap::new(self.isa, Unary::Sigmoid, DType::F32, variables, sigmoids);
        run_in(&map, &mut self.scratch);
    }

    /// The weights that the variables stand for.
    fn round(&mut self) {
        let (depth, last) = (self.problem.batches.depth, self.problem.symmetric.last);
        let scales = &self.problem.symmetric.scales[self.channels.clone()];
        let rows = self.weights.chunks_exact_mut(depth).zip(self.floors.chunks_exact(depth));
        let rows = rows.zip(self.sigmoids.chunks_exact(depth)).zip(scales);
        for (((weights, floors), sigmoids), scale) in rows {
            for ((w, floor), s) in weights.iter_mut().zip(floors).zip(sigmoids) {
                *w = (floor + rectified(*s)).clamp(-last, last) * scale;
            }
        }
    }

    /// Calls for each group that has channels here: the channels, counted from this piece's first,
    /// and the positions.
    fn groups(&self, batch: usize) -> Vec<(Range<usize>, &'a Packed)> {
        let batches = self.problem.batches;
        let per_group = batches.channels / batches.groups();
        let (first, end) = (self.channels.start, self.channels.end);
        let groups = first / per_group..end.div_ceil(per_group);
        let own = |group: usize| {
            let start = (group * per_group).max(first) - first;
            start..((group + 1) * per_group).min(end) - first
        };
        groups.map(|group| (own(group), batches.packed(batch, group))).collect()
    }

    /// What the weights make of a batch.
    fn make(&mut self, batch: usize) {
        let depth = self.problem.batches.depth;
        for (own, packed) in self.groups(batch) {
            let left = &self.weights[own.start * depth..own.end * depth];
            let made = &mut self.errors[own.start * BATCH..own.end * BATCH];
            let sizes = [own.len(), depth, BATCH];
            multiply(self.isa, sizes, left, &packed.forward, made, &mut self.scratch);
        }
    }

    /// Errors of what was made. Where the target lies on a bound, only what is within counts;
    /// elsewhere the bounds are left out of it, since a slope of nothing would not lead back.
    fn subtract(&mut self, batch: usize) {
        let [low, high] = self.problem.bounds;
        let targets = &self.problem.batches.targets[batch];
        let targets = &targets[self.channels.start * BATCH..self.channels.end * BATCH];
        let rows = self.errors.chunks_exact_mut(BATCH).zip(targets.chunks_exact(BATCH));
        for ((made, targets), bias) in rows.zip(&self.problem.bias[self.channels.clone()]) {
            for (z, &target) in made.iter_mut().zip(targets) {
                let y = *z + bias;
                *z = if target > low && target < high {
                    y - target
                } else {
                    y.clamp(low, high) - target.clamp(low, high)
                };
                *z *= self.factor;
            }
        }
    }

    /// Puts the gradient in the place of the weights.
    fn slope(&mut self, batch: usize) {
        let depth = self.problem.batches.depth;
        for (own, packed) in self.groups(batch) {
            let left = &self.errors[own.start * BATCH..own.end * BATCH];
            let slopes = &mut self.weights[own.start * depth..own.end * depth];
            let sizes = [own.len(), BATCH, depth];
            multiply(self.isa, sizes, left, &packed.backward, slopes, &mut self.scratch);
        }
    }

    /// A step of Adam.
    fn step(&mut self, table: Option<&[f32]>, decayed: [f32; 2]) {
        let (depth, last) = (self.problem.batches.depth, self.problem.symmetric.last);
        let scales = &self.problem.symmetric.scales[self.channels.clone()];
        let rate = RATE * (1.0 - decayed[1]).sqrt() / (1.0 - decayed[0]);
        for (row, &scale) in scales.iter().enumerate() {
            let range = row * depth..(row + 1) * depth;
            let columns = self.variables[range.clone()].iter_mut();
            let columns = columns.zip(&mut self.means[range.clone()]);
            let columns = columns.zip(&mut self.squares[range.clone()]);
            let columns = columns.zip(&self.weights[range.clone()]);
            let columns = columns.zip(&self.sigmoids[range.clone()]);
            for (((((v, mean), square), slope), s), floor) in columns.zip(&self.floors[range]) {
                let h = rectified(*s);
                let is_open = h > 0.0 && h < 1.0;
                let is_inside = (floor + h).abs() < last;
                let mut slope = if is_inside { 2.0 * slope * scale } else { 0.0 };
                if let Some(table) = table {
                    let t = 2.0 * h - 1.0;
                    let pull = table[(t.abs() * TABLE as f32) as usize];
                    slope -= pull.copysign(t);
                }
                let slope = slope * (1.0 + 2.0 * STRETCH) * s * (1.0 - s);
                let slope = if is_open { slope } else { 0.0 };
                *mean = DECAY[0] * *mean + (1.0 - DECAY[0]) * slope;
                *square = DECAY[1] * *square + (1.0 - DECAY[1]) * slope * slope;
                *v -= rate * *mean / (square.sqrt() + 1e-8);
            }
        }
    }
}

fn rectified(sigmoid: f32) -> f32 {
    (sigmoid * (1.0 + 2.0 * STRETCH) - STRETCH).clamp(0.0, 1.0)
}

/// `made[m][n] = left[m][k] * right[k][n]` with a packed matrix.
fn multiply(
    isa: Isa,
    [m, k, n]: [usize; 3],
    left: &[f32],
    right: &[f32],
    made: &mut [f32],
    scratch: &mut AlignedBytes,
) {
    let (right, made) = (kernels::matmul::Packed::F32(right), SharedMut::from(made));
    let product = MatMul::new(isa, [m, k, n], left, k, right, Epilogue::default(), made);
    run_in(&product, scratch);
}

fn run_in(task: &dyn kernels::Task, scratch: &mut AlignedBytes) {
    if scratch.len() < task.scratch_bytes() {
        *scratch = AlignedBytes::zeroed(task.scratch_bytes());
    }
    run_serially(task, scratch.as_mut_slice());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clip;
    use crate::layers::sites;
    use crate::observe::Drawn;
    use ir::{Graph, Op};
    use tensor::{Dim, Tensor};

    /// The error of integers on all positions.
    fn error(drawn: &Drawn, scales: &[f32], integers: &[i8], bounds: [f32; 2]) -> f64 {
        let channels = scales.len();
        let mut sum = 0.0;
        for (at, row) in drawn.taken.chunks_exact(drawn.depth).enumerate() {
            for channel in 0..channels {
                let own = &integers[channel * drawn.depth..(channel + 1) * drawn.depth];
                let made: f32 = row.iter().zip(own).map(|(x, &q)| x * f32::from(q)).sum();
                let made = (made * scales[channel]).clamp(bounds[0], bounds[1]);
                let target = drawn.made[at * channels + channel].clamp(bounds[0], bounds[1]);
                sum += f64::from(made - target).powi(2);
            }
        }
        sum
    }

    #[test]
    fn it_is_near_the_best_of_all_roundings() {
        let (depth, channels, count) = (8, 3, 512);
        let mut random = fastrand::Rng::with_seed(4);
        let mut graph = Graph::new("layer");
        let shape = [count, depth].map(Dim::from).to_vec();
        let x = graph.input("x", DType::F32, shape);
        let weights: Vec<f32> = (0..depth * channels).map(|_| random.f32() - 0.5).collect();
        let w = graph.constant("w", Tensor::from_slice(&[depth, channels], &weights).unwrap());
        let y = graph.add("layer", Op::MatMul, &[x, w]).unwrap();
        graph.output("y", y);
        let site = sites(&graph).remove(0);
        let exact = Rows::of(&site).unwrap();
        let mut drawn = Drawn { depth, ..Drawn::default() };
        for _ in 0..count {
            let common = random.f32();
            let row: Vec<f32> = (0..depth).map(|_| common + random.f32() * 0.3).collect();
            let made = |own: &[f32]| row.iter().zip(own).map(|(x, w)| x * w).sum::<f32>();
            drawn.made.extend(exact.iter().map(made));
            drawn.taken.extend(row);
        }
        let symmetric = Symmetric::of(&exact, 4, Clip::MinMax);
        let batches = &Batches::of(&drawn, &site, 1);
        for bounds in [[f32::NEG_INFINITY, f32::INFINITY], [0.0, f32::INFINITY]] {
            let (bias, steps) = (&vec![0.0; channels], 500);
            let (exact, symmetric) = (&exact, &symmetric);
            let problem = Problem { exact, symmetric, batches, bias, bounds, steps };
            let learned = problem.solve().unwrap();
            let error = |integers: &[i8]| error(&drawn, &symmetric.scales, integers, bounds);
            let mut best = symmetric.nearest(exact);
            let nearest = error(&best);
            for channel in 0..channels {
                let floor = |i: usize| (exact.numbers[i] / symmetric.scales[channel]).floor() as i8;
                let mut tried = best.clone();
                for choice in 0..1usize << depth {
                    for bit in 0..depth {
                        let at = channel * depth + bit;
                        tried[at] = (floor(at) + (choice >> bit & 1) as i8).clamp(-7, 7);
                    }
                    if error(&tried) < error(&best) {
                        best.clone_from(&tried);
                    }
                }
            }
            let (found, best) = (error(&learned), error(&best));
            assert!(found <= nearest * 0.7, "{found}, nearest {nearest}, best {best}");
            assert!(found <= best * 1.5, "{found}, nearest {nearest}, best {best}");
        }
    }
}
