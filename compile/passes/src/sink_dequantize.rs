//! What only moves or picks numbers does so with the integers that stand for them: a dequantization
//! goes behind it. Where the same integers are then made again, they are taken as they are.
//!
//! Given:
//! ```text
//! graph
//! input %0 : u8[n, 2, 6] # x
//! const %1 : f32[] [0.5]
//! const %2 : u8[] [3]
//! %3 = dequantize(%0, %1, %2) {"axis":0} : f32[n, 2, 6]
//! %4 = reshape(%3) {"shape":["n",12]} : f32[n, 12]
//! %5 = quantize(%4, %1, %2) {"dtype":"u8","axis":0} : u8[n, 12]
//! output %4 # a
//! output %5 # b
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : u8[n, 2, 6] # x
//! %1 = reshape(%0) {"shape":["n",12]} : u8[n, 12]
//! const %2 : f32[] [0.5]
//! const %3 : u8[] [3]
//! %4 = dequantize(%1, %2, %3) {"axis":0} : f32[n, 12]
//! output %4 # a
//! output %1 # b
//! ```

use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Node, Op, PoolKind, ValueId};

/// Gives the number of nodes that take integers from now on, or are not needed any more.
pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, |graph, node| match &node.op {
        Op::Quantize { .. } => restored(graph, node),
        _ => sink(graph, node),
    })
}

/// Does an operator make what it makes of numbers of the integers that stand for them, too?
pub(crate) fn moves(op: &Op) -> bool {
    match op {
        Op::Transpose { .. }
        | Op::Reshape { .. }
        | Op::Slice { .. }
        | Op::Expand { .. }
        | Op::Gather { .. } => true,
        Op::Pool(pool) => pool.kind == PoolKind::Max,
        _ => false,
    }
}

/// A dequantization behind a node instead of in front of it.
fn sink(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let dequantize = graph.node(*node.inputs.first()?)?.clone();
    let Op::Dequantize { axis } = dequantize.op else { return None };
    let is_single = [1, 2].iter().all(|&at| graph.fact(dequantize.inputs[at]).rank() == 0);
    let axis = match &node.op {
        Op::Transpose { perm } => perm.iter().position(|&from| from == axis)?,
        op if is_single && moves(op) => 0,
        _ => return None,
    };
    let mut inputs = node.inputs.clone();
    inputs[0] = dequantize.inputs[0];
    let moved = graph.add(node.op.clone(), &inputs)?;
    graph.add(Op::Dequantize { axis }, &[moved, dequantize.inputs[1], dequantize.inputs[2]])
}

/// The integers that a value stands for, when a quantization would make the same of it again.
fn restored(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let dequantize = graph.node(node.inputs[0])?;
    if !matches!(dequantize.op, Op::Dequantize { .. }) {
        return None;
    }
    let is_same = |at: usize| {
        let (a, b) = (dequantize.inputs[at], node.inputs[at]);
        let is_equal = match (graph.known(a), graph.known(b)) {
            (Some(a), Some(b)) => a.dtype() == b.dtype() && a.bytes() == b.bytes(),
            _ => false,
        };
        graph.fact(a).rank() == 0 && graph.fact(b).rank() == 0 && (a == b || is_equal)
    };
    (is_same(1) && is_same(2)).then_some(dequantize.inputs[0])
}
