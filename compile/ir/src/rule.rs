//! The rule of each operator: what it makes of which inputs.

use crate::{Op, ops};
use tensor::rule::{Fact, RuleError};

impl Op {
    /// Types and shapes of all that the operator makes of such inputs.
    pub fn infer_all(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        match self {
            Op::Whole(operator) => operator.infer(inputs),
            _ => Ok(vec![self.infer(inputs)?]),
        }
    }

    /// Type and shape of the first or only value that the operator makes of such inputs.
    pub fn infer(&self, inputs: &[Fact]) -> Result<Fact, RuleError> {
        match self {
            Op::Unary(function) => ops::elementwise::unary(*function, inputs),
            Op::Binary(function) => ops::elementwise::binary(*function, inputs),
            Op::Select => ops::elementwise::select(inputs),
            Op::Cast(dtype) => ops::elementwise::cast(*dtype, inputs),
            Op::Conv(conv) => ops::conv::conv(conv, inputs),
            Op::MatMul => ops::matmul::mat_mul(inputs),
            Op::Pool(pool) => ops::pool::pool(pool, inputs),
            Op::Reduce { axes, keepdims, .. } => ops::reduce::reduce(axes, *keepdims, inputs),
            Op::Arg(arg) => ops::reduce::arg(arg, inputs),
            Op::Softmax { axis } | Op::LogSoftmax { axis } => ops::norm::softmax(*axis, inputs),
            Op::LayerNorm { axis, .. } => ops::norm::layer_norm(*axis, inputs),
            Op::LocalResponseNorm { size, .. } => ops::norm::local_response_norm(*size, inputs),
            Op::Reshape { shape } => ops::movement::reshape(shape, inputs),
            Op::Transpose { perm } => ops::movement::transpose(perm, inputs),
            Op::Slice { axes } => ops::movement::slice(axes, inputs),
            Op::Concat { axis } => ops::movement::concat(*axis, inputs),
            Op::Expand { shape } => ops::movement::expand(shape, inputs),
            Op::Gather { axis } => ops::movement::gather(*axis, inputs),
            Op::Pad { before, after, .. } => ops::movement::pad(before, after, inputs),
            Op::Dimensions(dims) => ops::movement::dimensions(dims, inputs),
            Op::Whole(operator) => operator.infer(inputs).map(|mut made| made.swap_remove(0)),
        }
    }
}
