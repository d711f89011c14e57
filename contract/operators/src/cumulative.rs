//! ONNX CumSum-11,14 and CumProd-26.

use crate::numbers::{self, Numbers};
use crate::{Compute, ComputeError, around, place, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly};
use tensor::{View, ViewMut};

/// `(x, axis)`: running sums or products along an axis, counted from the end when negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cumulative {
    /// Is each element left out of its own result?
    pub is_exclusive: bool,
    /// Does it run from the end?
    pub is_reverse: bool,
    /// Are elements multiplied, or added?
    pub is_product: bool,
}

impl Compute for Cumulative {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, axis] = exactly(inputs, "2")?;
        require_indices(1, axis)?;
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let axis = numbers::read_integers(&inputs[1]).first().copied().unwrap_or(0);
        let axis = place(axis, inputs[0].shape.len())?;
        let sizes = around(inputs[0].shape, axis);
        let made = match numbers::read(&inputs[0]) {
            Numbers::Float(x) if self.is_product => {
                Numbers::Float(self.run(&x, sizes, 1.0, |a, b| a * b))
            }
            Numbers::Float(x) => Numbers::Float(self.run(&x, sizes, 0.0, |a, b| a + b)),
            Numbers::Integer(x) if self.is_product => {
                Numbers::Integer(self.run(&x, sizes, 1, i128::wrapping_mul))
            }
            Numbers::Integer(x) => Numbers::Integer(self.run(&x, sizes, 0, i128::wrapping_add)),
        };
        numbers::store(&mut outputs[0], &made);
        Ok(())
    }
}

impl Cumulative {
    fn run<T: Copy>(
        &self,
        x: &[T],
        [outer, size, inner]: [usize; 3],
        neutral: T,
        join: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        let mut made = vec![neutral; x.len()];
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            let mut running = neutral;
            for step in 0..size {
                let along = if self.is_reverse { size - 1 - step } else { step };
                let at = (o * size + along) * inner + i;
                let joined = join(running, x[at]);
                made[at] = if self.is_exclusive { running } else { joined };
                running = joined;
            }
        }
        made
    }
}
