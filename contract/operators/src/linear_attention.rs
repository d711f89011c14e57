//! ONNX LinearAttention-27.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut};

/// `(query[B, T, Q*D], key[B, T, H*D], value[B, T, H*E], [past[B, H, D, E]], [decay[B, T, H] or
/// [B, T, H*D]], [beta[B, T, H] or [B, T, 1]])`: attention whose keys and values are summed up in a
/// state `s[D, E]` of each head. Makes the output `[B, T, Q*E]` and the last state.
///
/// In each step `s *= exp(decay)`, `v = beta * (v - key s)`, `s += key v`, `output = scale * query
/// s`, as far as the rule has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearAttention {
    /// Which parts the step has.
    pub rule: Rule,
    /// Heads of the query, a multiple of `heads`.
    pub query_heads: usize,
    /// Heads of keys and values.
    pub heads: usize,
    /// Factor of the output; `1 / sqrt(D)` where there is none.
    pub scale: Option<f32>,
    /// Is a state given?
    pub has_past: bool,
}

/// Which parts a step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Does the state decay?
    pub is_gated: bool,
    /// Is what the state already gives for a key taken off its value?
    pub is_delta: bool,
}

/// The inputs by name.
struct Inputs<'a, T> {
    query: &'a T,
    key: &'a T,
    value: &'a T,
    past: Option<&'a T>,
    decay: Option<&'a T>,
    beta: Option<&'a T>,
}

impl LinearAttention {
    fn inputs<'a, T>(&self, inputs: &'a [T]) -> Result<Inputs<'a, T>, RuleError> {
        let wrong = RuleError::Arity { expected: "3 and what the rule has", found: inputs.len() };
        let [query, key, value, rest @ ..] = inputs else { return Err(wrong) };
        let mut rest = rest.iter();
        let mut next = |is_given: bool| if is_given { rest.next() } else { None };
        let past = next(self.has_past);
        let decay = next(self.rule.is_gated);
        let beta = next(self.rule.is_delta);
        let is_complete = past.is_some() == self.has_past
            && decay.is_some() == self.rule.is_gated
            && beta.is_some() == self.rule.is_delta;
        if !is_complete || rest.next().is_some() {
            return Err(wrong);
        }
        Ok(Inputs { query, key, value, past, decay, beta })
    }
}

impl Compute for LinearAttention {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let given = self.inputs(inputs)?;
        for (input, fact) in inputs.iter().enumerate() {
            require_type(input, fact, DType::is_float, "floats")?;
        }
        if self.heads == 0 || !self.query_heads.is_multiple_of(self.heads) || self.query_heads == 0
        {
            let (found, expected) = (self.query_heads, self.heads);
            let (found, expected) = (found.to_string(), format!("a multiple of {expected}"));
            return Err(RuleError::Parameter { what: "heads of the query", found, expected });
        }
        let split = |input: usize, fact: &Fact, heads: usize| match fact.shape.as_slice() {
            [batch, steps, size] => {
                let heads = Dim::from(heads);
                let each = size.floor_div(&heads);
                same_size("size of all heads", &(each.clone() * heads), size)?;
                Ok([batch.clone(), steps.clone(), each])
            }
            _ => {
                let (expected, found) = ("3".to_string(), fact.shape.clone());
                Err(RuleError::Rank { input, expected, found })
            }
        };
        let [batch, steps, depth] = split(0, given.query, self.query_heads)?;
        let key = split(1, given.key, self.heads)?;
        let [value_batch, value_steps, width] = split(2, given.value, self.heads)?;
        let expected = [&batch, &steps, &depth, &batch, &steps];
        let [key_batch, key_steps, key_depth] = &key;
        let found = [key_batch, key_steps, key_depth, &value_batch, &value_steps];
        for (expected, found) in expected.into_iter().zip(found) {
            same_size("key or value", expected, found)?;
        }
        let heads = Dim::from(self.heads);
        let state = vec![batch.clone(), heads.clone(), depth.clone(), width.clone()];
        if let Some(past) = given.past {
            require_shape(3, past, &state)?;
        }
        for (fact, wide) in [(given.decay, Some(heads * depth)), (given.beta, Some(Dim::from(1)))] {
            if let Some(fact) = fact {
                let per_head = vec![batch.clone(), steps.clone(), Dim::from(self.heads)];
                let other = vec![batch.clone(), steps.clone(), wide.unwrap_or_default()];
                require_shape(4, fact, &per_head).or_else(|_| require_shape(4, fact, &other))?;
            }
        }
        let output = vec![batch, steps, width * Dim::from(self.query_heads)];
        let state_type = given.past.map_or(given.query.dtype, |past| past.dtype);
        Ok(vec![
            Fact { dtype: given.query.dtype, shape: output },
            Fact { dtype: state_type, shape: state },
        ])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let given = self.inputs(inputs)?;
        let [batches, steps] = [given.query.shape[0], given.query.shape[1]];
        let depth = given.query.shape[2] / self.query_heads;
        let width = given.value.shape[2] / self.heads;
        let group = self.query_heads / self.heads;
        let read = numbers::read_floats;
        let (query, key, value) = (read(given.query), read(given.key), read(given.value));
        let (decay, beta) = (given.decay.map(read), given.beta.map(read));
        let decays = given.decay.map_or(0, |x| x.shape[2]);
        let betas = given.beta.map_or(0, |x| x.shape[2]);
        let size = depth * width;
        let mut states = match given.past {
            Some(past) => read(past),
            None => vec![0.0; batches * self.heads * size],
        };
        let scale = self.scale.map_or((depth as f64).sqrt().recip(), f64::from);
        let mut output = vec![0.0; batches * steps * self.query_heads * width];
        for (index, state) in states.chunks_exact_mut(size.max(1)).enumerate() {
            let (batch, head) = (index / self.heads, index % self.heads);
            for step in 0..steps {
                let row = batch * steps + step;
                let key = &key[(row * self.heads + head) * depth..][..depth];
                let mut value = value[(row * self.heads + head) * width..][..width].to_vec();
                if let Some(decay) = &decay {
                    for (d, row_of) in state.chunks_exact_mut(width).enumerate() {
                        let at = if decays == self.heads { head } else { head * depth + d };
                        let factor = decay[row * decays + at].exp();
                        row_of.iter_mut().for_each(|x| *x *= factor);
                    }
                }
                if let Some(beta) = &beta {
                    let rate = beta[row * betas + if betas == 1 { 0 } else { head }];
                    for (v, found) in value.iter_mut().zip(product(key, state, width)) {
                        *v = rate * (*v - found);
                    }
                }
                for (k, row_of) in key.iter().zip(state.chunks_exact_mut(width)) {
                    row_of.iter_mut().zip(&value).for_each(|(x, v)| *x += k * v);
                }
                for reader in head * group..(head + 1) * group {
                    let query = &query[(row * self.query_heads + reader) * depth..][..depth];
                    let made = product(query, state, width);
                    let place = &mut output[(row * self.query_heads + reader) * width..][..width];
                    place.iter_mut().zip(made).for_each(|(y, x)| *y = scale * x);
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &output);
        numbers::store_floats(&mut outputs[1], &states);
        Ok(())
    }
}

/// `row[D] * state[D, E]`
fn product(row: &[f64], state: &[f64], width: usize) -> Vec<f64> {
    let mut made = vec![0.0; width];
    for (x, along) in row.iter().zip(state.chunks_exact(width)) {
        made.iter_mut().zip(along).for_each(|(sum, y)| *sum += x * y);
    }
    made
}

fn require_shape(input: usize, fact: &Fact, expected: &[Dim]) -> Result<(), RuleError> {
    let is_same = |(a, b): (&Dim, &Dim)| same_size("decay, beta or state", a, b).is_ok();
    if fact.shape.len() == expected.len() && expected.iter().zip(&fact.shape).all(is_same) {
        return Ok(());
    }
    let (expected, found) = (format!("{expected:?}"), fact.shape.clone());
    Err(RuleError::Rank { input, expected, found })
}
