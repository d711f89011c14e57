//! Losses, which some exported models still carry.

use super::{Row, row};
use crate::build::Operand;
use crate::onnx::call::{Call, Made};
use ir::Op;
use operators::negative_log_likelihood::{LossReduction, NegativeLogLikelihood};

const LOSS: &[&str] = &["ignore_index", "reduction"];

pub(super) const OPS: &[Row] = &[
    row("NegativeLogLikelihoodLoss", LOSS, |call| {
        let x = call.input(0)?;
        loss(call, &x)
    }),
    row("SoftmaxCrossEntropyLoss", LOSS, softmax_cross_entropy),
];

/// ONNX NegativeLogLikelihoodLoss-12,13,22 of logarithms of probabilities.
fn loss(call: &mut Call<'_>, x: &Operand) -> Made {
    let reduction = match call.text("reduction")?.unwrap_or("mean") {
        "none" => LossReduction::None,
        "sum" => LossReduction::Sum,
        "mean" => LossReduction::Mean,
        other => return Err(call.refuse("reduction", "none, sum or mean", other)),
    };
    let operator = NegativeLogLikelihood { reduction, ignored: call.int("ignore_index")? };
    let target = call.input(1)?;
    match call.optional(2) {
        Some(weights) => call.emit(Op::Whole(operator.into()), &[x, &target, &weights]),
        None => call.emit(Op::Whole(operator.into()), &[x, &target]),
    }
}

/// ONNX SoftmaxCrossEntropyLoss-12,13: the loss of the logarithm of softmax over the classes, and
/// that logarithm.
fn softmax_cross_entropy(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let logarithm = call.build.emit(Op::LogSoftmax { axis: 1 }, &[&x])?;
    let mut made = loss(call, &logarithm)?;
    made.push(logarithm);
    Ok(made)
}
