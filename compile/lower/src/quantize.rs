//! Integers that stand for numbers, where no product takes them as they are.

use crate::Lowering;
use crate::layout::Layout;
use ir::Node;
use plan::Operation;

impl Lowering<'_> {
    pub(crate) fn quantize(&mut self, node: &Node, axis: usize) {
        self.affine(node, axis, |axis| Operation::Quantize { axis });
    }

    pub(crate) fn dequantize(&mut self, node: &Node, axis: usize) {
        self.affine(node, axis, |axis| Operation::Dequantize { axis });
    }

    fn affine(&mut self, node: &Node, axis: usize, operation: impl Fn(usize) -> Operation) {
        let layout = self.natural(node.inputs[0]);
        let rank = self.shape(node.output).len();
        let x = self.form(node.inputs[0], layout);
        let [scale, zero] = [1, 2].map(|input| self.form(node.inputs[input], Layout::Plain));
        let output = self.make(node.output, layout);
        // Of a scalar there is no axis, and one parameter needs none.
        let axis = if axis < rank { layout.place(axis, rank) } else { 0 };
        self.builder.step(&node.name, operation(axis), &[x, scale, zero], output);
    }
}
