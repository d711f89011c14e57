//! The activations of networks.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::with;
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("Activation", activation),
    row("LeakyReLU", leaky_relu),
    row("hard_sigmoid", hard_sigmoid),
    row("relu", |call| unary(call, Unary::Relu)),
    row("sigmoid", |call| unary(call, Unary::Sigmoid)),
    row("softsign", softsign),
    row("softmax", |call| softmax(call, Form::Softmax)),
    row("softmin", |call| softmax(call, Form::Softmin)),
    row("log_softmax", |call| softmax(call, Form::Logarithm)),
    row("SoftmaxActivation", |call| {
        let is_channel = call.text("mode") == Some("channel");
        normalized(call, if is_channel { Axes::Channels } else { Axes::AllButFirst })
    }),
];

/// A function of each element of the first input.
pub(super) fn unary(call: &mut Call<'_, '_>, function: Unary) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Unary(function), &[&x])
}

fn activation(call: &mut Call<'_, '_>) -> Made {
    match call.text("act_type").unwrap_or_default() {
        "relu" => unary(call, Unary::Relu),
        "sigmoid" => unary(call, Unary::Sigmoid),
        "tanh" => unary(call, Unary::Tanh),
        "softrelu" => unary(call, Unary::Softplus),
        "softsign" => softsign(call),
        other => Err(call.refuse("act_type", "relu, sigmoid, tanh, softrelu or softsign", other)),
    }
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Made {
    let slope = call.float("slope", 0.25)?;
    match call.text("act_type").unwrap_or("leaky") {
        "leaky" => unary(call, Unary::LeakyRelu { alpha: slope as f32 }),
        // In inference the slope is the mean of those that training draws.
        "rrelu" => {
            let lower = call.float("lower_bound", 0.125)?;
            let slope = f64::midpoint(lower, call.float("upper_bound", 0.334)?);
            unary(call, Unary::LeakyRelu { alpha: slope as f32 })
        }
        "elu" => unary(call, Unary::Elu { alpha: slope as f32 }),
        "selu" => {
            let x = call.input(0)?;
            let elu = call.build().unary(Unary::Elu { alpha: 1.673_263_2 }, &x)?;
            Ok(vec![with(call.build(), Binary::Mul, &elu, 1.050_701)?])
        }
        "gelu" => unary(call, Unary::Gelu),
        "prelu" => {
            let (x, gamma, rank) = (call.input(0)?, call.input(1)?, call.rank(0)?);
            let mut shape = call.fact(1)?.shape;
            // One slope for each channel.
            if shape.len() == 1 && rank > 1 {
                shape.extend(vec![Dim::from(1); rank - 2]);
            }
            let build = call.build();
            let gamma = build.reshape(&gamma, shape)?;
            let scaled = build.binary(Binary::Mul, &x, &gamma)?;
            let zero = build.number(build.fact(&x).dtype, 0.0)?;
            let is_above = build.binary(Binary::Greater, &x, &zero)?;
            call.emit(Op::Select, &[&is_above, &x, &scaled])
        }
        other => Err(call.refuse("act_type", "leaky, prelu, rrelu, elu, selu or gelu", other)),
    }
}

fn hard_sigmoid(call: &mut Call<'_, '_>) -> Made {
    let (alpha, beta) = (call.float("alpha", 0.2)? as f32, call.float("beta", 0.5)? as f32);
    unary(call, Unary::HardSigmoid { alpha, beta })
}

/// `x / (1 + |x|)`
fn softsign(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let size = call.build().unary(Unary::Abs, &x)?;
    let sum = with(call.build(), Binary::Add, &size, 1.0)?;
    call.emit(Op::Binary(Binary::Div), &[&x, &sum])
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Softmax,
    Softmin,
    Logarithm,
}

fn softmax(call: &mut Call<'_, '_>, form: Form) -> Made {
    let mut x = call.of_rank(0, 1)?;
    if call.flag("use_length", false)? {
        return Err(call.refuse("use_length", "False", "True"));
    }
    let axis = call.axis("axis", -1, call.rank(0)?)?;
    let temperature = call.float("temperature", 1.0)?;
    if temperature != 1.0 {
        x = with(call.build(), Binary::Div, &x, temperature)?;
    }
    if form == Form::Softmin {
        x = call.build().unary(Unary::Neg, &x)?;
    }
    let op = match form {
        Form::Softmax | Form::Softmin => Op::Softmax { axis },
        Form::Logarithm => Op::LogSoftmax { axis },
    };
    let made = call.emit(op, &[&x])?;
    let dtype = call.dtype("dtype", call.walk.build.fact(&made[0]).dtype)?;
    Ok(vec![call.build().cast(&made[0], dtype)?])
}

/// The axes over which probabilities sum to one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Axes {
    /// The second.
    Channels,
    /// All but the first together.
    AllButFirst,
    /// The last.
    Last,
}

/// Probabilities over some axes of the first input.
pub(super) fn normalized(call: &mut Call<'_, '_>, axes: Axes) -> Made {
    let (x, shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let (last, build) = (shape.len() - 1, call.build());
    let axis = match axes {
        Axes::Last => last,
        Axes::Channels | Axes::AllButFirst => last.min(1),
    };
    if axes != Axes::AllButFirst || last < 2 {
        return call.emit(Op::Softmax { axis }, &[&x]);
    }
    let rows = flattened(build, &x)?;
    let made = build.emit(Op::Softmax { axis: 1 }, &[&rows])?;
    Ok(vec![build.reshape(&made, shape)?])
}

/// All axes but the first as one.
pub(super) fn flattened(build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let Some((first, rest)) = shape.split_first() else { return Err(Reason::UnknownRank) };
    let shape = vec![first.clone(), product(rest)];
    build.reshape(x, shape)
}
