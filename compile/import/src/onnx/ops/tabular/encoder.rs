//! Labels for labels.

use super::super::{Row, ml};
use super::text;
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use operators::lookup::{Lookup, order};
use operators::numbers::{self, Numbers};
use tensor::{DType, Tensor, TensorError};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    ml(
        "CategoryMapper",
        &["cats_int64s", "cats_strings", "default_int64", "default_string"],
        label_encoder,
    ),
    ml(
        "LabelEncoder",
        &[
            "classes_strings",
            "default_float",
            "default_int64",
            "default_string",
            "default_tensor",
            "keys_floats",
            "keys_int64s",
            "keys_strings",
            "keys_tensor",
            "values_floats",
            "values_int64s",
            "values_strings",
            "values_tensor",
        ],
        label_encoder,
    ),
];

/// ONNX ml.LabelEncoder-1,2,4, ml.CategoryMapper-1: the value of the key that each element equals
/// (the first of several), or the default. NaN equals NaN from version 4 on.
fn label_encoder(call: &mut Call<'_>) -> Made {
    let values = text::values(call)?;
    let (place, count) = match (text::keys(call)?, &values) {
        (Some(keys), _) => {
            let count = keys.len();
            (text::look_up(call, keys)?, count)
        }
        (None, Some(_)) => places(call)?,
        (None, None) => return between_numbers(call),
    };
    match values {
        Some(values) => {
            require_as_many(call, count, values.len().saturating_sub(1))?;
            text::pick(call, &place, values)
        }
        None => {
            let (values, default) = self::values(call)?;
            require_as_many(call, count, values.len())?;
            let size = [values.len() + 1];
            let bytes = [values.bytes(), default.bytes()].concat();
            let values = Tensor::from_bytes(values.dtype(), &size, &bytes).map_err(evaluation)?;
            let values = Operand::constant(&call.build.node, values);
            call.emit(Op::Gather { axis: 0 }, &[&values, &place])
        }
    }
}

fn require_as_many(call: &Call<'_>, keys: usize, values: usize) -> Result<(), Reason> {
    if keys == values {
        return Ok(());
    }
    let expected = format!("a value for each of {keys} keys");
    Err(call.refuse("values_…", &expected, &format!("{values} values")))
}

/// The place of the number key that each element equals, and how many keys there are.
fn places(call: &mut Call<'_>) -> Result<(Operand, usize), Reason> {
    let x = call.input(0)?;
    let keys = number_keys(call)?;
    let count = keys.len();
    let (wide, keys, places) = sorted(&keys, call.opset >= 4);
    let values: Vec<i64> = places.into_iter().chain([count]).map(|at| at as i64).collect();
    let x = call.build.cast(&x, wide)?;
    let places = look_up(call, &x, keys, Tensor::from_slice(&[values.len()], &values), false)?;
    Ok((places, count))
}

/// The keys, which are numbers.
fn number_keys(call: &Call<'_>) -> Result<Tensor, Reason> {
    if let Some(places) = class_places(call)? {
        return Ok(places);
    }
    let keys = match call.floats("keys_floats")? {
        Some(keys) => Tensor::from_slice(&[keys.len()], keys),
        None => match call.ints("keys_int64s")?.or(call.ints("cats_int64s")?) {
            Some(keys) => Tensor::from_slice(&[keys.len()], keys),
            None => Ok(numeric(call, "keys")?),
        },
    };
    keys.map_err(evaluation)
}

fn between_numbers(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let keys = number_keys(call)?;
    let (values, default) = values(call)?;
    require_as_many(call, keys.len(), values.len())?;
    if keys.dtype().is_float() != dtype.is_float() {
        let (expected, found) = (format!("{}, as the keys", keys.dtype()), dtype.to_string());
        return Err(Reason::Input { input: 0, expected, found });
    }
    let (wide, keys, places) = sorted(&keys, call.opset >= 4);
    let size = values.dtype().size();
    let element = |&at: &usize| &values.bytes()[at * size..][..size];
    let mut bytes: Vec<u8> = places.iter().flat_map(element).copied().collect();
    bytes.extend(default.bytes());
    let values = Tensor::from_bytes(values.dtype(), &[places.len() + 1], &bytes);
    let x = call.build.cast(&x, wide)?;
    Ok(vec![look_up(call, &x, keys, values, false)?])
}

/// What [`Lookup`] makes of the elements of `x`.
pub(super) fn look_up(
    call: &mut Call<'_>,
    x: &Operand,
    keys: Result<Tensor, TensorError>,
    values: Result<Tensor, TensorError>,
    is_strict: bool,
) -> Result<Operand, Reason> {
    let keys = Operand::constant(&call.build.node, keys.map_err(evaluation)?);
    let values = Operand::constant(&call.build.node, values.map_err(evaluation)?);
    call.build.emit(Op::Whole(Lookup { is_strict }.into()), &[x, &keys, &values])
}

fn evaluation(error: TensorError) -> Reason {
    Reason::Evaluation(error.to_string())
}

/// The attribute `keys_tensor` or `values_tensor`.
fn numeric(call: &Call<'_>, side: &str) -> Result<Tensor, Reason> {
    let name = format!("{side}_tensor");
    let found = || {
        let given = call.node.attribute.iter().map(|attribute| attribute.name.as_str());
        given.collect::<Vec<_>>().join(", ")
    };
    let tensor = call.tensor(&name)?;
    tensor.ok_or_else(|| call.refuse(&name, &format!("{side} that are numbers"), &found()))
}

/// The places of the classes of version 1.
fn class_places(call: &Call<'_>) -> Result<Option<Tensor>, Reason> {
    let Some(classes) = call.texts("classes_strings")? else { return Ok(None) };
    let places: Vec<i64> = (0..).take(classes.len()).collect();
    Tensor::from_slice(&[places.len()], &places).map(Some).map_err(evaluation)
}

/// The values, and the default of their type.
fn values(call: &Call<'_>) -> Result<(Tensor, Tensor), Reason> {
    if let Some(places) = class_places(call)? {
        return Ok((places, Tensor::scalar(call.int("default_int64")?.unwrap_or(-1))));
    }
    if let Some(values) = call.floats("values_floats")? {
        let default = call.float("default_float")?.unwrap_or(-0.0);
        let values = Tensor::from_slice(&[values.len()], values).map_err(evaluation)?;
        return Ok((values, Tensor::scalar(default)));
    }
    if let Some(values) = call.ints("values_int64s")?.or(call.ints("cats_int64s")?) {
        let default = call.int("default_int64")?.unwrap_or(-1);
        let values = Tensor::from_slice(&[values.len()], values).map_err(evaluation)?;
        return Ok((values, Tensor::scalar(default)));
    }
    let values = numeric(call, "values")?;
    let default = match call.tensor("default_tensor")? {
        Some(default) => default,
        None if values.dtype().is_float() => cast(&Tensor::scalar(-0.0f64), values.dtype())?,
        None => cast(&Tensor::scalar(-1i64), values.dtype())?,
    };
    if default.dtype() != values.dtype() || default.len() != 1 {
        let expected = format!("one element of {}", values.dtype());
        return Err(call.refuse("default_tensor", &expected, &format!("{default:?}")));
    }
    Ok((values, default))
}

fn cast(x: &Tensor, dtype: DType) -> Result<Tensor, Reason> {
    let cast = reference::evaluate(&Op::Cast(dtype), &[x], &Default::default());
    cast.map_err(|error| Reason::Evaluation(error.to_string()))
}

/// The keys in the order of [`Lookup`] and in one of its types, each once, and the place where
/// each stood first.
fn sorted(keys: &Tensor, has_nan: bool) -> (DType, Result<Tensor, TensorError>, Vec<usize>) {
    match numbers::read(&keys.view()) {
        Numbers::Float(keys) => {
            let mut places: Vec<usize> = (0..keys.len()).collect();
            places.retain(|&at| has_nan || !keys[at].is_nan());
            places.sort_by(|&a, &b| order(keys[a], keys[b]));
            places.dedup_by(|b, a| order(keys[*a], keys[*b]).is_eq());
            let keys: Vec<f64> = places.iter().map(|&at| keys[at]).collect();
            (DType::F64, Tensor::from_slice(&[keys.len()], &keys), places)
        }
        Numbers::Integer(keys) => {
            let mut places: Vec<usize> = (0..keys.len()).collect();
            places.sort_by_key(|&at| keys[at]);
            places.dedup_by_key(|at| keys[*at]);
            let keys: Vec<i64> = places.iter().map(|&at| keys[at] as i64).collect();
            (DType::I64, Tensor::from_slice(&[keys.len()], &keys), places)
        }
    }
}
