//! ONNX TfIdfVectorizer-9, of numbers.

use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;
use tensor::rule::{Fact, RuleError, exactly};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[C] or x[N, C])`: how often each known sequence is in a row, `[columns]` or `[N, columns]`,
/// in `f32`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TfIdf {
    /// The known sequences, one after another, those of one element first.
    pub pool: Vec<i64>,
    /// Where in the pool the sequences of 1, 2, … elements begin.
    pub starts: Vec<usize>,
    /// The column of each sequence.
    pub columns: Vec<usize>,
    /// The fewest and the most elements of a sequence that is sought.
    pub lengths: [usize; 2],
    /// Most elements that may lie between two neighbors of a sequence; as many between all.
    pub skips: usize,
    /// What a count becomes.
    pub weighting: Weighting,
    /// The weight of each column; without them, 1.
    pub weights: Vec<f32>,
}

/// What a count becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// It stays.
    Frequency,
    /// The weight, unless it is 0.
    Inverse,
    /// Itself times the weight.
    FrequencyInverse,
}

impl Compute for TfIdf {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_indices(0, x)?;
        if !(1..=2).contains(&x.rank()) {
            let (expected, found) = ("1 or 2".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        }
        let columns = self.width();
        let ends = self.starts.iter().skip(1).copied().chain([self.pool.len()]);
        let is_ordered = self.starts.iter().zip(ends).all(|(&start, end)| start <= end);
        let is_weighted = self.weights.is_empty() || self.weights.len() == columns;
        let sequences = self.sequences().count();
        let is_bounded = self.lengths[0] > 0 && self.skips < 1 << 31;
        if !is_ordered || !is_weighted || !is_bounded || sequences != self.columns.len() {
            let found = format!(
                "of {} elements, starts {:?}, {} columns, {} weights, lengths from {}",
                self.pool.len(),
                self.starts,
                self.columns.len(),
                self.weights.len(),
                self.lengths[0]
            );
            let expected = "ascending starts, a column for each sequence, a weight for each column";
            let expected = expected.to_string();
            return Err(RuleError::Parameter { what: "the pool", found, expected });
        }
        let rows = x.shape[..x.rank() - 1].iter().cloned();
        Ok(vec![Fact { dtype: DType::F32, shape: rows.chain([Dim::from(columns)]).collect() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let x: Vec<i64> =
            numbers::read_integers(&inputs[0]).into_iter().map(|x| x as i64).collect();
        let width = self.width();
        let length = inputs[0].shape.last().copied().unwrap_or(0);
        let known: HashMap<&[i64], usize> = self.known(&self.pool);
        let mut made = vec![0.0; outputs[0].len()];
        for (row, counts) in made.chunks_exact_mut(width).enumerate() {
            self.count(&x[row * length..][..length], &known, counts);
            for (column, count) in counts.iter_mut().enumerate() {
                let weight = self.weights.get(column).map_or(1.0, |&weight| f64::from(weight));
                *count = match self.weighting {
                    Weighting::Frequency => *count,
                    Weighting::Inverse if *count > 0.0 => weight,
                    Weighting::Inverse => 0.0,
                    Weighting::FrequencyInverse => *count * weight,
                };
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl TfIdf {
    /// Columns of the result.
    fn width(&self) -> usize {
        self.columns.iter().max().map_or(0, |&last| last.saturating_add(1))
    }

    /// Each sequence of the pool: where it begins and how many elements it has.
    fn sequences(&self) -> impl Iterator<Item = (usize, usize)> {
        let ends = self.starts.iter().skip(1).copied().chain([self.pool.len()]);
        (1..).zip(self.starts.iter().zip(ends)).flat_map(|(length, (&start, end))| {
            let count = end.saturating_sub(start) / length;
            (0..count).map(move |index| (start + index * length, length))
        })
    }

    /// The column of each sequence of a pool of elements of any kind.
    fn known<'p, T: Eq + Hash>(&self, pool: &'p [T]) -> HashMap<&'p [T], usize> {
        let sequences = self.sequences().zip(&self.columns);
        sequences.map(|((start, length), &at)| (&pool[start..start + length], at)).collect()
    }

    /// Counts the known sequences in a row.
    fn count<T: Eq + Hash + Clone>(
        &self,
        row: &[T],
        known: &HashMap<&[T], usize>,
        counts: &mut [f64],
    ) {
        let [fewest, most] = self.lengths;
        for length in fewest..=most.min(row.len()) {
            // A sequence of one element has no neighbors to skip elements between.
            let skips = if length == 1 { 0 } else { self.skips };
            for distance in (1..=skips + 1).take_while(|d| (length - 1) * d < row.len()) {
                for start in 0..row.len() - (length - 1) * distance {
                    let elements = row[start..].iter().step_by(distance).take(length);
                    let sequence: Vec<T> = elements.cloned().collect();
                    if let Some(&column) = known.get(sequence.as_slice()) {
                        counts[column] += 1.0;
                    }
                }
            }
        }
    }
}
