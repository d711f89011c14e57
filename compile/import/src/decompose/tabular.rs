//! What models of tables have in common: rows of features, and what is made of scores, rounded as
//! the frameworks round it.

use crate::build::{Builder, Operand, open_size};
use crate::decompose::arithmetic::{reduce, with};
use crate::error::{Reason, Refusal};
use crate::{ModelMetadata, Options, Survey};
use ir::Op;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

/// The input of models of tables.
pub(crate) const FEATURES: &str = "features";

/// What they make.
pub(crate) const PREDICTION: &str = "prediction";

/// Most features of a row: nodes name theirs by an `i32`.
const FEATURES_MAX: usize = i32::MAX as usize;

/// The model's input: rows of so many features.
pub(crate) fn features(
    build: &mut Builder,
    options: &Options,
    dtype: DType,
    count: usize,
) -> Result<Operand, Reason> {
    if count > FEATURES_MAX {
        return Err(refused(FEATURES, "fewer than 2^31", &count.to_string()));
    }
    let batch = open_size(FEATURES, 0, options);
    Ok(Operand::Value(build.graph.input(FEATURES, dtype, vec![batch, Dim::from(count)])))
}

/// What of a model cannot be expressed, which is then all of it.
pub(crate) fn refusal(what: &str, name: &str, reason: Reason) -> Box<Refusal> {
    let hint = match reason {
        Reason::UnknownOperator => {
            "train with an objective that is read, or export the model to ONNX"
        }
        Reason::Attribute { .. } => "the file does not fit itself: save the model again",
        _ => reason.hint(),
    };
    Box::new(Refusal::of_part(what, name, reason, hint))
}

/// What is wrong with a part of a file.
pub(crate) fn refused(name: &str, expected: &str, found: &str) -> Reason {
    let (name, expected, found) = (name.to_string(), expected.to_string(), found.to_string());
    Reason::Attribute { name, expected, found }
}

/// The survey of a graph whose only node cannot be expressed, if `outcome` says so.
pub(crate) fn survey(
    build: Builder,
    metadata: ModelMetadata,
    outcome: Result<(), Box<Refusal>>,
) -> Survey {
    let inputs = build.graph.inputs.len();
    let taken = if outcome.is_ok() { vec![] } else { build.graph.inputs.clone() };
    let survey = Survey::new(build.graph, inputs, metadata, taken);
    Survey { refusals: outcome.err().map(|refusal| *refusal).into_iter().collect(), ..survey }
}

/// Gives the model what it makes, without the second axis where that is of one number.
pub(crate) fn predict(build: &mut Builder, made: &Operand) -> Result<(), Reason> {
    let shape = build.fact(made).shape;
    let is_one = shape.len() == 2 && shape[1].known() == Some(1);
    let made = if is_one { build.reshape(made, shape[..1].to_vec())? } else { made.clone() };
    let id = build.materialize(&made)?;
    build.graph.output(PREDICTION, id);
    Ok(())
}

/// `e^x` as mathematical libraries give it: the one of `f32` is computed in `f64` and rounded.
pub(crate) fn exponential(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let dtype = build.fact(x).dtype;
    let wide = build.cast(x, DType::F64)?;
    let made = build.unary(Unary::Exp, &wide)?;
    build.cast(&made, dtype)
}

/// `1 / (1 + e^(-slope x))`, each step rounded.
pub(crate) fn logistic(build: &mut Builder, x: &Operand, slope: f64) -> Result<Operand, Reason> {
    let falling = with(build, Binary::Mul, x, -slope)?;
    let made = exponential(build, &falling)?;
    let sum = with(build, Binary::Add, &made, 1.0)?;
    let one = build.number(build.fact(x).dtype, 1.0)?;
    build.binary(Binary::Div, &one, &sum)
}

/// The shares of `e^x` in each row, below the largest of which none overflows; the sum is one of
/// `f64`.
pub(crate) fn shares(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let dtype = build.fact(x).dtype;
    let largest = reduce(build, Reduction::Max, x, &[1], true)?;
    let below = build.binary(Binary::Sub, x, &largest)?;
    let made = exponential(build, &below)?;
    let wide = build.cast(&made, DType::F64)?;
    let sum = reduce(build, Reduction::Sum, &wide, &[1], true)?;
    let sum = build.cast(&sum, dtype)?;
    build.binary(Binary::Div, &made, &sum)
}

/// The place of the largest number of each row, the first one of equal ones, as a float.
pub(crate) fn largest(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let dtype = build.fact(x).dtype;
    let arg = ir::Arg { is_max: true, axis: 1, keepdims: false, is_last: false };
    let index = build.emit(Op::Arg(arg), &[x])?;
    build.cast(&index, dtype)
}
