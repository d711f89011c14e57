//! Operators of `ai.onnx.ml` that prepare features.

use super::super::{Row, ml};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use operators::one_hot::OneHot;
use std::collections::HashSet;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    ml("ArrayFeatureExtractor", &[], array_feature_extractor),
    ml("Binarizer", &["threshold"], binarizer),
    ml("FeatureVectorizer", &["inputdimensions"], feature_vectorizer),
    ml(
        "Imputer",
        &[
            "imputed_value_floats",
            "imputed_value_int64s",
            "replaced_value_float",
            "replaced_value_int64",
        ],
        imputer,
    ),
    ml("Normalizer", &["norm"], normalizer),
    ml("OneHotEncoder", &["cats_int64s", "cats_strings", "zeros"], one_hot_encoder),
    ml("Scaler", &["offset", "scale"], scaler),
];

/// ONNX ml.ArrayFeatureExtractor-1: elements along the last axis, picked by indices. A vector is
/// one row, so that it becomes a matrix, as ONNX Runtime has it.
fn array_feature_extractor(call: &mut Call<'_>) -> Made {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let (rank, columns) = (call.fact(0)?.rank(), call.fact(1)?.shape);
    let last = rank.checked_sub(1).ok_or_else(|| scalar(0))?;
    let count = columns.into_iter().reduce(|a, b| a * b).unwrap_or_else(|| Dim::from(1));
    let indices = call.build.reshape(&indices, vec![count.clone()])?;
    let made = call.build.emit(Op::Gather { axis: last }, &[&x, &indices])?;
    if rank == 1 {
        return Ok(vec![call.build.reshape(&made, vec![Dim::from(1), count])?]);
    }
    Ok(vec![made])
}

/// ONNX ml.Binarizer-1: 1 above the threshold, else 0, in the type of the input.
fn binarizer(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let wide = if dtype.is_float() { dtype } else { DType::F64 };
    let x = call.build.cast(&x, wide)?;
    let threshold = call.float("threshold")?.unwrap_or(0.0);
    let threshold = call.build.number(wide, f64::from(threshold))?;
    let is_above = call.build.binary(Binary::Greater, &x, &threshold)?;
    Ok(vec![call.build.cast(&is_above, dtype)?])
}

/// ONNX ml.FeatureVectorizer-1: rows of all inputs side by side in `f32`, each cut to its number of
/// features, or filled with zeros.
fn feature_vectorizer(call: &mut Call<'_>) -> Made {
    let inputs = call.variadic()?;
    let sizes = call.counts("inputdimensions")?.unwrap_or_default();
    if sizes.len() != inputs.len() {
        let (expected, found) = (inputs.len(), sizes.len());
        let expected = format!("a size of each of {expected} inputs");
        return Err(call.refuse("inputdimensions", &expected, &format!("{found} sizes")));
    }
    let mut parts = Vec::with_capacity(inputs.len());
    for (input, (x, size)) in inputs.iter().zip(sizes).enumerate() {
        let shape = call.build.fact(x).shape;
        let (rows, columns) = match shape.as_slice() {
            [] => return Err(scalar(input)),
            [columns] => (Dim::from(1), columns.clone()),
            [rows, columns @ ..] => {
                let columns = columns.iter().cloned().reduce(|a, b| a * b);
                (rows.clone(), columns.unwrap_or_else(|| Dim::from(1)))
            }
        };
        let Some(found) = columns.known_size() else {
            return Err(Reason::Input {
                input,
                expected: "a known number of features".to_string(),
                found: columns.to_string(),
            });
        };
        let x = call.build.cast(x, DType::F32)?;
        let x = call.build.reshape(&x, vec![rows.clone(), columns])?;
        parts.push(if found > size {
            let cut = SliceAxis { axis: 1, start: Dim::from(0), len: Dim::from(size), step: 1 };
            call.build.emit(Op::Slice { axes: vec![cut] }, &[&x])?
        } else {
            x
        });
        if found < size {
            let zero = call.build.number(DType::F32, 0.0)?;
            parts.push(call.build.expand(&zero, vec![rows, Dim::from(size - found)])?);
        }
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    call.emit(Op::Concat { axis: 1 }, &parts)
}

/// ONNX ml.Imputer-1: one value of each feature, or of all, in the place of the elements that
/// equal another; of those that are not numbers, when that is what is replaced.
fn imputer(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let (floats, integers) = (call.floats("imputed_value_floats")?, "imputed_value_int64s");
    let (values, replaced) = if fact.dtype.is_float() {
        let values: Vec<f64> = floats.unwrap_or(&[]).iter().map(|&x| f64::from(x)).collect();
        let replaced = f64::from(call.float("replaced_value_float")?.unwrap_or(0.0));
        (Tensor::from_slice(&[values.len()], &values), Tensor::scalar(replaced))
    } else {
        let values = call.ints(integers)?.unwrap_or(&[]);
        let replaced = call.int("replaced_value_int64")?.unwrap_or(0);
        (Tensor::from_slice(&[values.len()], values), Tensor::scalar(replaced))
    };
    let is_nan = replaced.as_slice::<f64>().is_ok_and(|x| x.iter().all(|x| x.is_nan()));
    let values = values.map_err(|error| Reason::Evaluation(error.to_string()))?;
    if values.len() != 1 && fact.shape.last() != Some(&Dim::from(values.len())) {
        let name = if fact.dtype.is_float() { "imputed_value_floats" } else { integers };
        let found = format!("{} for {:?}", values.len(), fact.shape);
        return Err(call.refuse(name, "one value, or one of each feature", &found));
    }
    let mut constant = |tensor: Tensor| {
        let constant = Operand::constant(&call.build.node, tensor);
        call.build.cast(&constant, fact.dtype)
    };
    let (values, replaced) = (constant(values)?, constant(replaced)?);
    let is_replaced = if is_nan {
        call.build.unary(Unary::IsNan, &x)?
    } else {
        call.build.binary(Binary::Equal, &x, &replaced)?
    };
    call.emit(Op::Select, &[&is_replaced, &values, &x])
}

/// ONNX ml.Normalizer-1: each row over its largest element, its sum of absolute values or its
/// length; a row for which that is 0 stays as it is.
fn normalizer(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let reduction = match call.text("norm")?.unwrap_or("MAX") {
        "MAX" => Reduction::Max,
        "L1" => Reduction::L1,
        "L2" => Reduction::L2,
        other => return Err(call.refuse("norm", "MAX, L1 or L2", other)),
    };
    let x = call.build.cast(&x, DType::F32)?;
    let last = call.build.fact(&x).rank().checked_sub(1).ok_or_else(|| scalar(0))?;
    let op = Op::Reduce { reduction, axes: vec![last], keepdims: true };
    let norm = call.build.emit(op, &[&x])?;
    let (zero, one) = (call.build.number(DType::F32, 0.0)?, call.build.number(DType::F32, 1.0)?);
    let is_zero = call.build.binary(Binary::Equal, &norm, &zero)?;
    let divisor = call.build.emit(Op::Select, &[&is_zero, &one, &norm])?;
    Ok(vec![call.build.binary(Binary::Div, &x, &divisor)?])
}

/// ONNX ml.OneHotEncoder-1 of text, or of numbers, which are rounded towards zero: a new last axis,
/// 1 at the category of the element (the last of several equal ones) and 0 elsewhere. An element of
/// no category has zeros only, or where `zeros` is 0 is an error of the run.
fn one_hot_encoder(call: &mut Call<'_>) -> Made {
    let fact = call.fact(0)?;
    let is_strict = !call.flag("zeros", true)?;
    let (place, count) = match fact.dtype {
        DType::String => text_places(call, is_strict)?,
        _ => number_places(call, is_strict)?,
    };
    let hot = super::vector(call, &[0.0, 1.0])?;
    let op = OneHot { axis: fact.rank(), depth: Dim::from(count) };
    call.emit(Op::Whole(op.into()), &[&place, &hot])
}

/// The place of each text among the categories, and how many there are.
fn text_places(call: &mut Call<'_>, is_strict: bool) -> Result<(Operand, usize), Reason> {
    let categories = call.texts("cats_strings")?.unwrap_or_default();
    let count = categories.len();
    let distinct: HashSet<&String> = categories.iter().collect();
    if count == 0 || distinct.len() != count {
        let found = format!("{count}, of which {} differ", distinct.len());
        return Err(call.refuse("cats_strings", "categories that differ", &found));
    }
    let place = match is_strict {
        true => super::text::place(call, categories)?,
        false => super::text::look_up(call, categories)?,
    };
    Ok((place, count))
}

/// The place of each number among the categories, and how many there are.
fn number_places(call: &mut Call<'_>, is_strict: bool) -> Result<(Operand, usize), Reason> {
    let x = call.input(0)?;
    let categories = call.ints("cats_int64s")?.unwrap_or(&[]);
    let count = categories.len();
    if count == 0 {
        return Err(call.refuse("cats_int64s", "categories of numbers", "none"));
    }
    let mut places: Vec<(i64, i64)> = categories.iter().copied().zip(0..).collect();
    // The last of several comes first and is kept.
    places.sort_unstable_by_key(|&(category, at)| (category, -at));
    places.dedup_by_key(|(category, _)| *category);
    let (keys, mut values): (Vec<i64>, Vec<i64>) = places.into_iter().unzip();
    // Outside of the new axis, and thus nowhere.
    values.push(count as i64);
    let x = call.build.cast(&x, DType::I64)?;
    let keys = Tensor::from_slice(&[keys.len()], &keys);
    let values = Tensor::from_slice(&[values.len()], &values);
    let place = super::encoder::look_up(call, &x, keys, values, is_strict)?;
    Ok((place, count))
}

/// ONNX ml.Scaler-1: `(x - offset) * scale`, for each feature or for all; of `f64` computed in
/// `f64`, so that the difference of large numbers keeps its digits.
fn scaler(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let mut made = call.build.cast(&x, wide)?;
    for (name, function) in [("offset", Binary::Sub), ("scale", Binary::Mul)] {
        if let Some(values) = call.floats(name)? {
            let values = super::vector(call, values)?;
            let values = call.build.cast(&values, wide)?;
            made = call.build.binary(function, &made, &values)?;
        }
    }
    Ok(vec![call.build.cast(&made, DType::F32)?])
}

fn scalar(input: usize) -> Reason {
    Reason::Input {
        input,
        expected: "a vector or a matrix".to_string(),
        found: "a single number".to_string(),
    }
}
