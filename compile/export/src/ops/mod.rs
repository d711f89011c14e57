//! One function for each operator, in one file for each family.

mod control;
mod conv;
mod dynamic;
mod elementwise;
mod index;
mod loss;
mod movement;
mod norm;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod sequence;
mod signal;
mod tabular;
mod text;
mod whole;

use crate::call::{Call, Written};
use ir::Op;

/// Writes a node.
pub(crate) fn write(call: &mut Call<'_, '_>) -> Written {
    match &call.node.op {
        Op::Unary(function) => elementwise::unary(call, *function),
        Op::Binary(function) => elementwise::binary(call, *function),
        Op::Select => call.same("Where", vec![]),
        Op::Cast(dtype) => elementwise::cast(call, *dtype),
        Op::Quantize { axis, .. } => quantize::affine(call, "QuantizeLinear", *axis),
        Op::Dequantize { axis } => quantize::affine(call, "DequantizeLinear", *axis),
        Op::Conv(p) => conv::conv(call, p),
        Op::MatMul => call.same("MatMul", vec![]),
        Op::Pool(p) => pool::pool(call, p),
        Op::Reduce { reduction, axes, keepdims } => {
            reduce::reduce(call, *reduction, axes, *keepdims)
        }
        Op::Arg(p) => reduce::arg(call, p),
        Op::Softmax { axis } => norm::softmax(call, "Softmax", *axis),
        Op::LogSoftmax { axis } => norm::softmax(call, "LogSoftmax", *axis),
        Op::LayerNorm { axis, epsilon } => norm::layer_norm(call, *axis, *epsilon),
        Op::LocalResponseNorm { size, alpha, beta, bias } => {
            norm::local_response_norm(call, *size, [*alpha, *beta, *bias])
        }
        Op::Reshape { shape } => movement::reshape(call, shape),
        Op::Transpose { perm } => movement::transpose(call, perm),
        Op::Slice { axes } => movement::slice(call, axes),
        Op::Concat { axis } => movement::along(call, "Concat", *axis),
        Op::Expand { shape } => movement::expand(call, shape),
        Op::Gather { axis } => movement::along(call, "Gather", *axis),
        Op::Pad { before, after, mode } => movement::pad(call, before, after, *mode),
        Op::Dimensions(dims) => movement::dimensions(call, dims),
        Op::TreeEnsemble { reduction } => tabular::tree_ensemble(call, *reduction),
        Op::Whole(operator) => whole::write(call, operator),
        Op::Dynamic(p) => dynamic::write(call, &p.operator),
        Op::If { .. } => control::branch(call),
        Op::Loop(p) => control::repeat(call, p.iteration),
    }
}
