//! The activations of networks.

use super::super::step::{Made, Step};
use super::{Row, row, same};
use crate::decompose::arithmetic::with;
use crate::tensorflow::nodes::Attribute;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    same("RELU", "Relu"),
    same("RELU6", "Relu6"),
    row("RELU_N1_TO_1", |step| function(step, Unary::Clip { min: -1.0, max: 1.0 })),
    row("RELU_0_TO_1", |step| function(step, Unary::Clip { min: 0.0, max: 1.0 })),
    row("LEAKY_RELU", |step| {
        let alpha = step.float(0).unwrap_or(0.0);
        step.apply_all("LeakyRelu", &[("alpha", Attribute::Float(alpha))])
    }),
    row("PRELU", prelu),
    same("ELU", "Elu"),
    row("HARD_SWISH", |step| function(step, Unary::HardSwish)),
    row("GELU", |step| function(step, if step.flag(0) { Unary::GeluTanh } else { Unary::Gelu })),
    same("LOGISTIC", "Sigmoid"),
    same("TANH", "Tanh"),
    row("SOFTMAX", softmax),
    same("LOG_SOFTMAX", "LogSoftmax"),
];

fn function(step: &mut Step<'_, '_, '_>, function: Unary) -> Made {
    let x = step.input(0)?;
    Ok(vec![step.function(function, &x)?])
}

/// `max(x, 0) + slope * min(x, 0)`
fn prelu(step: &mut Step<'_, '_, '_>) -> Made {
    let (x, slope) = (step.input(0)?, step.input(1)?);
    let dtype = step.nodes().fact(&x).dtype;
    let zero = step.build().number(dtype, 0.0)?;
    let above = step.one("Maximum", &[], &[&x, &zero])?;
    let below = step.one("Minimum", &[], &[&x, &zero])?;
    let below = step.one("Mul", &[], &[&below, &slope])?;
    step.apply("AddV2", &[], &[&above, &below])
}

fn softmax(step: &mut Step<'_, '_, '_>) -> Made {
    let mut x = step.input(0)?;
    let beta = step.float(0).unwrap_or(0.0);
    if beta != 1.0 {
        x = with(step.build(), Binary::Mul, &x, f64::from(beta))?;
    }
    step.apply("Softmax", &[], &[&x])
}
