//! Activations: layers, and the functions that layers name.

use super::super::call::{Call, Made};
use super::super::config::Config;
use super::super::variables::slot;
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{axis, reduce, slice, with};
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use operators::cumulative::Cumulative;
use operators::range::Range;
use operators::top_k::TopK;
use serde_json::Value;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    Row {
        is_of_elements,
        ..row("Activation", "", &[], |call| {
            let x = call.input()?;
            Ok(vec![call.activated(x)?])
        })
    },
    row("ReLU", "", &[], |call| {
        let (x, config) = (call.input()?, call.config());
        Ok(vec![relu(call, config, &x)?])
    })
    .of_elements(),
    row("LeakyReLU", "", &[], leaky_relu).of_elements(),
    row("ELU", "", &[], |call| {
        let alpha = call.config().float_or("alpha", 1.0)?;
        let x = call.input()?;
        Ok(vec![call.walk.build.unary(Unary::Elu { alpha }, &x)?])
    })
    .of_elements(),
    row("PReLU", "", &[slot("alpha")], p_relu),
    row("ThresholdedReLU", "", &[], |call| {
        let theta = call.config().float("theta")?.unwrap_or(1.0);
        let x = call.input()?;
        Ok(vec![above(&mut call.walk.build, &x, theta)?])
    }),
    row("Softmax", "with its mask", &[], softmax),
];

/// A function of one value, with the first number of the version of Keras.
type Function = fn(&mut Builder, &Operand, u32) -> Result<Operand, Reason>;

/// The functions that layers name.
const FUNCTIONS: &[(&str, Function)] = &[
    ("linear", |_, x, _| Ok(x.clone())),
    ("relu", |build, x, _| build.unary(Unary::Relu, x)),
    ("relu6", |build, x, _| build.unary(Unary::Clip { min: 0.0, max: 6.0 }, x)),
    ("tanh", |build, x, _| build.unary(Unary::Tanh, x)),
    ("sigmoid", |build, x, _| build.unary(Unary::Sigmoid, x)),
    ("softmax", |build, x, _| along_last(build, x, |axis| Op::Softmax { axis })),
    ("log_softmax", |build, x, _| along_last(build, x, |axis| Op::LogSoftmax { axis })),
    ("elu", |build, x, _| build.unary(Unary::Elu { alpha: 1.0 }, x)),
    ("celu", |build, x, _| build.unary(Unary::Elu { alpha: 1.0 }, x)),
    ("selu", |build, x, _| selu(build, x)),
    ("softplus", |build, x, _| build.unary(Unary::Softplus, x)),
    ("softsign", |build, x, _| softsign(build, x)),
    ("soft_sign", |build, x, _| softsign(build, x)),
    ("exponential", |build, x, _| build.unary(Unary::Exp, x)),
    ("hard_sigmoid", |build, x, dialect| hard_sigmoid(build, x, dialect)),
    ("hard_silu", |build, x, _| build.unary(Unary::HardSwish, x)),
    ("hard_swish", |build, x, _| build.unary(Unary::HardSwish, x)),
    ("silu", |build, x, _| build.unary(Unary::Silu, x)),
    ("swish", |build, x, _| build.unary(Unary::Silu, x)),
    ("gelu", |build, x, _| build.unary(Unary::Gelu, x)),
    ("mish", |build, x, _| {
        let softplus = build.unary(Unary::Softplus, x)?;
        let gate = build.unary(Unary::Tanh, &softplus)?;
        build.binary(Binary::Mul, x, &gate)
    }),
    ("leaky_relu", |build, x, _| build.unary(Unary::LeakyRelu { alpha: 0.2 }, x)),
    ("log_sigmoid", |build, x, _| {
        let negative = build.unary(Unary::Neg, x)?;
        let softplus = build.unary(Unary::Softplus, &negative)?;
        build.unary(Unary::Neg, &softplus)
    }),
    ("tanh_shrink", |build, x, _| {
        let tanh = build.unary(Unary::Tanh, x)?;
        build.binary(Binary::Sub, x, &tanh)
    }),
    ("hard_tanh", |build, x, _| build.unary(Unary::Clip { min: -1.0, max: 1.0 }, x)),
    ("hard_shrink", |build, x, _| hard_shrink(build, x)),
    ("soft_shrink", |build, x, _| {
        let inside = build.unary(Unary::Clip { min: -0.5, max: 0.5 }, x)?;
        build.binary(Binary::Sub, x, &inside)
    }),
    ("squareplus", |build, x, _| {
        let square = build.binary(Binary::Mul, x, x)?;
        let sum = with(build, Binary::Add, &square, 4.0)?;
        let root = build.unary(Unary::Sqrt, &sum)?;
        let sum = build.binary(Binary::Add, x, &root)?;
        with(build, Binary::Mul, &sum, 0.5)
    }),
    ("sparse_sigmoid", |build, x, _| build.unary(Unary::HardSigmoid { alpha: 0.5, beta: 0.5 }, x)),
    ("sparse_plus", |build, x, _| sparse_plus(build, x)),
    ("glu", |build, x, _| glu(build, x)),
    ("sparsemax", |build, x, _| sparsemax(build, x)),
];

/// What an activation of a configuration makes of a value: a function by its name, or a layer.
pub(in super::super) fn applied(
    call: &mut Call<'_, '_>,
    activation: Option<&Value>,
    x: Operand,
) -> Result<Operand, Reason> {
    let dialect = call.walk.dialect;
    let refused = |found: String| Reason::Attribute {
        name: "activation".to_string(),
        expected: "a function of keras.activations".to_string(),
        found,
    };
    let layer = match activation {
        None => return Ok(x),
        Some(Value::String(name)) => {
            return function(&mut call.walk.build, name, &x, dialect)
                .unwrap_or_else(|| Err(refused(name.clone())));
        }
        Some(Value::Object(layer)) => layer,
        Some(other) => return Err(refused(other.to_string())),
    };
    let class = layer.get("class_name").and_then(Value::as_str).unwrap_or_default();
    let config = layer.get("config");
    match (class, config) {
        ("function", Some(Value::String(name))) => {
            function(&mut call.walk.build, name, &x, dialect)
                .unwrap_or_else(|| Err(refused(name.clone())))
        }
        ("ReLU", Some(Value::Object(config))) => relu(call, Config(config), &x),
        ("LeakyReLU", Some(Value::Object(config))) => {
            let alpha = negative_slope(Config(config))?;
            call.walk.build.unary(Unary::LeakyRelu { alpha }, &x)
        }
        ("ELU", Some(Value::Object(config))) => {
            let alpha = Config(config).float_or("alpha", 1.0)?;
            call.walk.build.unary(Unary::Elu { alpha }, &x)
        }
        ("Softmax", Some(Value::Object(config))) => {
            let axis = softmax_axis(call, Config(config), &x)?;
            call.walk.build.emit(Op::Softmax { axis }, &[&x])
        }
        ("Activation", Some(Value::Object(config))) => applied(call, config.get("activation"), x),
        _ => Err(refused(class.to_string())),
    }
}

/// Does the activation of a configuration look at one element at a time?
pub(in super::super) fn is_of_elements(config: Config<'_>) -> bool {
    let name = match config.get("activation") {
        None => return true,
        Some(Value::String(name)) => name,
        Some(value) => match value.get("config") {
            Some(Value::String(name)) => name,
            _ => return value.get("class_name").is_some_and(|class| class != "Softmax"),
        },
    };
    !["softmax", "log_softmax", "glu", "sparsemax"].contains(&name.as_str())
}

/// What a function makes of a value; `None` when there is none of this name.
pub(super) fn function(
    build: &mut Builder,
    name: &str,
    x: &Operand,
    dialect: u32,
) -> Option<Result<Operand, Reason>> {
    let row = FUNCTIONS.iter().find(|(known, _)| *known == name);
    row.map(|(_, function)| function(build, x, dialect))
}

/// `max_value`, `negative_slope` and `threshold` of a ReLU.
fn relu(call: &mut Call<'_, '_>, config: Config<'_>, x: &Operand) -> Result<Operand, Reason> {
    let most = config.float("max_value")?;
    let slope = config.float("negative_slope")?.unwrap_or(0.0);
    let threshold = config.float("threshold")?.unwrap_or(0.0);
    let build = &mut call.walk.build;
    if threshold == 0.0 && slope == 0.0 {
        return match most {
            Some(max) => build.unary(Unary::Clip { min: 0.0, max: max as f32 }, x),
            None => build.unary(Unary::Relu, x),
        };
    }
    let below = match slope {
        0.0 => build.number(build.fact(x).dtype, 0.0)?,
        _ => {
            let distance = with(build, Binary::Sub, x, threshold)?;
            with(build, Binary::Mul, &distance, slope)?
        }
    };
    let is_above = with(build, Binary::GreaterOrEqual, x, threshold)?;
    let made = build.emit(Op::Select, &[&is_above, x, &below])?;
    match most {
        Some(most) => with(build, Binary::Min, &made, most),
        None => Ok(made),
    }
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Made {
    let alpha = negative_slope(call.config())?;
    let x = call.input()?;
    Ok(vec![call.walk.build.unary(Unary::LeakyRelu { alpha }, &x)?])
}

fn negative_slope(config: Config<'_>) -> Result<f32, Reason> {
    let slope = config.float("negative_slope")?.or(config.float("alpha")?);
    Ok(slope.unwrap_or(0.3) as f32)
}

/// `x` where it is not negative, else `alpha * x`, alpha being shared along some axes.
fn p_relu(call: &mut Call<'_, '_>) -> Made {
    let (x, alpha) = (call.input()?, call.weight("alpha")?);
    let build = &mut call.walk.build;
    let positive = build.unary(Unary::Relu, &x)?;
    let negative = with(build, Binary::Min, &x, 0.0)?;
    let scaled = build.binary(Binary::Mul, &alpha, &negative)?;
    Ok(vec![build.binary(Binary::Add, &positive, &scaled)?])
}

/// `x` where it is above a number, else 0.
fn above(build: &mut Builder, x: &Operand, theta: f64) -> Result<Operand, Reason> {
    let is_above = with(build, Binary::Greater, x, theta)?;
    let zero = build.number(build.fact(x).dtype, 0.0)?;
    build.emit(Op::Select, &[&is_above, x, &zero])
}

fn softmax_axis(call: &Call<'_, '_>, config: Config<'_>, x: &Operand) -> Result<usize, Reason> {
    let rank = call.walk.build.fact(x).rank();
    let axes = config.integers("axis")?.unwrap_or_else(|| vec![-1]);
    let one = axes.first().filter(|_| axes.len() == 1).and_then(|&value| axis(value, rank));
    one.ok_or_else(|| config.refuse("axis", &format!("one of {rank} axes")))
}

/// Where the mask, given as the second value, is false, nothing is left of an element.
fn softmax(call: &mut Call<'_, '_>) -> Made {
    let mut x = call.input()?;
    let mask = call.tensors_given("mask").into_iter().next().map(|flow| flow.operand);
    let mask = mask.or_else(|| call.inputs.get(1).map(|flow| flow.operand.clone()));
    if let Some(mask) = mask {
        x = masked(&mut call.walk.build, &x, &mask, 3.4e38)?;
    }
    let config = call.config();
    let rank = call.walk.build.fact(&x).rank();
    let axes = config.integers("axis")?.unwrap_or_else(|| vec![-1]);
    if axes.len() > 1 {
        let axes: Option<Vec<usize>> = axes.iter().map(|&value| axis(value, rank)).collect();
        let axes = axes.ok_or_else(|| config.refuse("axis", "axes of the input"))?;
        let build = &mut call.walk.build;
        let most = reduce(build, Reduction::Max, &x, &axes, true)?;
        let distance = build.binary(Binary::Sub, &x, &most)?;
        let power = build.unary(Unary::Exp, &distance)?;
        let sum = reduce(build, Reduction::Sum, &power, &axes, true)?;
        return Ok(vec![build.binary(Binary::Div, &power, &sum)?]);
    }
    let axis = softmax_axis(call, config, &x)?;
    Ok(vec![call.walk.build.emit(Op::Softmax { axis }, &[&x])?])
}

/// Elements that a mask leaves out, so far down that a softmax makes nothing of them.
pub(super) fn masked(
    build: &mut Builder,
    x: &Operand,
    mask: &Operand,
    distance: f64,
) -> Result<Operand, Reason> {
    let mask = build.cast(mask, tensor::DType::Bool)?;
    let low = with(build, Binary::Sub, x, distance)?;
    build.emit(Op::Select, &[&mask, x, &low])
}

fn along_last(build: &mut Builder, x: &Operand, op: fn(usize) -> Op) -> Result<Operand, Reason> {
    let rank = build.fact(x).rank();
    // A single number of each row is all of its softmax.
    build.emit(op(rank.saturating_sub(1)), &[x])
}

fn selu(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    // The two constants of the function's definition (Klambauer et al., 2017).
    let elu = build.unary(Unary::Elu { alpha: 1.673_263_2 }, x)?;
    with(build, Binary::Mul, &elu, 1.050_700_987_355_480_5)
}

fn softsign(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let size = build.unary(Unary::Abs, x)?;
    let divisor = with(build, Binary::Add, &size, 1.0)?;
    build.binary(Binary::Div, x, &divisor)
}

/// Its slope was a fifth before version 3, and is a sixth since.
fn hard_sigmoid(build: &mut Builder, x: &Operand, dialect: u32) -> Result<Operand, Reason> {
    build.unary(Unary::HardSigmoid { alpha: hard_sigmoid_slope(dialect), beta: 0.5 }, x)
}

/// The slope of `hard_sigmoid` in a version of Keras.
pub(super) fn hard_sigmoid_slope(dialect: u32) -> f32 {
    if dialect < 3 { 0.2 } else { 1.0 / 6.0 }
}

fn hard_shrink(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let size = build.unary(Unary::Abs, x)?;
    let is_above = with(build, Binary::Greater, &size, 0.5)?;
    let zero = build.number(build.fact(x).dtype, 0.0)?;
    build.emit(Op::Select, &[&is_above, x, &zero])
}

/// `0` up to -1, `(x + 1)^2 / 4` up to 1, then `x`.
fn sparse_plus(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let inside = build.unary(Unary::Clip { min: -1.0, max: 1.0 }, x)?;
    let shifted = with(build, Binary::Add, &inside, 1.0)?;
    let square = build.binary(Binary::Mul, &shifted, &shifted)?;
    let quarter = with(build, Binary::Mul, &square, 0.25)?;
    let is_above = with(build, Binary::GreaterOrEqual, x, 1.0)?;
    build.emit(Op::Select, &[&is_above, x, &quarter])
}

/// The first half of the last axis, times the sigmoid of the second.
fn glu(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let last = shape.len().saturating_sub(1);
    let size = shape.last().cloned().unwrap_or_else(|| product(&[]));
    let half = size.floor_div(&Dim::from(2));
    let first = slice(build, x, last, Dim::from(0), half.clone())?;
    let second = slice(build, x, last, half.clone(), half)?;
    let gate = build.unary(Unary::Sigmoid, &second)?;
    build.binary(Binary::Mul, &first, &gate)
}

/// The nearest point of the simplex along the last axis (Martins and Astudillo, 2016): what is left
/// of each element above a threshold, which the largest `k` elements set for which
/// `1 + k * x_k` is above their sum.
fn sparsemax(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let fact = build.fact(x);
    let last = fact.rank().saturating_sub(1);
    let Some(count) = fact.shape.last().cloned() else { return Ok(x.clone()) };
    let sorted = TopK { axis: last, k: count.clone(), is_largest: true };
    let sorted = build.emit_all(Op::Whole(sorted.into()), &[x])?.swap_remove(0);
    let sum = Cumulative { is_exclusive: false, is_reverse: false, is_product: false };
    let axis = Operand::constant("axis", Tensor::scalar(last as i64));
    let sums = build.emit(Op::Whole(sum.into()), &[&sorted, &axis])?;
    let one = Operand::constant("one", Tensor::scalar(1i64));
    let places = build.emit(Op::Whole(Range { count }.into()), &[&one, &one])?;
    let places = build.cast(&places, fact.dtype)?;
    let scaled = build.binary(Binary::Mul, &places, &sorted)?;
    let bound = with(build, Binary::Add, &scaled, 1.0)?;
    let is_above = build.binary(Binary::Greater, &bound, &sums)?;
    let counted = build.cast(&is_above, fact.dtype)?;
    let k = reduce(build, Reduction::Sum, &counted, &[last], true)?;
    // The paper has the last of these sums. Keras adds up all of them, and what a model was trained
    // with is what it has to be answered with.
    let kept = build.binary(Binary::Mul, &counted, &sums)?;
    let sum = reduce(build, Reduction::Sum, &kept, &[last], true)?;
    let excess = with(build, Binary::Sub, &sum, 1.0)?;
    let threshold = build.binary(Binary::Div, &excess, &k)?;
    let above = build.binary(Binary::Sub, x, &threshold)?;
    build.unary(Unary::Relu, &above)
}
