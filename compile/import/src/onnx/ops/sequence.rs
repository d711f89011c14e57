//! Sequences of values, and values that may be absent.

use super::{Row, row};
use crate::build::{Kind, Operand, Rank};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use operators::dynamic::{Optional, Sequence};
use tensor::DType;

pub(super) const OPS: &[Row] = &[
    row("SequenceConstruct", &[], construct),
    row("SequenceEmpty", &["dtype"], empty),
    row("SequenceAt", &[], at),
    row("SequenceInsert", &[], insert),
    row("SequenceErase", &[], erase),
    row("SequenceLength", &[], length),
    row("ConcatFromSequence", &["axis", "new_axis"], concat),
    row("SplitToSequence", &["axis", "keepdims"], split),
    row("Optional", &["type"], optional),
    row("OptionalHasElement", &[], has_element),
    row("OptionalGetElement", &[], get_element),
];

/// The kind of the elements of a sequence.
fn element(call: &Call<'_>, index: usize) -> Result<Kind, Reason> {
    match call.build.kind(&call.input(index)?) {
        Kind::Sequence(element) => Ok(*element),
        other => Err(Reason::Input {
            input: index,
            expected: "a sequence".to_string(),
            found: format!("{other:?}"),
        }),
    }
}

fn sequence(call: &mut Call<'_>, operator: Sequence, inputs: &[&Operand], element: Kind) -> Made {
    Ok(vec![call.build.object(operator, inputs, Kind::Sequence(Box::new(element)))?])
}

/// The kind of one more value beside others.
fn joined(call: &Call<'_>, kind: &Kind, input: usize) -> Result<Kind, Reason> {
    let other = call.build.kind(&call.input(input)?);
    kind.join(&other).ok_or_else(|| Reason::Input {
        input,
        expected: format!("{kind:?}, as the other elements"),
        found: format!("{other:?}"),
    })
}

/// ONNX SequenceConstruct-11.
fn construct(call: &mut Call<'_>) -> Made {
    let inputs = call.variadic()?;
    let mut kind = call.build.kind(&inputs[0]);
    for index in 1..inputs.len() {
        kind = joined(call, &kind, index)?;
    }
    sequence(call, Sequence::Make, &inputs.iter().collect::<Vec<_>>(), kind)
}

/// ONNX SequenceEmpty-11.
fn empty(call: &mut Call<'_>) -> Made {
    let number = call.int("dtype")?.unwrap_or(1);
    let dtype = tensors::element_type(number);
    let dtype = dtype.map_err(|name| call.refuse("dtype", "an element type", &name))?;
    sequence(call, Sequence::Make, &[], Kind::Tensor { dtype, rank: Rank::Unseen })
}

/// ONNX SequenceAt-11.
fn at(call: &mut Call<'_>) -> Made {
    let kind = element(call, 0)?;
    let (x, index) = (call.input(0)?, call.input(1)?);
    Ok(vec![call.build.object(Sequence::At, &[&x, &index], kind)?])
}

/// ONNX SequenceInsert-11.
fn insert(call: &mut Call<'_>) -> Made {
    let kind = joined(call, &element(call, 0)?, 1)?;
    let inputs = [Some(call.input(0)?), Some(call.input(1)?), call.optional(2)];
    let inputs: Vec<&Operand> = inputs.iter().flatten().collect();
    sequence(call, Sequence::Insert, &inputs, kind)
}

/// ONNX SequenceErase-11.
fn erase(call: &mut Call<'_>) -> Made {
    let kind = element(call, 0)?;
    let inputs = [Some(call.input(0)?), call.optional(1)];
    let inputs: Vec<&Operand> = inputs.iter().flatten().collect();
    sequence(call, Sequence::Erase, &inputs, kind)
}

/// ONNX SequenceLength-11.
fn length(call: &mut Call<'_>) -> Made {
    element(call, 0)?;
    let x = call.input(0)?;
    let kind = Kind::Tensor { dtype: DType::I64, rank: Rank::Is(0) };
    Ok(vec![call.build.object(Sequence::Length, &[&x], kind)?])
}

/// ONNX ConcatFromSequence-11.
fn concat(call: &mut Call<'_>) -> Made {
    let is_new = call.flag("new_axis", false)?;
    let x = call.input(0)?;
    let (dtype, rank) = match element(call, 0)? {
        Kind::Tensor { dtype, rank: Rank::Is(rank) } => (dtype, rank + usize::from(is_new)),
        other => {
            let (expected, found) = ("tensors of known rank".to_string(), format!("{other:?}"));
            return Err(Reason::Input { input: 0, expected, found });
        }
    };
    let axis = call.axis("axis", 0, rank)?;
    let kind = Kind::Tensor { dtype, rank: Rank::Is(rank) };
    Ok(vec![call.build.object(Sequence::Concat { axis, is_new }, &[&x], kind)?])
}

/// ONNX SplitToSequence-11,24.
fn split(call: &mut Call<'_>) -> Made {
    let fact = call.fact(0)?;
    let axis = call.axis("axis", 0, fact.rank())?;
    let keepdims = call.flag("keepdims", true)?;
    let inputs = [Some(call.input(0)?), call.optional(1)];
    let inputs: Vec<&Operand> = inputs.iter().flatten().collect();
    let is_dropped = inputs.len() == 1 && !keepdims;
    let rank = Rank::Is(fact.rank() - usize::from(is_dropped));
    let kind = Kind::Tensor { dtype: fact.dtype, rank };
    sequence(call, Sequence::Split { axis, keepdims }, &inputs, kind)
}

/// ONNX Optional-15.
fn optional(call: &mut Call<'_>) -> Made {
    let x = call.optional(0);
    let kind = match &x {
        Some(x) => Some(Box::new(call.build.kind(x))),
        None => call.kind("type")?.map(Box::new),
    };
    let inputs: Vec<&Operand> = x.iter().collect();
    Ok(vec![call.build.object(Optional::Make, &inputs, Kind::Optional(kind))?])
}

/// ONNX OptionalHasElement-15,18.
fn has_element(call: &mut Call<'_>) -> Made {
    let x = call.optional(0);
    let inputs: Vec<&Operand> = x.iter().collect();
    let kind = Kind::Tensor { dtype: DType::Bool, rank: Rank::Is(0) };
    Ok(vec![call.build.object(Optional::Has, &inputs, kind)?])
}

/// ONNX OptionalGetElement-15,18.
fn get_element(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    match call.build.kind(&x) {
        Kind::Optional(Some(kind)) => Ok(vec![call.build.object(Optional::Get, &[&x], *kind)?]),
        Kind::Optional(None) => {
            let (expected, found) = ("a value of known kind".to_string(), "none".to_string());
            Err(Reason::Input { input: 0, expected, found })
        }
        Kind::Tensor { .. } | Kind::Sequence(_) => Ok(vec![x]),
    }
}
