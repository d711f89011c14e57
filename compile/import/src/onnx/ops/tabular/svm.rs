//! Support vector machines.

use super::super::{Row, ml};
use super::{
    Labels, Transform, features, label, labels, largest, matrix, transform, transformed,
    two_classes, vector,
};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use operators::squared_distance::SquaredDistance;
use operators::support_vector_classifier::SupportVectorClassifier;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    ml(
        "SVMClassifier",
        &[
            "classlabels_ints",
            "classlabels_strings",
            "coefficients",
            "kernel_params",
            "kernel_type",
            "post_transform",
            "prob_a",
            "prob_b",
            "rho",
            "support_vectors",
            "vectors_per_class",
        ],
        classifier,
    ),
    ml(
        "SVMRegressor",
        &[
            "coefficients",
            "kernel_params",
            "kernel_type",
            "n_supports",
            "one_class",
            "post_transform",
            "rho",
            "support_vectors",
        ],
        regressor,
    ),
];

/// ONNX ml.SVMRegressor-1: the kernels of the support vectors, weighted, or without any a linear
/// model; for `one_class` 1 where that is positive, else -1. Refused: a `post_transform`, which
/// ONNX Runtime ignores against the standard.
fn regressor(call: &mut Call<'_>) -> Made {
    if transform(call)? != Transform::None {
        return Err(call.refuse("post_transform", "NONE", "another one"));
    }
    let (x, columns) = features(call)?;
    let coefficients = list(call, "coefficients")?;
    let rho = first(call, "rho", &list(call, "rho")?)?;
    let count = call.int("n_supports")?.unwrap_or(0);
    let score = if count > 0 {
        let count = coefficients.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        let kernels = kernels(call, &x, &columns, count)?;
        weighted(call, &kernels, &coefficients, [1, count])?
    } else {
        let width = columns.known_size().unwrap_or(coefficients.len());
        weighted(call, &x, &coefficients, [1, width])?
    };
    let rho = call.build.number(DType::F32, rho)?;
    let score = call.build.binary(Binary::Add, &score, &rho)?;
    if !call.flag("one_class", false)? {
        return Ok(vec![score]);
    }
    let [zero, one, minus] = [0.0, 1.0, -1.0].map(|number| call.build.number(DType::F32, number));
    let is_inside = call.build.binary(Binary::Greater, &score, &zero?)?;
    call.emit(Op::Select, &[&is_inside, &one?, &minus?])
}

/// ONNX ml.SVMClassifier-1: the label of the class that wins most duels between two of them, and
/// with `prob_a` and `prob_b` the probability of every class, without them the score of each duel.
/// Of two classes these are `-s, s`, for `LOGISTIC` `sigmoid(-s), sigmoid(s)` and for other
/// transforms `1 - s, s`, as ONNX Runtime has it. Refused: `PROBIT` of such a duel.
///
/// Without support vectors it is a linear model of one score for each class. Labels that are text
/// go to the model's metadata too.
fn classifier(call: &mut Call<'_>) -> Made {
    let labels = labels(call, "classlabels_ints")?;
    let transform = transform(call)?;
    let vectors = call.counts("vectors_per_class")?.unwrap_or_default();
    let is_linear = vectors.iter().all(|&count| count == 0);
    let (index, scores) = if is_linear {
        linear(call, &labels)?
    } else {
        if vectors.len() != labels.len() {
            let expected = format!("as many as {} labels", labels.len());
            let found = format!("{} counts", vectors.len());
            return Err(call.refuse("vectors_per_class", &expected, &found));
        }
        duels(call, vectors)?
    };
    let has_probabilities = !call.floats("prob_a")?.unwrap_or(&[]).is_empty();
    let scores = if is_linear || has_probabilities || labels.len() != 2 {
        transformed(call, &scores, transform)?
    } else {
        two_scores(call, &scores, transform)?
    };
    Ok(vec![label(call, index, &labels)?, scores])
}

/// The winner of each row and the scores or probabilities.
fn duels(call: &mut Call<'_>, vectors: Vec<usize>) -> Result<(Operand, Operand), Reason> {
    let classes = vectors.len();
    let count = vectors.iter().try_fold(0usize, |sum, &count| sum.checked_add(count));
    let count = count.unwrap_or(usize::MAX);
    let (x, columns) = features(call)?;
    let kernels = kernels(call, &x, &columns, count)?;
    let coefficients = list(call, "coefficients")?;
    let rows = classes.saturating_sub(1);
    let needed = rows.checked_mul(count).filter(|&needed| needed <= coefficients.len());
    let Some(needed) = needed else {
        let expected = format!("{rows} rows of {count} numbers");
        return Err(call.refuse("coefficients", &expected, &format!("{}", coefficients.len())));
    };
    let coefficients = matrix(call, &[rows, count], &coefficients[..needed])?;
    let mut operands = vec![kernels, coefficients];
    let duels = classes * rows / 2;
    for name in ["rho", "prob_a", "prob_b"] {
        let numbers = list(call, name)?;
        if name != "rho" && list(call, "prob_a")?.is_empty() {
            continue;
        }
        let Some(numbers) = numbers.get(..duels) else {
            let found = format!("{} numbers", numbers.len());
            return Err(call.refuse(name, &format!("{duels} numbers"), &found));
        };
        operands.push(vector(call, numbers)?);
    }
    let op = Op::Whole(SupportVectorClassifier { vectors }.into());
    let mut made = call.build.emit_all(op, &operands.iter().collect::<Vec<_>>())?.into_iter();
    match (made.next(), made.next()) {
        (Some(index), Some(scores)) => Ok((index, scores)),
        _ => Err(Reason::Evaluation("a classifier makes two values".to_string())),
    }
}

/// The label index and the scores of a linear model.
fn linear(call: &mut Call<'_>, labels: &Labels) -> Result<(Operand, Operand), Reason> {
    let (x, columns) = features(call)?;
    let coefficients = list(call, "coefficients")?;
    let rho = first(call, "rho", &list(call, "rho")?)?;
    let width = columns.known_size().unwrap_or(coefficients.len() / labels.len().max(1));
    let scores = weighted(call, &x, &coefficients, [labels.len(), width])?;
    let rho = call.build.number(DType::F32, rho)?;
    let scores = call.build.binary(Binary::Add, &scores, &rho)?;
    let index = largest(call, &scores)?;
    let has_probabilities = !call.floats("prob_a")?.unwrap_or(&[]).is_empty();
    if labels.len() != 2 || has_probabilities {
        return Ok((index, scores));
    }
    // ONNX Runtime takes the second of two as soon as the larger score passes a limit.
    let is_positive = coefficients.iter().all(|&weight| weight >= 0.0);
    let most =
        Op::Reduce { reduction: tensor::scalar::Reduction::Max, axes: vec![1], keepdims: false };
    let most = call.build.emit(most, &[&scores])?;
    let (test, limit) =
        if is_positive { (Binary::GreaterOrEqual, 0.5) } else { (Binary::Greater, 0.0) };
    let limit = call.build.number(DType::F32, limit)?;
    let is_second = call.build.binary(test, &most, &limit)?;
    let second = call.build.cast(&is_second, DType::I64)?;
    Ok((call.build.binary(Binary::Max, &index, &second)?, scores))
}

/// The scores of two classes from that of their duel.
fn two_scores(
    call: &mut Call<'_>,
    score: &Operand,
    transform: Transform,
) -> Result<Operand, Reason> {
    if transform != Transform::None {
        return two_classes(call, score, transform);
    }
    let first = call.build.unary(Unary::Neg, score)?;
    call.build.emit(Op::Concat { axis: 1 }, &[&first, score])
}

/// How near each row is to each of `count` support vectors: `[N, count]`.
fn kernels(
    call: &mut Call<'_>,
    x: &Operand,
    columns: &Dim,
    count: usize,
) -> Result<Operand, Reason> {
    let vectors = list(call, "support_vectors")?;
    let width = vectors.len().checked_div(count).unwrap_or(0);
    if width.checked_mul(count) != Some(vectors.len())
        || columns.known_size().is_some_and(|columns| columns != width)
    {
        let expected = format!("{count} rows of {columns} numbers");
        let found = format!("{} numbers", vectors.len());
        return Err(call.refuse("support_vectors", &expected, &found));
    }
    let mut parameters = [0.0; 3];
    let given = call.floats("kernel_params")?.unwrap_or(&[]);
    if !given.is_empty() && given.len() != 3 {
        let found = format!("{} numbers", given.len());
        return Err(call.refuse("kernel_params", "gamma, coef0 and degree", &found));
    }
    parameters.iter_mut().zip(given).for_each(|(place, &given)| *place = f64::from(given));
    let [gamma, offset, degree] = parameters;
    let kernel = call.text("kernel_type")?.unwrap_or("LINEAR").to_string();
    if kernel == "RBF" {
        let vectors = matrix(call, &[count, width], &vectors)?;
        let distance = call.build.emit(Op::Whole(SquaredDistance {}.into()), &[x, &vectors])?;
        let scaled = by(call, Binary::Mul, &distance, -gamma)?;
        return call.build.unary(Unary::Exp, &scaled);
    }
    let product = weighted(call, x, &vectors, [count, width])?;
    if kernel == "LINEAR" {
        return Ok(product);
    }
    let scaled = by(call, Binary::Mul, &product, gamma)?;
    let moved = by(call, Binary::Add, &scaled, offset)?;
    match kernel.as_str() {
        "SIGMOID" => call.build.unary(Unary::Tanh, &moved),
        "POLY" if degree == 2.0 => call.build.binary(Binary::Mul, &moved, &moved),
        "POLY" if degree == 3.0 => {
            let square = call.build.binary(Binary::Mul, &moved, &moved)?;
            call.build.binary(Binary::Mul, &square, &moved)
        }
        "POLY" => by(call, Binary::Pow, &moved, degree),
        other => Err(call.refuse("kernel_type", "LINEAR, POLY, RBF or SIGMOID", other)),
    }
}

fn by(call: &mut Call<'_>, function: Binary, x: &Operand, number: f64) -> Result<Operand, Reason> {
    let number = call.build.number(DType::F32, number)?;
    call.build.binary(function, x, &number)
}

/// `x * weights^T` with a matrix of `rows` by `columns`, the first numbers of an attribute.
fn weighted(
    call: &mut Call<'_>,
    x: &Operand,
    weights: &[f32],
    [rows, columns]: [usize; 2],
) -> Result<Operand, Reason> {
    let used = rows.checked_mul(columns).and_then(|count| weights.get(..count));
    let Some(used) = used.filter(|used| !used.is_empty()) else {
        let expected = format!("{rows} rows of {columns} numbers");
        return Err(call.refuse("coefficients", &expected, &format!("{}", weights.len())));
    };
    let weights = matrix(call, &[rows, columns], used)?;
    let weights = call.build.transpose(&weights, vec![1, 0])?;
    call.build.emit(Op::MatMul, &[x, &weights])
}

fn list(call: &Call<'_>, name: &str) -> Result<Vec<f32>, Reason> {
    Ok(call.floats(name)?.unwrap_or(&[]).to_vec())
}

fn first(call: &Call<'_>, name: &str, numbers: &[f32]) -> Result<f64, Reason> {
    let first = numbers.first().map(|&number| f64::from(number));
    first.ok_or_else(|| call.refuse(name, "a number", "none"))
}
