//! Ensembles of decision trees.
//!
//! A walk waits for memory at each node, so that several walks are done side by side: of as many
//! rows through one tree, or, where fewer rows are left, of one row through as many trees. Rows
//! come in blocks, and a tree stays in the cache for all rows of a block.

pub(crate) mod catalogue;

use crate::task::{Pieces, SharedMut, Task};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use tensor::scalar::Reduction;

/// Walks side by side: more of them do not fit in the registers.
const LANES: usize = 8;
/// Rows of a piece at most: as many as make the loading of a tree cheap beside their walks.
const ROWS_MAX: usize = 256;
/// Pieces that rows are cut into at least, so that all threads have some.
const PIECES: usize = 16;

/// The trees. A tree is named by its root, a node by its index where that is not negative; leaf `i`
/// is named by `!i`.
#[derive(Debug, Clone, Copy)]
pub struct Forest<'a, T> {
    /// The root of each tree.
    pub roots: &'a [i32],
    /// What each node compares its feature with.
    pub thresholds: &'a [T],
    /// Of each node `[feature, yes, no]`: the walk goes on at `yes` where the feature is at most
    /// the threshold, else at `no`. A negative feature `!f` is `f` with the walk going on at `yes`
    /// where it is not a number, too. Both lie behind the node.
    pub nodes: &'a [[i32; 3]],
    /// Entries of leaf `i` are those from `leaves[i]` to `leaves[i + 1]`; where the table is empty,
    /// entry `i` alone.
    pub leaves: &'a [i32],
    /// Which number each entry counts for.
    pub targets: &'a [i32],
    /// What it gives.
    pub weights: &'a [T],
    /// What is added to each number in the end.
    pub base: &'a [T],
}

/// A type of features: `f32` or `f64`.
pub trait Number: bytemuck::Pod + PartialOrd + Debug + Send + Sync {
    /// Not a number.
    const NAN: Self;
    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// Divided by a count.
    fn over(self, count: usize) -> Self;
    /// The smaller one; the one that is a number.
    fn least(self, other: Self) -> Self;
    /// The larger one; the one that is a number.
    fn most(self, other: Self) -> Self;
    /// Is it not a number?
    fn is_nan(self) -> bool;
}

macro_rules! number {
    ($type:ident) => {
        impl Number for $type {
            const NAN: $type = $type::NAN;
            fn plus(self, other: $type) -> $type {
                self + other
            }
            fn over(self, count: usize) -> $type {
                self / count as $type
            }
            fn least(self, other: $type) -> $type {
                self.min(other)
            }
            fn most(self, other: $type) -> $type {
                self.max(other)
            }
            fn is_nan(self) -> bool {
                self.is_nan()
            }
        }
    };
}
number!(f32);
number!(f64);

/// For each row of features the numbers that the leaves give which it reaches, one of each tree,
/// joined tree after tree: `[rows, base.len()]`. A number that no leaf counts for is 0, before
/// its base is added.
#[derive(Debug)]
pub struct TreeEnsemble<'a, T> {
    reduction: Reduction,
    forest: Forest<'a, T>,
    features: usize,
    input: &'a [T],
    out: SharedMut<'a, T>,
    pieces: Pieces,
    is_broken: AtomicBool,
}

impl<'a, T: Number> TreeEnsemble<'a, T> {
    /// Are entries joined by this reduction? By sum, mean (over the trees), min and max they are.
    pub fn supports(reduction: Reduction) -> bool {
        match reduction {
            Reduction::Sum | Reduction::Mean | Reduction::Min | Reduction::Max => true,
            Reduction::Prod
            | Reduction::L1
            | Reduction::L2
            | Reduction::SumSquare
            | Reduction::LogSum
            | Reduction::LogSumExp => false,
        }
    }

    /// `input`: `rows * features` numbers. `out`: `rows * forest.base.len()` numbers.
    ///
    /// # Panics
    /// When a length does not fit, or entries are not joined by this reduction
    /// ([`TreeEnsemble::supports`]).
    pub fn new(
        reduction: Reduction,
        forest: Forest<'a, T>,
        [rows, features]: [usize; 2],
        input: &'a [T],
        out: SharedMut<'a, T>,
    ) -> TreeEnsemble<'a, T> {
        assert!(TreeEnsemble::<T>::supports(reduction), "entries are not joined by {reduction:?}");
        assert_eq!(Some(input.len()), tensor::element_count(&[rows, features]), "input length");
        let expected = tensor::element_count(&[rows, forest.base.len()]);
        assert_eq!(Some(out.len()), expected, "result length");
        assert_eq!(forest.thresholds.len(), forest.nodes.len(), "a threshold of each node");
        assert_eq!(forest.targets.len(), forest.weights.len(), "a weight of each entry");
        let size = rows.div_ceil(PIECES).next_multiple_of(LANES).min(ROWS_MAX);
        let pieces = Pieces::of_size(rows, size);
        let is_broken = AtomicBool::new(false);
        TreeEnsemble { reduction, forest, features, input, out, pieces, is_broken }
    }

    /// Did a walk leave the tables, or not come to an end? What was made then is of no use.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// The features of a row.
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [T] {
        &self.input[row * self.features..][..self.features]
    }

    /// Walks from `at` to leaves, each lane through the features of its row; nothing when one
    /// leaves the tables or does not end.
    #[inline(always)]
    fn walk(&self, mut at: [i32; LANES], rows: [&[T]; LANES]) -> Option<[i32; LANES]> {
        let Forest { thresholds, nodes, .. } = self.forest;
        // A walk that only goes forward ends after as many steps as there are nodes.
        for _ in 0..=nodes.len() {
            if at.iter().all(|&at| at < 0) {
                return Some(at);
            }
            for lane in 0..LANES {
                // A lane that has come to its leaf looks at the first node and stays.
                let node = at[lane].max(0) as usize;
                let [feature, yes, no] = *nodes.get(node)?;
                let x = *rows[lane].get((feature ^ (feature >> 31)) as usize)?;
                let holds = (x <= thresholds[node]) | ((feature < 0) & x.is_nan());
                let next = if holds { yes } else { no };
                at[lane] = if at[lane] < 0 { at[lane] } else { next };
            }
        }
        None
    }

    /// Joins what a leaf gives to the numbers of a row.
    #[inline(always)]
    fn join(&self, leaf: i32, made: &mut [T]) -> Option<()> {
        let leaf = !leaf as usize;
        let leaves = self.forest.leaves;
        if leaves.is_empty() {
            return self.join_entry(leaf, made);
        }
        let (from, to) = (*leaves.get(leaf)?, *leaves.get(leaf + 1)?);
        let range = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
        if range.start > range.end {
            return None;
        }
        range.into_iter().try_for_each(|entry| self.join_entry(entry, made))
    }

    #[inline(always)]
    fn join_entry(&self, entry: usize, made: &mut [T]) -> Option<()> {
        let (target, weight) = (*self.forest.targets.get(entry)?, *self.forest.weights.get(entry)?);
        let made = made.get_mut(usize::try_from(target).ok()?)?;
        *made = match self.reduction {
            Reduction::Min => made.least(weight),
            Reduction::Max => made.most(weight),
            _ => made.plus(weight),
        };
        Some(())
    }

    /// The numbers of the rows from `first` on.
    fn block(&self, first: usize, made: &mut [T]) -> Option<()> {
        let width = self.forest.base.len();
        let rows = made.len() / width.max(1);
        let start = match self.reduction {
            Reduction::Min | Reduction::Max => T::NAN,
            _ => T::zeroed(),
        };
        made.fill(start);
        let whole = rows - rows % LANES;
        for &root in self.forest.roots {
            for row in (0..whole).step_by(LANES) {
                let found = std::array::from_fn(|lane| self.row(first + row + lane));
                let leaves = self.walk([root; LANES], found)?;
                for (lane, leaf) in leaves.into_iter().enumerate() {
                    self.join(leaf, &mut made[(row + lane) * width..][..width])?;
                }
            }
        }
        for row in whole..rows {
            let made = &mut made[row * width..][..width];
            for roots in self.forest.roots.chunks(LANES) {
                // A walk from a leaf is over; what it finds is dropped.
                let mut at = [-1; LANES];
                at[..roots.len()].copy_from_slice(roots);
                let leaves = self.walk(at, [self.row(first + row); LANES])?;
                leaves[..roots.len()].iter().try_for_each(|&leaf| self.join(leaf, made))?;
            }
        }
        self.finish(made);
        Some(())
    }

    fn finish(&self, made: &mut [T]) {
        let trees = self.forest.roots.len();
        let is_extreme = matches!(self.reduction, Reduction::Min | Reduction::Max);
        for row in made.chunks_exact_mut(self.forest.base.len().max(1)) {
            for (made, &base) in row.iter_mut().zip(self.forest.base) {
                let joined = if is_extreme && made.is_nan() { T::zeroed() } else { *made };
                let joined =
                    if self.reduction == Reduction::Mean { joined.over(trees) } else { joined };
                *made = joined.plus(base);
            }
        }
    }
}

impl<T: Number> Task for TreeEnsemble<'_, T> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let rows = self.pieces.range(task);
        let width = self.forest.base.len();
        // SAFETY: pieces have different rows; the caller vouches for the output.
        let made = unsafe { self.out.part(rows.start * width..rows.end * width) };
        if self.block(rows.start, made).is_none() {
            self.is_broken.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
