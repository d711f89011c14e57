//! ONNX SequenceConstruct-11, SequenceEmpty-11, SequenceAt-11, SequenceInsert-11, SequenceErase-11,
//! SequenceLength-11, ConcatFromSequence-11 and SplitToSequence-11,24.

use super::{Evaluate, Inputs, refused, reshape, take};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tensor::{Tensor, Text, TextRow, Value, row_major_strides};

/// Values in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequence {
    /// `(x…)`: a sequence of the inputs.
    Make,
    /// `(sequence, index)`: the value at an index, counted from the end when it is negative.
    At,
    /// `(sequence, x, [index])`: with a value put before an index, or at the end.
    Insert,
    /// `(sequence, [index])`: without the value at an index, or the last one.
    Erase,
    /// `(sequence)`: how many values there are.
    Length,
    /// `(sequence)`: all its tensors one after another.
    Concat {
        /// The axis along which they are joined.
        axis: usize,
        /// Is the axis a new one?
        is_new: bool,
    },
    /// `(x, [lengths])`: the tensor cut along an axis into parts of these lengths, of one length
    /// when that is a single number, or of one element.
    Split {
        /// The axis.
        axis: usize,
        /// Does the axis stay, when its parts are of one element because nothing else is said?
        keepdims: bool,
    },
}

impl Evaluate for Sequence {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let made = match *self {
            Sequence::Make => Value::Sequence(Arc::new(inputs.values.to_vec())),
            Sequence::At => {
                let all = sequence(inputs)?;
                all[crate::place(index(inputs, 1)?, all.len())?].clone()
            }
            Sequence::Insert => {
                let mut all = sequence(inputs)?.to_vec();
                let at = match inputs.values.len() {
                    0..=2 => all.len(),
                    _ if index(inputs, 2)? == all.len() as i128 => all.len(),
                    _ => crate::place(index(inputs, 2)?, all.len())?,
                };
                all.insert(at, inputs.value(1)?.clone());
                let made = Value::Sequence(Arc::new(all));
                inputs.require(made.bytes(), 1)?;
                made
            }
            Sequence::Erase => {
                let mut all = sequence(inputs)?.to_vec();
                let at = if inputs.values.len() < 2 { -1 } else { index(inputs, 1)? };
                all.remove(crate::place(at, all.len())?);
                Value::Sequence(Arc::new(all))
            }
            Sequence::Length => Tensor::scalar(sequence(inputs)?.len() as i64).into(),
            Sequence::Concat { axis: 0, is_new } if is_of_text(sequence(inputs)?) => {
                joined(inputs, is_new)?
            }
            Sequence::Concat { axis, is_new } => concat(inputs, axis, is_new)?.into(),
            Sequence::Split { axis, keepdims } => split(inputs, axis, keepdims)?,
        };
        Ok(vec![made])
    }
}

fn sequence<'a>(inputs: &'a Inputs<'_>) -> Result<&'a [Value], ComputeError> {
    match inputs.value(0)? {
        Value::Sequence(values) => Ok(values),
        other => Err(refused("an input", other.dtype(), "a sequence")),
    }
}

fn index(inputs: &Inputs<'_>, input: usize) -> Result<i128, ComputeError> {
    let index = inputs.integers(input)?.first().copied();
    index.map(i128::from).ok_or_else(|| refused("an index", "empty", "one number"))
}

fn is_of_text(all: &[Value]) -> bool {
    all.iter().any(|value| value.text().is_some())
}

/// Text one after another along the first axis, which may be a new one.
fn joined(inputs: &Inputs<'_>, is_new: bool) -> Result<Value, ComputeError> {
    let all = sequence(inputs)?;
    let texts: Option<Vec<&Text>> = all.iter().map(Value::text).collect();
    let texts = texts.ok_or_else(|| refused("a sequence", "of others", "of text"))?;
    let own = |x: &Text| -> Vec<usize> {
        let first = is_new.then_some(1);
        first.into_iter().chain(x.shape().iter().copied()).collect()
    };
    let mut shape = texts.first().map(|x| own(x)).unwrap_or_default();
    let (mut rows, mut bytes) = (0usize, 0usize);
    for x in &texts {
        let part = own(x);
        if part.is_empty() || part.len() != shape.len() || part[1..] != shape[1..] {
            let found = format!("{part:?}");
            return Err(refused("a part", found, &format!("one that fits {shape:?}")));
        }
        rows = rows.saturating_add(part[0]);
        bytes = bytes.saturating_add(x.bytes());
    }
    inputs.require(bytes, 1)?;
    shape[0] = rows;
    let row: TextRow = texts.iter().flat_map(|x| x.elements()).collect();
    Ok(row.shaped(&shape)?.into())
}

fn concat(inputs: &Inputs<'_>, axis: usize, is_new: bool) -> Result<Tensor, ComputeError> {
    let all = sequence(inputs)?;
    let tensors: Option<Vec<&Arc<Tensor>>> = all.iter().map(Value::tensor).collect();
    let tensors = tensors.ok_or_else(|| refused("a sequence", "of others", "of tensors"))?;
    let first = tensors.first().ok_or_else(|| refused("a sequence", "empty", "not empty"))?;
    let part = |x: &Tensor| -> Option<Vec<usize>> {
        let mut shape = x.shape().to_vec();
        if is_new && axis <= shape.len() {
            shape.insert(axis, 1);
        }
        (axis < shape.len()).then_some(shape)
    };
    let mut shape = part(first).ok_or_else(|| refused("the axis", axis, "an axis of the parts"))?;
    let mut total = 0usize;
    for x in &tensors {
        let own = part(x).filter(|own| {
            let others = || (0..shape.len()).filter(|&a| a != axis);
            own.len() == shape.len() && others().all(|a| own[a] == shape[a])
        });
        let own = own.filter(|_| x.dtype() == first.dtype());
        let own = own.ok_or_else(|| {
            refused("a part", format!("{x:?}"), &format!("one that fits {first:?}"))
        })?;
        total = total.saturating_add(own[axis]);
    }
    shape[axis] = total;
    let mut made = inputs.zeros(first.dtype(), &shape)?;
    if made.is_empty() {
        return Ok(made);
    }
    let [before, ..] = crate::around(&shape, axis);
    let row = row_major_strides(&shape)[axis] * first.dtype().size();
    let mut start = 0;
    for x in &tensors {
        let block = x.bytes().len() / before.max(1);
        for outer in 0..before {
            let to = outer * total * row + start;
            made.bytes_mut()[to..to + block].copy_from_slice(&x.bytes()[outer * block..][..block]);
        }
        start += block;
    }
    Ok(made)
}

fn split(inputs: &Inputs<'_>, axis: usize, keepdims: bool) -> Result<Value, ComputeError> {
    let x = inputs.tensor(0)?;
    let Some(&size) = x.shape().get(axis) else {
        return Err(refused("the axis", axis, &format!("an axis of {:?}", x.shape())));
    };
    // As many parts as there are elements on the axis, at most.
    inputs.require(size, size_of::<Value>())?;
    let lengths: Vec<i64> = match inputs.values.get(1) {
        None => vec![1; size],
        Some(given) => match (given.shape().is_empty(), inputs.integers(1)?.as_slice()) {
            (true, &[length]) if length > 0 => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let starts = (0..size).step_by(length.min(size.max(1)));
                starts.map(|start| length.min(size - start) as i64).collect()
            }
            (_, lengths) => lengths.to_vec(),
        },
    };
    let is_whole = lengths.iter().all(|&n| n >= 0)
        && lengths.iter().try_fold(0i64, |a, &b| a.checked_add(b)) == i64::try_from(size).ok();
    if !is_whole {
        let expected = format!("lengths that add up to {size}");
        return Err(refused("the parts", format!("{lengths:?}"), &expected));
    }
    let mut parts = Vec::with_capacity(lengths.len());
    let mut start = 0;
    for length in lengths {
        let places: Vec<usize> = (start..start + length as usize).collect();
        start += length as usize;
        let mut part = Value::from(take(inputs, x, axis, &places)?);
        if inputs.values.len() < 2 && !keepdims {
            let mut shape = part.shape().to_vec();
            shape.remove(axis);
            part = reshape::reshaped(&part, &shape)?;
        }
        parts.push(part);
    }
    Ok(Value::Sequence(Arc::new(parts)))
}
