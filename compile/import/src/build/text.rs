//! Moving text: the operator moves places instead, and the text follows them.

use super::{Builder, Operand};
use crate::error::Reason;
use ir::{Fact, Op};
use operators::dynamic::TextOperator;
use operators::range::Range;
use tensor::rule::RuleError;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

/// What an operator that only moves elements makes of text.
pub(super) fn moved(
    build: &mut Builder,
    op: Op,
    inputs: &[&Operand],
) -> Result<Vec<Operand>, Reason> {
    let texts = match op {
        Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Slice { .. }
        | Op::Expand { .. }
        | Op::Gather { .. } => 1,
        Op::Concat { .. } => inputs.len(),
        _ => {
            let inputs: Vec<Fact> = inputs.iter().map(|x| build.fact(x)).collect();
            let expected = "a tensor of numbers".to_string();
            let error = RuleError::Type { input: 0, expected, found: DType::String };
            return Err(Reason::Rule { error, inputs });
        }
    };
    let mut first = Dim::default();
    let mut moving: Vec<Operand> = Vec::with_capacity(inputs.len());
    for x in &inputs[..texts] {
        let shape = build.fact(x).shape;
        let count = shape.iter().cloned().fold(Dim::from(1), |a, b| a * b);
        moving.push(places(build, &first, &count, shape)?);
        first = first + count;
    }
    moving.extend(inputs[texts..].iter().map(|&x| x.clone()));
    let made = build.emit(op, &moving.iter().collect::<Vec<_>>())?;
    let row = vec![Fact { dtype: DType::String, shape: vec![first] }];
    let all = build.dynamic(TextOperator::Join, &inputs[..texts], row)?.swap_remove(0);
    let shape = build.fact(&made).shape;
    let made_fact = vec![Fact { dtype: DType::String, shape }];
    build.dynamic(TextOperator::Take, &[&all, &made], made_fact)
}

/// `first, first + 1, …` under a shape of `count` elements.
fn places(
    build: &mut Builder,
    first: &Dim,
    count: &Dim,
    shape: Vec<Dim>,
) -> Result<Operand, Reason> {
    let [zero, one] = [0i64, 1].map(|n| Operand::constant("place", Tensor::scalar(n)));
    let range = Range { count: count.clone() };
    let places = build.emit(Op::Whole(range.into()), &[&zero, &one])?;
    let places = build.reshape(&places, shape)?;
    if first.known() == Some(0) {
        return Ok(places);
    }
    let first = build.sizes(super::Sizes::scalar(first.clone()));
    build.binary(Binary::Add, &places, &first)
}
