//! Losses of training, which in inference answer what they are given, made probabilities.

use super::super::call::{Call, Made};
use super::activation::{Axes, normalized, unary};
use super::{Row, row};
use tensor::scalar::Unary;

pub(super) const ROWS: &[Row] = &[
    row("SoftmaxOutput", softmax_output).with_labels(),
    row("Softmax", softmax_output).with_labels(),
    row("LogisticRegressionOutput", |call| unary(call, Unary::Sigmoid)).with_labels(),
    row("LinearRegressionOutput", same).with_labels(),
    row("MAERegressionOutput", same).with_labels(),
    row("SVMOutput", same).with_labels(),
    row("MakeLoss", same),
    row("make_loss", same),
    row("BlockGrad", same),
    row("stop_gradient", same),
    row("IdentityAttachKLSparseReg", same).with_labels(),
    row("_identity_with_attr_like_rhs", same).with_labels(),
    row("Dropout", same),
    row("_copy", same),
    row("identity", same),
];

fn same(call: &mut Call<'_, '_>) -> Made {
    Ok(vec![call.input(0)?])
}

fn softmax_output(call: &mut Call<'_, '_>) -> Made {
    if call.flag("multi_output", false)? {
        return normalized(call, Axes::Channels);
    }
    let keeps_shape = call.flag("preserve_shape", false)?;
    normalized(call, if keeps_shape { Axes::Last } else { Axes::AllButFirst })
}
