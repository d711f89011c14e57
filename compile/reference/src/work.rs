//! How long a naive twin takes.

use ir::{Fact, Op};
use operators::Operator;
use tensor::{Bindings, Dim};

/// Elements that the twin of an operator visits, each as often as it does, under these sizes: a
/// second is some hundred millions. Nothing when they cannot be counted.
pub fn work(op: &Op, inputs: &[Fact], made: &Fact, sizes: &Bindings) -> Option<usize> {
    let count = |shape: &[Dim]| {
        shape.iter().try_fold(1usize, |count, dim| {
            count.checked_mul(usize::try_from(dim.evaluate(sizes).ok()?).ok()?)
        })
    };
    let shape = |index: usize| inputs.get(index).map(|fact| fact.shape.as_slice());
    let results = count(&made.shape)?;
    let per_result = match op {
        Op::Conv(_) => count(shape(1)?.get(1..)?)?,
        Op::MatMul => count(shape(0)?.last().map_or(&[], std::slice::from_ref))?,
        Op::Pool(pool) => pool.kernel.iter().try_fold(1usize, |n, &k| n.checked_mul(k))?,
        Op::LocalResponseNorm { size, .. } => *size,
        Op::Whole(Operator::ConvTranspose(_)) => {
            let [elements, weights] = [count(shape(0)?)?, count(shape(1)?.get(1..)?)?];
            return results.checked_add(elements.checked_mul(weights)?);
        }
        // Each step meets all weights of the state.
        Op::Whole(Operator::Recurrent(_)) => {
            let [steps, weights] = [count(shape(0)?.get(..2)?)?, count(shape(1)?)?];
            return results.checked_add(steps.checked_mul(weights)?);
        }
        // Each row walks down every tree; no tree is deeper than it has nodes.
        Op::TreeEnsemble { .. } => count(shape(1)?)?,
        // How often a body runs is known only when it has.
        Op::Dynamic(_) | Op::If { .. } | Op::Loop(_) => return None,
        Op::Whole(_)
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Quantize { .. }
        | Op::Dequantize { .. }
        | Op::Reduce { .. }
        | Op::Arg(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Slice { .. }
        | Op::Concat { .. }
        | Op::Expand { .. }
        | Op::Gather { .. }
        | Op::Pad { .. }
        | Op::Dimensions(_) => 1,
    };
    let read = inputs.iter().try_fold(0usize, |sum, x| sum.checked_add(count(&x.shape)?))?;
    results.checked_mul(per_result)?.checked_add(read)
}
