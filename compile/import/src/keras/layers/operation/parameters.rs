//! What operations take beside tensors.

use super::super::super::call::{Call, Given};
use crate::build::{Builder, Operand};
use crate::error::Reason;
use serde_json::Value;
use tensor::{DType, Tensor};

/// A setting: of the configuration, by name, or by position.
pub(super) fn parameter<'a>(call: &Call<'_, 'a>, name: &str, position: usize) -> Option<&'a Value> {
    let constant = |given: &Given<'a>| match given {
        Given::Constant(value) if !value.is_null() => Some(*value),
        _ => None,
    };
    let own = call.config().get(name);
    own.or_else(|| call.given(name).and_then(constant))
        .or_else(|| call.args.get(position).and_then(constant))
}

pub(super) fn number(call: &Call<'_, '_>, name: &str, position: usize) -> Option<f64> {
    parameter(call, name, position).and_then(Value::as_f64)
}

pub(super) fn integers(call: &Call<'_, '_>, name: &str, position: usize) -> Option<Vec<i64>> {
    match parameter(call, name, position)? {
        Value::Array(values) => values.iter().map(Value::as_i64).collect(),
        one => one.as_i64().map(|one| vec![one]),
    }
}

pub(super) fn refused(call: &Call<'_, '_>, name: &str, expected: &str) -> Reason {
    call.config().refuse(name, expected)
}

/// What stands at a position: a tensor, or numbers in the type of the first tensor.
pub(super) fn operand(call: &mut Call<'_, '_>, position: usize) -> Result<Operand, Reason> {
    let names: &[&[&str]] =
        &[&["x", "x1", "a", "condition"], &["y", "x2", "b", "x1"], &["y", "x2"]];
    let given = match call.args.get(position) {
        Some(given) => Some(given.clone()),
        None => names
            .get(position)
            .and_then(|names| names.iter().find_map(|name| call.given(name).cloned())),
    };
    let missing = || Reason::Input {
        input: position,
        expected: "a tensor or a number".to_string(),
        found: "nothing".to_string(),
    };
    match given.ok_or_else(missing)? {
        Given::Tensor(flow) => Ok(flow.operand),
        Given::List(list) => match list.as_slice() {
            [Given::Tensor(flow)] => Ok(flow.operand.clone()),
            _ => Err(missing()),
        },
        Given::Constant(value) => {
            let first = call.inputs.first().map(|flow| call.walk.build.fact(&flow.operand).dtype);
            constant(&mut call.walk.build, value, first.unwrap_or(DType::F32))
                .ok_or_else(missing)?
        }
    }
}

/// Numbers of a description as a tensor.
fn constant(build: &mut Builder, value: &Value, dtype: DType) -> Option<Result<Operand, Reason>> {
    let (mut shape, mut numbers) = (Vec::new(), Vec::new());
    elements(value, 0, &mut shape, &mut numbers)?;
    let is_fraction = numbers.iter().any(|x| x.fract() != 0.0);
    let dtype = if is_fraction && !dtype.is_float() { DType::F32 } else { dtype };
    let tensor = Tensor::from_slice(&shape, &numbers).ok()?;
    Some(build.cast(&Operand::constant("number", tensor), dtype))
}

fn elements(
    value: &Value,
    depth: usize,
    shape: &mut Vec<usize>,
    numbers: &mut Vec<f64>,
) -> Option<()> {
    match value {
        Value::Array(items) => {
            match shape.get(depth) {
                Some(&size) if size != items.len() => return None,
                Some(_) => {}
                None => shape.push(items.len()),
            }
            items.iter().try_for_each(|item| elements(item, depth + 1, shape, numbers))
        }
        Value::Bool(value) => {
            numbers.push(f64::from(u8::from(*value)));
            Some(())
        }
        // Arrays and tensors are wrapped in their own way.
        Value::Object(object) => {
            let inner = object.get("config").and_then(|config| config.get("value"))?;
            elements(inner, depth, shape, numbers)
        }
        other => {
            numbers.push(other.as_f64()?);
            Some(())
        }
    }
}

/// All tensors that a call takes by position.
pub(super) fn all(call: &Call<'_, '_>) -> Vec<Operand> {
    call.inputs.iter().map(|flow| flow.operand.clone()).collect()
}
