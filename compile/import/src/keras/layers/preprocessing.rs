//! Layers that prepare what a model takes.

use super::super::call::{Call, Made};
use super::super::variables::{Slot, slot_if};
use super::{Config, Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{axis, reduce, with, with_axis};
use crate::error::Reason;
use ir::Op;
use operators::lookup::Lookup;
use operators::one_hot::OneHot;
use std::collections::BTreeMap;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

/// Mean and variance are weights unless the configuration holds them.
const ADAPTED: fn(Config<'_>) -> bool = |config| config.get("mean").is_none();

const STATISTICS: &[Slot] = &[
    slot_if("mean", ADAPTED).untrained(),
    slot_if("variance", ADAPTED).untrained(),
    slot_if("count", ADAPTED).untrained(),
];

pub(super) const ROWS: &[Row] = &[
    row("Rescaling", "", &[], rescaling).in_any_type(),
    row("Normalization", "", STATISTICS, normalization).in_any_type(),
    row("CategoryEncoding", "", &[], category_encoding).without_mask().in_any_type(),
    row("Discretization", "", &[], discretization).without_mask().in_any_type(),
    row("IntegerLookup", "one index at most for what is not listed", &[], integer_lookup)
        .without_mask()
        .in_any_type(),
];

/// Numbers of a configuration, one or as many as they are on the last axis.
fn numbers(call: &mut Call<'_, '_>, name: &str, default: f64) -> Result<Operand, Reason> {
    let numbers = call.config().floats(name)?.unwrap_or_else(|| vec![default]);
    let dtype = call.compute_type();
    let build = &mut call.walk.build;
    if let [one] = *numbers {
        return build.number(dtype, one);
    }
    let tensor = Tensor::from_slice(&[numbers.len()], &numbers);
    let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
    build.cast(&Operand::constant(name, tensor), dtype)
}

fn rescaling(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let (scale, offset) = (numbers(call, "scale", 1.0)?, numbers(call, "offset", 0.0)?);
    let dtype = call.compute_type();
    let build = &mut call.walk.build;
    let x = build.cast(&x, dtype)?;
    let scaled = build.binary(Binary::Mul, &x, &scale)?;
    Ok(vec![build.binary(Binary::Add, &scaled, &offset)?])
}

/// `(x - mean) / max(sqrt(variance), 1e-7)`, or the way back.
fn normalization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let (mean, variance) = match call.weight_if("mean") {
        Some(mean) => (mean, call.weight("variance")?),
        None => (numbers(call, "mean", 0.0)?, numbers(call, "variance", 1.0)?),
    };
    let (config, dtype) = (call.config(), call.compute_type());
    let inverts = config.flag("invert", false);
    let build = &mut call.walk.build;
    let x = build.cast(&x, dtype)?;
    let rank = build.fact(&x).rank();
    let axes = match config.0.get("axis") {
        Some(value) if value.is_null() => Vec::new(),
        _ => config.integers("axis")?.unwrap_or_else(|| vec![-1]),
    };
    let kept: Option<Vec<usize>> = axes.iter().map(|&value| axis(value, rank)).collect();
    let mut kept = kept.ok_or_else(|| config.refuse("axis", &format!("axes of {rank}")))?;
    kept.sort_unstable();
    let mut along = |weight: &Operand| {
        let sizes = build.fact(weight).shape;
        if sizes.len() > kept.len() {
            return Ok(weight.clone());
        }
        // What has fewer axes is that of the last ones.
        let mut shape = vec![Dim::from(1); rank];
        let places = &kept[kept.len() - sizes.len()..];
        places.iter().zip(sizes).for_each(|(&at, size)| shape[at] = size);
        build.reshape(weight, shape)
    };
    let (mean, variance) = (along(&mean)?, along(&variance)?);
    let root = build.unary(Unary::Sqrt, &variance)?;
    let deviation = with(build, Binary::Max, &root, 1e-7)?;
    if inverts {
        let scaled = build.binary(Binary::Mul, &x, &deviation)?;
        return Ok(vec![build.binary(Binary::Add, &mean, &scaled)?]);
    }
    let centered = build.binary(Binary::Sub, &x, &mean)?;
    Ok(vec![build.binary(Binary::Div, &centered, &deviation)?])
}

/// An axis more that is 1 at an index.
pub(super) fn one_hot(
    build: &mut Builder,
    indices: &Operand,
    depth: usize,
    dtype: DType,
) -> Result<Operand, Reason> {
    let values = Tensor::from_slice(&[2], &[0.0f32, 1.0]);
    let values = values.map_err(|error| Reason::Evaluation(error.to_string()))?;
    let values = build.cast(&Operand::constant("off_on", values), dtype)?;
    let axis = build.fact(indices).rank();
    let operator = OneHot { axis, depth: Dim::from(depth) };
    build.emit(Op::Whole(operator.into()), &[indices, &values])
}

/// Indices as rows of ones, in the form that a configuration names.
fn encoded(call: &mut Call<'_, '_>, indices: Operand, depth: usize, mode: &str) -> Made {
    let (config, dtype) = (call.config(), call.compute_type());
    let build = &mut call.walk.build;
    let mut indices = build.cast(&indices, DType::I64)?;
    let shape = build.fact(&indices).shape;
    let is_single = shape.len() > 1 && shape.last().and_then(Dim::known) == Some(1);
    let reduction = match mode {
        "int" => return Ok(vec![indices]),
        "one_hot" => {
            if is_single {
                indices = build.reshape(&indices, shape[..shape.len() - 1].to_vec())?;
            }
            return Ok(vec![one_hot(build, &indices, depth, dtype)?]);
        }
        "multi_hot" => Reduction::Max,
        "count" => Reduction::Sum,
        _ => return Err(config.refuse("output_mode", "int, one_hot, multi_hot or count")),
    };
    if shape.is_empty() {
        let (expected, found) = ("at least 1 axis".to_string(), "a single number".to_string());
        return Err(Reason::Input { input: 0, expected, found });
    }
    if shape.len() == 1 {
        indices = with_axis(build, &indices, 1)?;
    }
    let rows = one_hot(build, &indices, depth, dtype)?;
    let axis = build.fact(&indices).rank() - 1;
    let made = reduce(build, reduction, &rows, &[axis], false)?;
    let mut kept = build.fact(&made).shape;
    if shape.len() == 1 {
        kept = vec![shape[0].clone(), Dim::from(depth)];
    }
    Ok(vec![build.reshape(&made, kept)?])
}

fn category_encoding(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let depth = config.size("num_tokens")?;
    if call.given("count_weights").is_some() {
        return Err(config.refuse("count_weights", "nothing"));
    }
    encoded(call, x, depth, config.text("output_mode").unwrap_or("multi_hot"))
}

/// How many boundaries are not above a number.
fn discretization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let boundaries = config.floats("bin_boundaries")?;
    let boundaries = boundaries.ok_or_else(|| config.refuse("bin_boundaries", "numbers"))?;
    let dtype = call.compute_type();
    let build = &mut call.walk.build;
    let x = build.cast(&x, dtype)?;
    let rank = build.fact(&x).rank();
    let wide = with_axis(build, &x, rank)?;
    let tensor = Tensor::from_slice(&[boundaries.len()], &boundaries);
    let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
    let ends = build.cast(&Operand::constant("boundaries", tensor), dtype)?;
    let is_beyond = build.binary(Binary::GreaterOrEqual, &wide, &ends)?;
    let ones = build.cast(&is_beyond, DType::I64)?;
    let indices = reduce(build, Reduction::Sum, &ones, &[rank], false)?;
    let mode = config.text("output_mode").unwrap_or("int");
    let made = encoded(call, indices, boundaries.len() + 1, mode)?;
    let narrows = mode == "int" && call.walk.dialect >= 3;
    let build = &mut call.walk.build;
    let narrowed = |made: &Operand| build.cast(made, DType::I32);
    if narrows { made.iter().map(narrowed).collect() } else { Ok(made) }
}

/// The place of each number in a list, behind one for a mask and one for what is not listed.
fn integer_lookup(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let listed = config.integers("vocabulary")?;
    let listed = listed.ok_or_else(|| config.refuse("vocabulary", "a list in the description"))?;
    let others = config.integer("num_oov_indices")?.unwrap_or(1);
    if !(0..=1).contains(&others) || config.flag("invert", false) {
        return Err(config.refuse("num_oov_indices", "0 or 1, and no inverse"));
    }
    let mask = config.integer("mask_token")?;
    let first = i64::from(mask.is_some());
    let mut places: BTreeMap<i64, i64> = BTreeMap::new();
    for (number, place) in listed.iter().zip(first + others..) {
        places.entry(*number).or_insert(place);
    }
    if let Some(mask) = mask {
        places.insert(mask, 0);
    }
    let depth = listed.len() + usize::try_from(first + others).unwrap_or(0);
    let keys: Vec<i64> = places.keys().copied().collect();
    let values: Vec<i64> = places.into_values().chain([first]).collect();
    let constant = |name: &str, elements: &[i64]| {
        let tensor = Tensor::from_slice(&[elements.len()], elements);
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok::<_, Reason>(Operand::constant(name, tensor))
    };
    let (keys, values) = (constant("keys", &keys)?, constant("places", &values)?);
    let build = &mut call.walk.build;
    let x = build.cast(&x, DType::I64)?;
    let operator = Lookup { is_strict: others == 0 };
    let indices = build.emit(Op::Whole(operator.into()), &[&x, &keys, &values])?;
    encoded(call, indices, depth, config.text("output_mode").unwrap_or("int"))
}
