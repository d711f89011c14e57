//! Drops what does nothing, and joins reshapes and transposes that follow each other. The
//! answers do not change, save that `-0 + 0` is left as `-0`.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n, 2, 3] # x
//! %1 = transpose(%0) {"perm":[0,2,1]} : f32[n, 3, 2]
//! %2 = transpose(%1) {"perm":[2,0,1]} : f32[2, n, 3]
//! const %3 : f32[3] splat(1.0)
//! %4 = mul(%2, %3) : f32[2, n, 3]
//! %5 = reshape(%4) {"shape":["6*n"]} : f32[6*n]
//! %6 = reshape(%5) {"shape":["3*n",2]} : f32[3*n, 2]
//! output %6 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n, 2, 3] # x
//! %1 = transpose(%0) {"perm":[1,0,2]} : f32[2, n, 3]
//! %2 = reshape(%1) {"shape":["3*n",2]} : f32[3*n, 2]
//! output %2 # y
//! ```

use crate::known::number;
use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Node, Op, PadMode, ValueId};
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

/// Gives the number of nodes dropped or joined.
pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, |graph, node| {
        let is_same = |id: &ValueId| graph.fact(*id) == graph.fact(node.output);
        unchanged(graph, node).filter(is_same).or_else(|| joined(graph, node))
    })
}

/// The input that the node gives back as it is if it has the type and shape of the output; what is
/// checked here is what they do not tell.
fn unchanged(graph: &Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let x = node.inputs.first().copied()?;
    let is_unchanged = match &node.op {
        Op::Binary(function) => return neutral(graph, *function, x, node.inputs[1]),
        Op::Select => return selected(graph, node),
        // The same shape, so the same elements.
        Op::Reshape { .. } | Op::Expand { .. } | Op::Cast(_) => true,
        Op::Concat { .. } => node.inputs.len() == 1,
        Op::Transpose { perm } => perm.is_sorted(),
        Op::Pad { before, after, mode } => match mode {
            PadMode::Constant(_) | PadMode::Edge | PadMode::Reflect => {
                before.iter().chain(after).all(|&count| count == 0)
            }
        },
        Op::Slice { axes } => {
            let shape = graph.fact(x).shape;
            axes.iter()
                .all(|cut| cut.start == Dim::from(0) && cut.step == 1 && cut.len == shape[cut.axis])
        }
        Op::Reduce { reduction, axes, .. } => match reduction {
            Reduction::Sum
            | Reduction::Mean
            | Reduction::Max
            | Reduction::Min
            | Reduction::Prod => axes.is_empty(),
            Reduction::L1
            | Reduction::L2
            | Reduction::SumSquare
            | Reduction::LogSum
            | Reduction::LogSumExp => false,
        },
        Op::Pool(pool) => {
            let is_one = |sizes: &[usize]| sizes.iter().all(|&size| size == 1);
            let is_unpadded = pool.pads.iter().all(|&pads| pads == (0, 0));
            is_one(&pool.kernel) && is_one(&pool.strides) && is_unpadded
        }
        Op::Unary(Unary::Clip { min, max }) => *min == f32::NEG_INFINITY && *max == f32::INFINITY,
        Op::Unary(_)
        | Op::Quantize { .. }
        | Op::Dequantize { .. }
        | Op::Conv(_)
        | Op::MatMul
        | Op::Arg(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::LocalResponseNorm { .. }
        | Op::Gather { .. }
        | Op::Dimensions(_)
        | Op::TreeEnsemble { .. }
        | Op::Whole(_)
        | Op::Dynamic(_)
        | Op::If { .. }
        | Op::Loop(_) => false,
    };
    is_unchanged.then_some(x)
}

/// The operand whose partner changes nothing.
fn neutral(graph: &Rewriter<'_>, function: Binary, a: ValueId, b: ValueId) -> Option<ValueId> {
    let (left, right) = match function {
        Binary::Add => (Some(0.0), Some(0.0)),
        Binary::Sub => (None, Some(0.0)),
        Binary::Mul => (Some(1.0), Some(1.0)),
        Binary::Div | Binary::Pow => (None, Some(1.0)),
        Binary::Max
        | Binary::Min
        | Binary::Mod
        | Binary::Fmod
        | Binary::Equal
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Greater
        | Binary::GreaterOrEqual
        | Binary::And
        | Binary::Or
        | Binary::Xor => (None, None),
    };
    let is = |id, neutral: Option<f64>| neutral.is_some() && number(graph, id) == neutral;
    // A partner of more axes would change the shape; the other operand might then fit.
    let made = crate::known::broadcast_of(graph, a, b);
    let fits = |id: ValueId| made.as_ref() == Some(&graph.fact(id).shape);
    if is(b, right) && fits(a) {
        return Some(a);
    }
    (is(a, left) && fits(b)).then_some(b)
}

/// The operand that a known condition picks everywhere.
fn selected(graph: &Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let condition = graph.known(node.inputs[0])?.bytes();
    let first = *condition.first()?;
    let is_one = condition.iter().all(|&byte| (byte != 0) == (first != 0));
    is_one.then_some(node.inputs[if first != 0 { 1 } else { 2 }])
}

/// One node for this one and the one that makes its input.
fn joined(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let x = *node.inputs.first()?;
    if let Op::Transpose { perm } = &node.op
        && is_order_kept(perm, &graph.fact(x).shape)
    {
        let shape = graph.fact(node.output).shape;
        return graph.add(Op::Reshape { shape }, &[x]);
    }
    let earlier = graph.node(x)?;
    let source = *earlier.inputs.first()?;
    let op = match (&earlier.op, &node.op) {
        (Op::Reshape { .. }, Op::Reshape { shape }) => Op::Reshape { shape: shape.clone() },
        (Op::Transpose { perm: first }, Op::Transpose { perm: second }) => {
            Op::Transpose { perm: second.iter().map(|&axis| first[axis]).collect() }
        }
        _ => return None,
    };
    graph.add(op, &[source])
}

/// Do only axes of one element change their place?
fn is_order_kept(perm: &[usize], shape: &[Dim]) -> bool {
    perm.iter().filter(|&&axis| shape[axis] != Dim::from(1)).is_sorted()
}
