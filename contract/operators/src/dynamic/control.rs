//! ONNX Loop-11,13,16,19,21,23,24,25 and the condition of If: what the naive twin and the engine
//! do around the bodies that each runs in its own way.

use super::refused;
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use tensor::rule::Fact;
use tensor::{Bindings, DType, Tensor, Value};

/// Most iterations of all loops of a run: those of a loop inside another multiply. Decoders and
/// recurrent layers take thousands; a loop that its condition never ends must end.
const ITERATIONS_MAX: i64 = 1 << 24;

/// How a loop runs. It is given `([trip count], [condition], state…, captured…)`; its body takes
/// `(iteration, condition, state…, captured…)`, the iteration being an `i64` and the condition a
/// boolean, both of rank 0, and makes `(condition, state…, scanned…)`; the loop makes the states
/// after the last iteration, and then for each value scanned those of all iterations under a new
/// first axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// Is there an input with the most iterations?
    pub has_trip_count: bool,
    /// Is there an input that says whether the first iteration runs?
    pub has_condition: bool,
    /// Values that each iteration takes from the one before.
    pub states: usize,
}

impl Iteration {
    /// Inputs that are neither states nor captured.
    pub const fn own_inputs(&self) -> usize {
        self.has_trip_count as usize + self.has_condition as usize
    }

    /// What the loop makes. `scanned` are the types and shapes of the scanned values of one
    /// iteration, `sizes` the symbols that are known without one; all scanned values together may
    /// have `bytes_max` bytes. `done` counts the iterations of all loops of the run.
    pub fn run<E: From<ComputeError>>(
        &self,
        inputs: &[Value],
        scanned: &[Fact],
        sizes: &Bindings,
        bytes_max: usize,
        done: &Cell<i64>,
        mut body: impl FnMut(&[Value]) -> Result<Vec<Value>, E>,
    ) -> Result<Vec<Value>, E> {
        let missing = || refused("the inputs of a loop", inputs.len(), "its states");
        let (own, rest) = inputs.split_at_checked(self.own_inputs()).ok_or_else(missing)?;
        let (states, captured) = rest.split_at_checked(self.states).ok_or_else(missing)?;
        let most = if self.has_trip_count { trip_count(&own[0])? } else { i64::MAX };
        let mut goes_on = !self.has_condition || condition(&own[own.len() - 1])?;
        let mut states = states.to_vec();
        let mut all: Vec<Vec<Value>> = vec![Vec::new(); scanned.len()];
        let running = Tensor::from_bytes(DType::Bool, &[], &[1]).map_err(ComputeError::from)?;
        let running = Value::from(running);
        let (mut iteration, mut total) = (0, 0usize);
        while goes_on && iteration < most {
            if done.get() == ITERATIONS_MAX {
                return Err(refused("the iterations of a loop", done.get(), "fewer").into());
            }
            done.set(done.get() + 1);
            let mut given = vec![Tensor::scalar(iteration).into(), running.clone()];
            given.append(&mut states);
            given.extend_from_slice(captured);
            let made = body(&given)?;
            let expected = 1 + self.states + scanned.len();
            if made.len() != expected {
                return Err(refused("what a body makes", made.len(), &expected.to_string()).into());
            }
            let mut made = made.into_iter();
            goes_on = made.next().as_ref().map_or(Ok(false), condition)?;
            states.extend(made.by_ref().take(self.states));
            for (all, one) in all.iter_mut().zip(made) {
                total = total.saturating_add(one.bytes());
                all.push(one);
            }
            if total > bytes_max {
                return Err(ComputeError::Memory { needed: total, limit: bytes_max }.into());
            }
            iteration += 1;
        }
        for (all, fact) in all.iter().zip(scanned) {
            states.push(stacked(all, fact, sizes)?);
        }
        Ok(states)
    }
}

/// Is the one boolean true?
pub fn condition(value: &Value) -> Result<bool, ComputeError> {
    let flag = value.tensor().filter(|x| x.dtype() == DType::Bool && x.len() == 1);
    let flag = flag.map(|x| x.bytes()[0] != 0);
    flag.ok_or_else(|| refused("a condition", shown(value), "one boolean"))
}

fn trip_count(value: &Value) -> Result<i64, ComputeError> {
    let count = value.tensor().and_then(|x| x.as_slice::<i64>().ok()?.first().copied());
    count.ok_or_else(|| refused("a trip count", shown(value), "one i64"))
}

/// Type and shape of a value.
fn shown(value: &Value) -> String {
    format!("{}{:?}", value.dtype(), value.shape())
}

/// Values of all iterations under a new first axis.
fn stacked(all: &[Value], fact: &Fact, sizes: &Bindings) -> Result<Value, ComputeError> {
    let Some(first) = all.first() else {
        // Without an iteration, sizes that only one would tell are as good as none.
        let size = |dim: &tensor::Dim| usize::try_from(dim.evaluate(sizes).unwrap_or(0));
        let inner = fact.shape.iter().map(|dim| size(dim).unwrap_or(0));
        let shape: Vec<usize> = std::iter::once(0).chain(inner).collect();
        return Ok(Tensor::zeros(fact.dtype, &shape)?.into());
    };
    let tensors: Option<Vec<_>> = all.iter().map(Value::tensor).collect();
    let numbers = || refused("a scanned value", first.dtype(), "a tensor of numbers");
    let tensors = tensors.ok_or_else(numbers)?;
    let (dtype, inner) = (first.dtype(), first.shape());
    if let Some(other) = tensors.iter().find(|x| (x.dtype(), x.shape()) != (dtype, inner)) {
        return Err(refused("a scanned value", format!("{other:?}"), &shown(first)));
    }
    let bytes: Vec<u8> = tensors.iter().flat_map(|x| x.bytes().iter().copied()).collect();
    let shape: Vec<usize> = std::iter::once(all.len()).chain(inner.iter().copied()).collect();
    Ok(Tensor::from_bytes(dtype, &shape, &bytes)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_ends_where_others_have_had_all_iterations() {
        let endless = Iteration { has_trip_count: false, has_condition: false, states: 0 };
        let done = Cell::new(ITERATIONS_MAX - 2);
        let mut turns = 0;
        let body = |given: &[Value]| {
            turns += 1;
            Ok::<_, ComputeError>(vec![given[1].clone()])
        };
        let error = endless.run(&[], &[], &Bindings::new(), usize::MAX, &done, body).unwrap_err();
        assert!(error.to_string().contains("the iterations of a loop is 16777216"), "{error}");
        assert_eq!(turns, 2);
    }
}
