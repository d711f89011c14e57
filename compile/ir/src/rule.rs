//! The rule of each operator: what it makes of which inputs.

use crate::{Dynamic, Loop, Op, ops};
use tensor::DType;
use tensor::rule::{Fact, RuleError, require_type};

impl Op {
    /// Types and shapes of all that the operator makes of such inputs.
    pub fn infer_all(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        match self {
            Op::Whole(operator) => {
                require_numbers(inputs)?;
                operator.infer(inputs)
            }
            Op::Dynamic(Dynamic { made, .. }) | Op::If { made } | Op::Loop(Loop { made, .. }) => {
                Ok(made.clone())
            }
            _ => Ok(vec![self.infer(inputs)?]),
        }
    }

    /// Type and shape of the first or only value that the operator makes of such inputs.
    pub fn infer(&self, inputs: &[Fact]) -> Result<Fact, RuleError> {
        require_numbers(inputs)?;
        match self {
            Op::Unary(function) => ops::elementwise::unary(*function, inputs),
            Op::Binary(function) => ops::elementwise::binary(*function, inputs),
            Op::Select => ops::elementwise::select(inputs),
            Op::Cast(dtype) => ops::elementwise::cast(*dtype, inputs),
            Op::Quantize { dtype, axis } => ops::quantize::quantize(*dtype, *axis, inputs),
            Op::Dequantize { axis } => ops::quantize::dequantize(*axis, inputs),
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
            Op::TreeEnsemble { reduction } => ops::trees::tree_ensemble(*reduction, inputs),
            Op::Whole(_) | Op::Dynamic(_) | Op::If { .. } | Op::Loop(_) => {
                let mut made = self.infer_all(inputs)?;
                let none = RuleError::Arity { expected: "a result", found: 0 };
                if made.is_empty() { Err(none) } else { Ok(made.swap_remove(0)) }
            }
        }
    }
}

/// Requires every input to be a tensor of numbers.
fn require_numbers(inputs: &[Fact]) -> Result<(), RuleError> {
    let mut inputs = inputs.iter().enumerate();
    inputs.try_for_each(|(i, x)| require_type(i, x, DType::is_dense, "a tensor of numbers"))
}
