//! Linear models and their company from `ai.onnx.ml`, decomposed. Where the standard is silent
//! the behaviour is that of ONNX Runtime, observed with version 1.32.

pub(super) mod encoder;
pub(super) mod features;
pub(super) mod svm;
pub(super) mod text;
pub(super) mod tree;
pub(super) mod tree_ensemble;

use super::elementwise::identity;
use super::{Row, ml};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Arg, Op};
use operators::function::{Function, Kind};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

pub(super) const OPS: &[Row] = &[
    ml(
        "LinearRegressor",
        &["coefficients", "intercepts", "post_transform", "targets"],
        linear_regressor,
    ),
    ml(
        "LinearClassifier",
        &[
            "classlabels_ints",
            "classlabels_strings",
            "coefficients",
            "intercepts",
            "multi_class",
            "post_transform",
        ],
        linear_classifier,
    ),
    ml("ZipMap", &["classlabels_int64s", "classlabels_strings"], zip_map),
];

/// The features as f32 matrix `[N, features]`; a vector is one row.
fn features(call: &mut Call<'_>) -> Result<(Operand, Dim), Reason> {
    features_as(call, DType::F32)
}

/// The features as matrix of another type.
fn features_as(call: &mut Call<'_>, dtype: DType) -> Result<(Operand, Dim), Reason> {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let x = call.build.cast(&x, dtype)?;
    match fact.shape.as_slice() {
        [columns] => {
            let shape = vec![Dim::from(1), columns.clone()];
            Ok((call.build.reshape(&x, shape)?, columns.clone()))
        }
        [_, columns] => Ok((x, columns.clone())),
        _ => Err(Reason::Input {
            input: 0,
            expected: "[N, features]".to_string(),
            found: format!("{:?}", fact.shape),
        }),
    }
}

fn vector(call: &Call<'_>, values: &[f32]) -> Result<Operand, Reason> {
    matrix(call, &[values.len()], values)
}

fn matrix(call: &Call<'_>, shape: &[usize], values: &[f32]) -> Result<Operand, Reason> {
    let tensor = Tensor::from_slice(shape, values);
    let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
    Ok(Operand::constant(&call.build.node, tensor))
}

/// `x * coefficients^T + intercepts`, `[N, targets]`.
fn scores(call: &mut Call<'_>, targets: usize) -> Result<Operand, Reason> {
    let (x, columns) = features(call)?;
    let coefficients = call.floats("coefficients")?.unwrap_or(&[]);
    // A file may hold more coefficients than its inputs take; the first ones count then.
    let width = columns.known_size().unwrap_or(coefficients.len() / targets.max(1));
    let used = targets.checked_mul(width).and_then(|count| coefficients.get(..count));
    let Some(used) = used.filter(|used| !used.is_empty()) else {
        let expected = format!("{targets} rows of {columns} numbers");
        let found = format!("{} numbers", coefficients.len());
        return Err(call.refuse("coefficients", &expected, &found));
    };
    let coefficients = matrix(call, &[targets, width], used)?;
    let weights = call.build.transpose(&coefficients, vec![1, 0])?;
    let product = call.build.emit(Op::MatMul, &[&x, &weights])?;
    let intercepts = call.floats("intercepts")?.unwrap_or(&[]);
    if intercepts.is_empty() {
        return Ok(product);
    }
    if intercepts.len() != targets {
        let found = format!("{} numbers", intercepts.len());
        return Err(call.refuse("intercepts", &format!("{targets} numbers"), &found));
    }
    let intercepts = vector(call, intercepts)?;
    call.build.binary(Binary::Add, &product, &intercepts)
}

/// What a model makes of its scores.
#[derive(Clone, Copy, PartialEq)]
enum Transform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

fn transform(call: &Call<'_>) -> Result<Transform, Reason> {
    match call.text("post_transform")?.unwrap_or("NONE") {
        "NONE" => Ok(Transform::None),
        "LOGISTIC" => Ok(Transform::Logistic),
        "SOFTMAX" => Ok(Transform::Softmax),
        "SOFTMAX_ZERO" => Ok(Transform::SoftmaxZero),
        "PROBIT" => Ok(Transform::Probit),
        other => {
            let expected = "NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT";
            Err(call.refuse("post_transform", expected, other))
        }
    }
}

/// Scores of several targets, transformed row by row.
fn transformed(
    call: &mut Call<'_>,
    scores: &Operand,
    transform: Transform,
) -> Result<Operand, Reason> {
    match transform {
        Transform::None => Ok(scores.clone()),
        Transform::Logistic => call.build.unary(Unary::Sigmoid, scores),
        Transform::Softmax => call.build.emit(Op::Softmax { axis: 1 }, &[scores]),
        Transform::SoftmaxZero => softmax_zero(call, scores),
        Transform::Probit => {
            let op = Op::Whole(Function { kind: Kind::Probit }.into());
            call.build.emit(op, &[scores])
        }
    }
}

/// A softmax in which scores of 0 (within 1e-7) take no part and stay 0.
fn softmax_zero(call: &mut Call<'_>, scores: &Operand) -> Result<Operand, Reason> {
    let reduce = |reduction| Op::Reduce { reduction, axes: vec![1], keepdims: true };
    let largest = call.build.emit(reduce(Reduction::Max), &[scores])?;
    let below = call.build.binary(Binary::Sub, scores, &largest)?;
    let exponential = call.build.unary(Unary::Exp, &below)?;
    let size = call.build.unary(Unary::Abs, scores)?;
    let (limit, zero) = (call.build.number(DType::F32, 1e-7)?, call.build.number(DType::F32, 0.0)?);
    let counts = call.build.binary(Binary::Greater, &size, &limit)?;
    let taking_part = call.build.emit(Op::Select, &[&counts, &exponential, &zero])?;
    let sum = call.build.emit(reduce(Reduction::Sum), &[&taking_part])?;
    let one = call.build.number(DType::F32, 1.0)?;
    let has_any = call.build.binary(Binary::Greater, &sum, &zero)?;
    let divisor = call.build.emit(Op::Select, &[&has_any, &sum, &one])?;
    call.build.binary(Binary::Div, &taking_part, &divisor)
}

/// ONNX ml.LinearRegressor-1. Refused: a `post_transform` of a single target other than `PROBIT`,
/// which ONNX Runtime ignores against the standard.
fn linear_regressor(call: &mut Call<'_>) -> Made {
    let targets = call.int("targets")?.unwrap_or(1);
    let targets = usize::try_from(targets)
        .map_err(|_| call.refuse("targets", "at least 1", &targets.to_string()))?;
    let transform = transform(call)?;
    if targets == 1 && !matches!(transform, Transform::None | Transform::Probit) {
        return Err(call.refuse("post_transform", "NONE or PROBIT for one target", "another one"));
    }
    let scores = scores(call, targets)?;
    Ok(vec![transformed(call, &scores, transform)?])
}

/// ONNX ml.LinearClassifier-1: the label and the scores of every class. The label is that of the
/// largest score before the transform. With one row of coefficients there are two classes, the
/// second when the score is positive; their scores are `1 - s, s`, or `sigmoid(-s), sigmoid(s)`
/// for `LOGISTIC`. Labels that are text go to the model's metadata too.
fn linear_classifier(call: &mut Call<'_>) -> Made {
    let labels = labels(call, "classlabels_ints")?;
    let targets = match call.floats("intercepts")? {
        Some(intercepts) if !intercepts.is_empty() => intercepts.len(),
        _ => labels.len(),
    };
    let is_binary = targets == 1 && labels.len() == 2;
    if !is_binary && targets != labels.len() {
        let found = format!("{} labels", labels.len());
        return Err(call.refuse("classlabels_ints", &format!("{targets} labels"), &found));
    }
    let transform = transform(call)?;
    let scores = scores(call, targets)?;
    let made = if is_binary {
        (second_above(call, &scores, 0.0)?, two_classes(call, &scores, transform)?)
    } else {
        (largest(call, &scores)?, transformed(call, &scores, transform)?)
    };
    Ok(vec![label(call, made.0, &labels)?, made.1])
}

/// The labels of the classes.
enum Labels {
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

impl Labels {
    fn len(&self) -> usize {
        match self {
            Labels::Integers(labels) => labels.len(),
            Labels::Texts(labels) => labels.len(),
        }
    }
}

/// The labels of the classes; those that are text go to the model's metadata too.
fn labels(call: &mut Call<'_>, integers: &str) -> Result<Labels, Reason> {
    let texts = call.texts("classlabels_strings")?.unwrap_or_default();
    if !texts.is_empty() {
        call.build.labels.clone_from(&texts);
    }
    Ok(match call.ints(integers)? {
        Some(labels) if !labels.is_empty() => Labels::Integers(labels.to_vec()),
        _ => Labels::Texts(texts),
    })
}

/// The index of the largest score of each row.
fn largest(call: &mut Call<'_>, scores: &Operand) -> Result<Operand, Reason> {
    let arg = Arg { is_max: true, axis: 1, keepdims: false, is_last: false };
    call.build.emit(Op::Arg(arg), &[scores])
}

/// For each row of one score: 1 where it is above the limit, else 0.
fn second_above(call: &mut Call<'_>, score: &Operand, limit: f64) -> Result<Operand, Reason> {
    let row = call.build.fact(score).shape[0].clone();
    let limit = call.build.number(call.build.fact(score).dtype, limit)?;
    let is_second = call.build.binary(Binary::Greater, score, &limit)?;
    let index = call.build.cast(&is_second, DType::I64)?;
    call.build.reshape(&index, vec![row])
}

/// The scores of both classes from the one that there is.
fn two_classes(
    call: &mut Call<'_>,
    score: &Operand,
    transform: Transform,
) -> Result<Operand, Reason> {
    let (first, second) = match transform {
        Transform::Logistic => {
            let negative = call.build.unary(Unary::Neg, score)?;
            let first = call.build.unary(Unary::Sigmoid, &negative)?;
            (first, call.build.unary(Unary::Sigmoid, score)?)
        }
        Transform::None | Transform::Softmax | Transform::SoftmaxZero => {
            let one = call.build.number(DType::F32, 1.0)?;
            (call.build.binary(Binary::Sub, &one, score)?, score.clone())
        }
        Transform::Probit => {
            let expected = "none but PROBIT of a single score";
            return Err(call.refuse("post_transform", expected, "PROBIT"));
        }
    };
    call.build.emit(Op::Concat { axis: 1 }, &[&first, &second])
}

/// The label with an index; the index itself when labels count from 0.
fn label(call: &mut Call<'_>, index: Operand, labels: &Labels) -> Result<Operand, Reason> {
    let labels = match labels {
        Labels::Integers(labels) => labels,
        Labels::Texts(labels) => {
            return Ok(text::pick(call, &index, labels.clone())?.swap_remove(0));
        }
    };
    if labels.iter().copied().eq(0..labels.len() as i64) {
        return Ok(index);
    }
    let labels = Tensor::from_slice(&[labels.len()], labels)
        .map_err(|error| Reason::Evaluation(error.to_string()))?;
    let labels = Operand::constant(&call.build.node, labels);
    call.build.emit(Op::Gather { axis: 0 }, &[&labels, &index])
}

/// ONNX ml.ZipMap-1: the tensor of probabilities itself. A list of maps says nothing more than
/// the tensor and the labels, whose names go to the model's metadata.
fn zip_map(call: &mut Call<'_>) -> Made {
    if let Some(labels) = call.texts("classlabels_strings")?.filter(|l| !l.is_empty()) {
        call.build.labels = labels;
    } else if let Some(labels) = call.ints("classlabels_int64s")? {
        call.build.labels = labels.iter().map(i64::to_string).collect();
    }
    identity(call)
}
