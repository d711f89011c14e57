//! Labels that are text.

use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Fact;
use operators::dynamic::{Literal, TextOperator};
use tensor::{DType, Dim, Value};

/// An attribute that is a tensor, when it is one of text.
fn texts(call: &Call<'_>, name: &str) -> Result<Option<Vec<String>>, Reason> {
    let value = call.value(name)?;
    Ok(value
        .as_ref()
        .and_then(Value::text)
        .map(|text| text.elements().map(str::to_string).collect()))
}

/// Texts that are keys where the input is text, and else values.
fn either(call: &Call<'_>) -> Result<Option<Vec<String>>, Reason> {
    Ok(call.texts("classes_strings")?.or(call.texts("cats_strings")?))
}

/// The keys of a LabelEncoder or CategoryMapper that are text.
pub(super) fn keys(call: &Call<'_>) -> Result<Option<Vec<String>>, Reason> {
    let either = either(call)?.filter(|_| call.fact(0).is_ok_and(is_text));
    Ok(match call.texts("keys_strings")?.or(either) {
        Some(keys) => Some(keys),
        None => texts(call, "keys_tensor")?,
    })
}

fn is_text(fact: Fact) -> bool {
    fact.dtype == DType::String
}

/// The values of a LabelEncoder or CategoryMapper that are text, the default behind them.
pub(super) fn values(call: &Call<'_>) -> Result<Option<Vec<String>>, Reason> {
    let either = either(call)?.filter(|_| !call.fact(0).is_ok_and(is_text));
    let values = match call.texts("values_strings")?.or(either) {
        Some(values) => Some(values),
        None => texts(call, "values_tensor")?,
    };
    let Some(mut values) = values else { return Ok(None) };
    let default = match call.text("default_string")? {
        Some(default) => default.to_string(),
        None => texts(call, "default_tensor")?
            .and_then(|default| default.first().cloned())
            .unwrap_or_else(|| "_Unused".to_string()),
    };
    values.push(default);
    Ok(Some(values))
}

/// The place of the key that each element equals, behind the last when it equals none.
pub(in crate::onnx::ops) fn look_up(
    call: &mut Call<'_>,
    keys: Vec<String>,
) -> Result<Operand, Reason> {
    places(call, TextOperator::Lookup { keys: keys.into_iter().collect() })
}

/// The place of the key that each element equals, which each must.
pub(super) fn place(call: &mut Call<'_>, keys: Vec<String>) -> Result<Operand, Reason> {
    places(call, TextOperator::Place { keys: keys.into_iter().collect() })
}

fn places(call: &mut Call<'_>, operator: TextOperator) -> Result<Operand, Reason> {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let made = vec![Fact { dtype: DType::I64, shape }];
    let made = call.build.dynamic(operator, &[&x], made)?;
    made.into_iter().next().ok_or(Reason::UnknownRank)
}

/// The texts at places.
pub(super) fn pick(call: &mut Call<'_>, places: &Operand, elements: Vec<String>) -> Made {
    let shape = call.build.fact(places).shape;
    let fact = |shape| vec![Fact { dtype: DType::String, shape }];
    let count = elements.len();
    let literal = Literal { shape: vec![count], elements };
    let all = call.build.dynamic(literal, &[], fact(vec![Dim::from(count)]))?.swap_remove(0);
    call.build.dynamic(TextOperator::Take, &[&all, places], fact(shape))
}
