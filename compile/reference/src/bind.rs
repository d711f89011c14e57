//! Puts sizes in the place of symbols.

use ir::{Op, SliceAxis};
use tensor::{Bindings, Dim, DimError};

/// The operator with every symbolic size of its parameters evaluated.
pub(crate) fn bind(op: &Op, sizes: &Bindings) -> Result<Op, DimError> {
    let one = |dim: &Dim| dim.evaluate(sizes).map(Dim::from);
    let all = |dims: &[Dim]| dims.iter().map(one).collect::<Result<Vec<_>, _>>();
    Ok(match op {
        Op::Reshape { shape } => Op::Reshape { shape: all(shape)? },
        Op::Expand { shape } => Op::Expand { shape: all(shape)? },
        Op::Dimensions(dims) => Op::Dimensions(all(dims)?),
        Op::Slice { axes } => {
            let cut = |a: &SliceAxis| {
                let (start, len) = (one(&a.start)?, one(&a.len)?);
                Ok(SliceAxis { axis: a.axis, start, len, step: a.step })
            };
            Op::Slice { axes: axes.iter().map(cut).collect::<Result<_, DimError>>()? }
        }
        Op::Whole(operator) => Op::Whole(operator.bind(sizes)?),
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Quantize { .. }
        | Op::Dequantize { .. }
        | Op::Conv(_)
        | Op::MatMul
        | Op::Pool(_)
        | Op::Reduce { .. }
        | Op::Arg(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::LocalResponseNorm { .. }
        | Op::Transpose { .. }
        | Op::Concat { .. }
        | Op::Gather { .. }
        | Op::Pad { .. }
        | Op::TreeEnsemble { .. }
        | Op::Dynamic(_)
        | Op::If { .. }
        | Op::Loop(_) => op.clone(),
    })
}
