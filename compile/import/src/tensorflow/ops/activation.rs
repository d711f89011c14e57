//! The activations of networks.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::decompose::arithmetic::with;
use ir::Op;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("Relu", |call| unary(call, Unary::Relu)).of_elements(),
    row("Relu6", |call| unary(call, Unary::Clip { min: 0.0, max: 6.0 })).of_elements(),
    row("LeakyRelu", leaky_relu).of_elements(),
    row("Elu", |call| unary(call, Unary::Elu { alpha: 1.0 })).of_elements(),
    row("Selu", selu).of_elements(),
    row("Softplus", |call| unary(call, Unary::Softplus)).of_elements(),
    row("Softsign", softsign).of_elements(),
    row("Sigmoid", |call| unary(call, Unary::Sigmoid)).of_elements(),
    row("Tanh", |call| unary(call, Unary::Tanh)).of_elements(),
    row("Softmax", |call| softmax(call, |axis| Op::Softmax { axis })),
    row("LogSoftmax", |call| softmax(call, |axis| Op::LogSoftmax { axis })),
];

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Made {
    let x = call.input(0)?;
    call.emit(Op::Unary(function), &[&x])
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Made {
    let alpha = call.float("alpha").unwrap_or(0.2);
    unary(call, Unary::LeakyRelu { alpha })
}

fn selu(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let elu = call.build().unary(Unary::Elu { alpha: 1.673_263_2 }, &x)?;
    Ok(vec![with(call.build(), Binary::Mul, &elu, 1.050_701)?])
}

/// `x / (1 + |x|)`
fn softsign(call: &mut Call<'_, '_>) -> Made {
    let x = call.input(0)?;
    let size = call.build().unary(Unary::Abs, &x)?;
    let sum = with(call.build(), Binary::Add, &size, 1.0)?;
    call.emit(Op::Binary(Binary::Div), &[&x, &sum])
}

fn softmax(call: &mut Call<'_, '_>, op: fn(usize) -> Op) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    if rank == 0 {
        call.of_rank(0, 1)?;
    }
    call.emit(op(rank - 1), &[&x])
}
