//! What operations take beside tensors.

use super::super::super::call::{Call, Given};
use super::super::super::config::shown;
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
    // What a function of TensorFlow takes is in its call only: its configuration is a layer's.
    let own = call.config().get(name).filter(|_| !is_function(call));
    let given = call.given(name).and_then(constant);
    given.or(own).or_else(|| call.args.get(position).and_then(constant))
}

/// Is it a function of TensorFlow in a layer of its own?
fn is_function(call: &Call<'_, '_>) -> bool {
    call.layer.class.ends_with("OpLambda")
}

/// Names that say nothing of what an operation computes.
const SILENT: [&str; 3] = ["name", "trainable", "function"];

/// Names of operands, for every operation.
const OPERANDS: [&str; 7] = ["x", "x1", "x2", "y", "a", "b", "condition"];

/// Names whose values are axes.
const AXES: [&str; 5] = ["axis", "axes", "axis1", "axis2", "perm"];

/// Requires all that is given by name to be known: what nobody reads would change the numbers.
/// `null` and `false` stand for what is left out.
pub(super) fn understood(call: &Call<'_, '_>, names: &[&str]) -> Result<(), Reason> {
    let refusal = |name: &str, expected: &str, found: String| {
        let (name, expected) = (name.to_string(), expected.to_string());
        Err(Reason::Attribute { name, expected, found })
    };
    // Constants among tensors would be left out.
    let is_mixed = |given: &Given<'_>| {
        let Given::List(list) = given else { return false };
        list.iter().any(|item| matches!(item, Given::Constant(_)))
    };
    if call.args.iter().any(is_mixed) {
        return refusal("values", "tensors only", "constants among tensors".to_string());
    }
    let own = call.config().0.iter().filter(|_| !is_function(call));
    // A policy of types is a layer's, and no parameter.
    let own = own.filter(|(name, value)| !(*name == "dtype" && value.is_object()));
    let own = own.map(|(name, value)| (name.as_str(), Given::Constant(value)));
    for (name, given) in own.chain(call.named.iter().cloned()) {
        let is_known = names.contains(&name);
        match given {
            _ if SILENT.contains(&name) || OPERANDS.contains(&name) => {}
            Given::Constant(Value::Null | Value::Bool(false)) => {}
            Given::Constant(value) if !is_known => {
                return refusal(name, "it to be left out, as it is not supported", shown(value));
            }
            Given::Constant(value) if AXES.contains(&name) && !are_integers(value) => {
                return refusal(name, "axes as integers", shown(value));
            }
            Given::Constant(_) => {}
            Given::Tensor(_) | Given::List(_) => {
                let expected = "a constant of the description, or nothing";
                return refusal(name, expected, "a tensor".to_string());
            }
        }
    }
    Ok(())
}

fn are_integers(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(Value::is_i64),
        one => one.is_i64(),
    }
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

/// The refusal of a setting, with what was given.
pub(super) fn refused(call: &Call<'_, '_>, name: &str, expected: &str) -> Reason {
    match call.given(name) {
        Some(Given::Constant(value)) => Reason::Attribute {
            name: name.to_string(),
            expected: expected.to_string(),
            found: shown(value),
        },
        _ => call.config().refuse(name, expected),
    }
}

/// What stands at a position, or under one of its names.
fn given_at<'c, 'a>(
    call: &'c Call<'_, 'a>,
    position: usize,
    names: &[&str],
) -> Option<&'c Given<'a>> {
    let by_name = || names.iter().find_map(|name| call.given(name));
    call.args.get(position).or_else(by_name)
}

/// The type of the first tensor among some operands, given by position or name; `f32` for numbers.
pub(super) fn like(call: &Call<'_, '_>, operands: &[(usize, &[&str])]) -> DType {
    let mut found = Vec::new();
    let each = operands.iter().filter_map(|(position, names)| given_at(call, *position, names));
    each.for_each(|given| given.flatten(&mut found));
    let first = found.first().map(|flow| call.walk.build.fact(&flow.operand).dtype);
    first.unwrap_or(DType::F32)
}

/// What stands at a position: a tensor, or numbers in the type of the first tensor.
pub(super) fn operand(call: &mut Call<'_, '_>, position: usize) -> Result<Operand, Reason> {
    const NAMES: [&[&str]; 2] = [&["x", "x1", "a"], &["y", "x2", "b"]];
    let dtype = like(call, &[(0, NAMES[0]), (1, NAMES[1])]);
    operand_of(call, position, NAMES.get(position).copied().unwrap_or_default(), dtype)
}

/// What stands at a position or under one of these names: a tensor, or numbers of this type.
pub(super) fn operand_of(
    call: &mut Call<'_, '_>,
    position: usize,
    names: &[&str],
    dtype: DType,
) -> Result<Operand, Reason> {
    let missing = || Reason::Input {
        input: position,
        expected: "a tensor or a number".to_string(),
        found: "nothing".to_string(),
    };
    match given_at(call, position, names).cloned().ok_or_else(missing)? {
        Given::Tensor(flow) => Ok(flow.operand),
        Given::List(list) => match list.as_slice() {
            [Given::Tensor(flow)] => Ok(flow.operand.clone()),
            _ => Err(missing()),
        },
        Given::Constant(value) => {
            constant(&mut call.walk.build, value, dtype).ok_or_else(missing)?
        }
    }
}

/// Numbers of a description as a tensor. A fraction stays one among integers, also a whole one
/// (`2.0`), and a number is no truth.
fn constant(build: &mut Builder, value: &Value, dtype: DType) -> Option<Result<Operand, Reason>> {
    let (mut shape, mut numbers) = (Vec::new(), Vec::new());
    elements(value, 0, &mut shape, &mut numbers)?;
    let dtype = match dtype {
        _ if dtype.is_float() => dtype,
        _ if holds(value, |number| number.is_f64()) => DType::F32,
        DType::Bool if holds(value, Value::is_number) => DType::I32,
        _ => dtype,
    };
    let tensor = Tensor::from_slice(&shape, &numbers).ok()?;
    Some(build.cast(&Operand::constant("number", tensor), dtype))
}

/// Is any element such a one?
fn holds(value: &Value, is_such: fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, is_such)),
        Value::Object(_) => {
            value.pointer("/config/value").is_some_and(|inner| holds(inner, is_such))
        }
        other => is_such(other),
    }
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
