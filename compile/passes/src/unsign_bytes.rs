//! Signed bytes of activations become unsigned ones, 128 higher, which is what products take on
//! their left. Nothing changes but the integers in between.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n, 2] # x
//! const %1 : f32[] [0.5]
//! const %2 : i8[] [-100]
//! %3 = quantize(%0, %1, %2) {"dtype":"i8","axis":0} : i8[n, 2]
//! %4 = dequantize(%3, %1, %2) {"axis":0} : f32[n, 2]
//! output %4 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n, 2] # x
//! const %1 : f32[] [0.5]
//! const %2 : u8[] [28]
//! %3 = quantize(%0, %1, %2) {"dtype":"u8","axis":0} : u8[n, 2]
//! %4 = dequantize(%3, %1, %2) {"axis":0} : f32[n, 2]
//! output %4 # y
//! ```

use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Node, Op, ValueId};
use tensor::{DType, Tensor};

/// Gives the number of values whose integers are unsigned from now on.
pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, unsign)
}

fn unsign(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Dequantize { axis } = node.op else { return None };
    let quantize = graph.node(node.inputs[0])?.clone();
    let is_signed = matches!(quantize.op, Op::Quantize { dtype: DType::I8, .. });
    if !is_signed {
        return None;
    }
    let raised = |graph: &mut Rewriter<'_>, zero: ValueId| {
        let zero = graph.known(zero)?.clone();
        let bytes: Vec<u8> = zero.bytes().iter().map(|byte| byte ^ 0x80).collect();
        Some(graph.constant(Tensor::from_slice(zero.shape(), &bytes).ok()?))
    };
    let of_integers = raised(graph, quantize.inputs[2])?;
    let of_numbers = if node.inputs[2] == quantize.inputs[2] {
        of_integers
    } else {
        raised(graph, node.inputs[2])?
    };
    let op = match quantize.op {
        Op::Quantize { axis, .. } => Op::Quantize { dtype: DType::U8, axis },
        _ => return None,
    };
    let made = graph.add(op, &[quantize.inputs[0], quantize.inputs[1], of_integers])?;
    graph.add(Op::Dequantize { axis }, &[made, node.inputs[1], of_numbers])
}
