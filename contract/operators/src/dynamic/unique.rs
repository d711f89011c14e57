//! ONNX Unique-11.

use super::{Evaluate, Inputs, take};
use crate::ComputeError;
use crate::numbers::{Numbers, read};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use tensor::{Tensor, Value};

/// `(x)`: each element or slice once; beside it the place of its first occurrence, for each one of
/// the input its place in the result, and how often it occurs, all `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    /// The axis whose slices are compared; without one, all elements in a row.
    pub axis: Option<usize>,
    /// Ascending, or in the order of first occurrence?
    pub is_sorted: bool,
}

/// The two zeros are equal, and so are two NaN of the same bits.
fn order_of(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.total_cmp(&b))
}

impl Evaluate for Unique {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let (x, axis) = inputs.along(0, self.axis)?;
        let [before, size, after] = crate::around(x.shape(), axis);
        inputs.require(size, 4 * size_of::<i64>())?;
        let elements = read(&x.view());
        let places = |at: usize| {
            (0..before).flat_map(move |b| (0..after).map(move |a| (b * size + at) * after + a))
        };
        let order = |&a: &usize, &b: &usize| -> Ordering {
            let mut pairs = places(a).zip(places(b));
            let differ = |(a, b): (usize, usize)| match &elements {
                Numbers::Float(x) => Some(order_of(x[a], x[b])).filter(|o| o.is_ne()),
                Numbers::Integer(x) => Some(x[a].cmp(&x[b])).filter(|o| o.is_ne()),
            };
            pairs.find_map(differ).unwrap_or(Ordering::Equal)
        };
        let mut sorted: Vec<usize> = (0..size).collect();
        // A stable sort: of equal slices, the first comes first.
        sorted.sort_by(order);
        let mut firsts: Vec<usize> = Vec::new();
        let mut class_of = vec![0; size];
        for &at in &sorted {
            if firsts.last().is_none_or(|first| order(first, &at).is_ne()) {
                firsts.push(at);
            }
            class_of[at] = firsts.len() - 1;
        }
        let mut ranks: Vec<usize> = (0..firsts.len()).collect();
        if !self.is_sorted {
            ranks.sort_by_key(|&class| firsts[class]);
        }
        let mut rank_of = vec![0; ranks.len()];
        ranks.iter().enumerate().for_each(|(rank, &class)| rank_of[class] = rank);
        let firsts: Vec<usize> = ranks.iter().map(|&class| firsts[class]).collect();
        let inverse: Vec<i64> = class_of.iter().map(|&class| rank_of[class] as i64).collect();
        let mut counts = vec![0i64; firsts.len()];
        inverse.iter().for_each(|&rank| counts[rank as usize] += 1);
        let unique = take(inputs, &x, axis, &firsts)?;
        let firsts: Vec<i64> = firsts.iter().map(|&at| at as i64).collect();
        let vector = |x: &[i64]| Tensor::from_slice(&[x.len()], x).map(Value::from);
        Ok(vec![unique.into(), vector(&firsts)?, vector(&inverse)?, vector(&counts)?])
    }
}
