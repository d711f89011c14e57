//! A product or convolution of integers that is scaled becomes that of what the integers stand for,
//! as which it has a kernel; the result differs by rounding.
//!
//! Given:
//! ```text
//! graph
//! input %0 : u8[n, 2] # x
//! input %1 : f32[] # scale
//! input %2 : u8[] # zero
//! const %3 : i8[2, 2] [1, -2, 3, -4]
//! const %4 : i8[] [0]
//! const %5 : f32[2] [0.5, 0.25]
//! %6 = whole(%0, %3, %2, %4) {"integer_product":{}} : i32[n, 2]
//! %7 = cast(%6) "f32" : f32[n, 2]
//! %8 = mul(%1, %5) : f32[2]
//! %9 = mul(%7, %8) : f32[n, 2]
//! output %9 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : u8[n, 2] # x
//! input %1 : f32[] # scale
//! input %2 : u8[] # zero
//! %3 = dequantize(%0, %1, %2) {"axis":0} : f32[n, 2]
//! const %4 : i8[2, 2] [1, -2, 3, -4]
//! const %5 : f32[2] [0.5, 0.25]
//! const %6 : i8[2] splat(0)
//! %7 = dequantize(%4, %5, %6) {"axis":1} : f32[2, 2]
//! %8 = mat_mul(%3, %7) : f32[n, 2]
//! output %8 # y
//! ```

use crate::rewrite::{Rewriter, rewrite};
use ir::{Conv, Graph, Node, Op, ValueId};
use operators::Operator;
use operators::integer_convolution::IntegerConvolution;
use std::sync::Arc;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

/// Axes of the largest images that convolutions have kernels for.
const IMAGE_RANK_MAX: usize = 4;

/// Gives the number of products that are of numbers from now on.
pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, |graph, node| {
        if !matches!(node.op, Op::Binary(Binary::Mul)) {
            return None;
        }
        let [a, b] = [node.inputs[0], node.inputs[1]];
        scaled(graph, a, b).or_else(|| scaled(graph, b, a))
    })
}

/// The product of numbers for `sums` of products of integers, as f32, times `scale`.
fn scaled(graph: &mut Rewriter<'_>, sums: ValueId, scale: ValueId) -> Option<ValueId> {
    let (product, op, channel) = product(graph, sums)?;
    let [a, b, a_zero, b_zero] = *product.inputs else { return None };
    let (a_scale, b_scale) = scales(graph, scale)?;
    let (rank, channels) = (graph.fact(b).rank(), graph.fact(b).shape[channel].known_size()?);
    let b_zero = graph.known(b_zero)?.clone();
    let is_single = b_scale.len() == 1 && b_zero.len() == 1;
    // Of the sums, images have their channels behind the batch; of the weights they come first.
    let of_sums = if op == Op::MatMul { 1 } else { rank - 1 };
    let b_scale = spread(&b_scale, of_sums, channels, is_single)?;
    let b_zero = spread(&b_zero, rank - channel, channels, is_single)?;
    let (b_scale, b_zero) = (graph.constant(b_scale), graph.constant(b_zero));
    let a_scale = match a_scale {
        Some(scale) => single(graph, scale)?,
        None => graph.constant(Tensor::scalar(1f32)),
    };
    let a_zero = single(graph, a_zero)?;
    let a = graph.add(Op::Dequantize { axis: 0 }, &[a, a_scale, a_zero])?;
    let b = graph.add(Op::Dequantize { axis: channel }, &[b, b_scale, b_zero])?;
    graph.add(op, &[a, b])
}

/// The product of integers that a value is, converted to f32, the same of numbers, and the axis of
/// the second operand that its output channels lie along.
fn product(graph: &Rewriter<'_>, sums: ValueId) -> Option<(Node, Op, usize)> {
    let cast = graph.node(sums).filter(|cast| cast.op == Op::Cast(DType::F32))?;
    let product = graph.node(*cast.inputs.first()?)?;
    let Op::Whole(operator) = &product.op else { return None };
    let rank = graph.fact(product.inputs[1]).rank();
    match operator {
        Operator::IntegerProduct(_) => Some((product.clone(), Op::MatMul, rank - 1)),
        Operator::IntegerConvolution(conv) if rank <= IMAGE_RANK_MAX => {
            let IntegerConvolution { strides, dilations, pads, groups } = conv.clone();
            let conv = Conv { strides, dilations, pads, groups };
            Some((product.clone(), Op::Conv(conv), 0))
        }
        _ => None,
    }
}

/// The scales of both operands in their product: that of the first may be computed.
fn scales(graph: &Rewriter<'_>, scale: ValueId) -> Option<(Option<ValueId>, Arc<Tensor>)> {
    let known = |id: ValueId| graph.known(id).cloned();
    if let Some(scale) = known(scale) {
        return Some((None, scale));
    }
    let both = graph.node(scale)?;
    if !matches!(both.op, Op::Binary(Binary::Mul)) {
        return None;
    }
    let [a, b] = [both.inputs[0], both.inputs[1]];
    match (known(a), known(b)) {
        (None, Some(known)) => Some((Some(a), known)),
        (Some(known), None) => Some((Some(b), known)),
        _ => None,
    }
}

/// One number, or one for each channel, of a tensor that broadcasts along the channels, whose axis
/// is the one with this number from the end.
fn spread(tensor: &Tensor, from_end: usize, channels: usize, is_single: bool) -> Option<Tensor> {
    let (shape, dtype, bytes) = (tensor.shape(), tensor.dtype(), tensor.bytes());
    let axis = shape.len().checked_sub(from_end);
    let is_each = axis.is_some_and(|axis| shape[axis] == channels);
    match tensor.len() {
        1 if is_single => Tensor::from_bytes(dtype, &[], bytes).ok(),
        1 => Tensor::from_bytes(dtype, &[channels], &bytes.repeat(channels)).ok(),
        count if count == channels && is_each => Tensor::from_bytes(dtype, &[channels], bytes).ok(),
        _ => None,
    }
}

/// A value of one element without axes.
fn single(graph: &mut Rewriter<'_>, id: ValueId) -> Option<ValueId> {
    let shape = graph.fact(id).shape;
    if shape.is_empty() {
        return Some(id);
    }
    let is_one = shape.iter().all(|size| *size == Dim::from(1));
    if is_one { graph.add(Op::Reshape { shape: vec![] }, &[id]) } else { None }
}
