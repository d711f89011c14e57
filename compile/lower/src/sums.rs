//! Sums of two values that bytes stand for, and that become bytes again:
//!
//! ```text
//! round(clamp((sa (a - za) + sb (b - zb)) / sy + zy))
//! ```
//!
//! They are part of the product that makes `a` where nothing else takes it, and a step of their own
//! otherwise. Either way `a` is rounded to its own bytes first, as the graph says.

use crate::Lowering;
use crate::fuse::Finished;
use crate::integers::{Bytes, in_units};
use crate::layout::Layout;
use ir::{Node, Op, ValueId};
use plan::{ByteSum, Integers, Operation, Rounding};
use tensor::scalar::{Binary, Unary};

/// A sum of bytes, and what follows it.
struct Sum {
    parts: [Bytes; 2],
    /// Of the result.
    scale: f64,
    zero: f64,
    /// In the steps of the result.
    bounds: Option<Unary>,
    /// The nodes behind the sum.
    behind: Vec<usize>,
    /// The bytes that it becomes.
    output: ValueId,
}

impl Sum {
    /// What the steps of a part count in those of the result.
    fn factor(&self, part: usize) -> f64 {
        self.parts[part].scale / self.scale
    }

    /// What is added to the scaled bytes of both parts.
    fn offset(&self) -> f32 {
        let zeros = |part: usize| self.factor(part) * f64::from(self.parts[part].zero);
        (self.zero - (zeros(0) + zeros(1))) as f32
    }
}

impl Lowering<'_> {
    /// The sum that a node is, if it is one of bytes that becomes bytes, with bounds between.
    fn sum(&self, node: &Node) -> Option<Sum> {
        let is_even = self.shape(node.inputs[0]) == self.shape(node.inputs[1]);
        let parts = [self.bytes(node.inputs[0])?, self.bytes(node.inputs[1])?];
        let between = self.only_consumer(node.output).and_then(|(index, next)| match next.op {
            Op::Unary(function @ (Unary::Relu | Unary::Clip { .. })) => {
                Some((index, function, next.output))
            }
            _ => None,
        });
        let sum = between.map_or(node.output, |(.., output)| output);
        let (quantize, scale, zero) = self.quantization(sum)?;
        let zero = f64::from(zero);
        let bounds = in_units(between.map(|(_, function, _)| function), scale, zero);
        let behind = between.map(|(index, ..)| index).into_iter().chain([quantize]).collect();
        let output = self.graph.nodes[quantize].output;
        is_even.then_some(Sum { parts, scale, zero, bounds, behind, output })
    }

    /// One step for a sum of two values of bytes. Is it such a sum?
    pub(crate) fn byte_sum(&mut self, node: &Node) -> bool {
        let Some(sum) = self.sum(node) else { return false };
        let parameters = ByteSum {
            factors: [sum.factor(0) as f32, sum.factor(1) as f32],
            offset: sum.offset(),
            bounds: limits(sum.bounds, [f32::NEG_INFINITY, f32::INFINITY]),
        };
        let layout = match [0, 1].map(|part| self.natural(sum.parts[part].value)) {
            [Layout::Plain, Layout::Plain] => Layout::Plain,
            _ => Layout::ChannelsLast,
        };
        let parts = sum.parts.each_ref().map(|part| self.form(part.value, layout));
        let output = self.take(&sum);
        let output = self.make(output, layout);
        self.builder.step(&node.name, Operation::ByteSum(parameters), &parts, output);
        true
    }

    /// What a product that gives bytes becomes by the sum that takes these, where there is one and
    /// its other part is ready; `quantize` makes the bytes of the product.
    pub(crate) fn add_bytes(
        &mut self,
        quantize: usize,
        mut finished: Finished,
        layout: Layout,
    ) -> Finished {
        let found = self.sum_of(quantize);
        let (Some((own, sum)), Some(integers)) = (found, finished.epilogue.integers) else {
            return finished;
        };
        let rounding = Rounding {
            bounds: limits(finished.epilogue.activation, [0.0, 255.0]),
            factor: sum.factor(own) as f32,
            offset: sum.offset(),
        };
        let other = 1 - own;
        let residual_scale = sum.factor(other) as f32;
        finished.epilogue.has_residual = true;
        finished.epilogue.activation = sum.bounds;
        finished.epilogue.integers =
            Some(Integers { residual_scale, rounding: Some(rounding), ..integers });
        finished.inputs.push(self.form(sum.parts[other].value, layout));
        finished.output = self.take(&sum);
        finished
    }

    /// The sum that alone takes the bytes of a quantization, and which part of it they are.
    fn sum_of(&self, quantize: usize) -> Option<(usize, Sum)> {
        let (_, dequantize) = self.only_consumer(self.graph.nodes[quantize].output)?;
        let (index, node) = self.only_consumer(dequantize.output)?;
        if !matches!(dequantize.op, Op::Dequantize { .. })
            || !matches!(node.op, Op::Binary(Binary::Add))
        {
            return None;
        }
        let own = usize::from(node.inputs[1] == dequantize.output);
        let sum = self.sum(node)?;
        let is_ready = self.is_residual(node.inputs[1 - own], dequantize.output, index);
        is_ready.then_some((own, Sum { behind: [vec![index], sum.behind].concat(), ..sum }))
    }

    /// Marks what a step takes in; gives what it makes then.
    fn take(&mut self, sum: &Sum) -> ValueId {
        sum.behind.iter().for_each(|&index| self.is_fused[index] = true);
        sum.output
    }
}

/// The bounds that an activation is, where it says some.
fn limits(activation: Option<Unary>, [low, high]: [f32; 2]) -> [f32; 2] {
    match activation {
        Some(Unary::Clip { min, max }) => [min.max(low), max.min(high)],
        Some(Unary::Relu) => [low.max(0.0), high],
        _ => [low, high],
    }
}
