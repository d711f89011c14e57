//! Functions of single elements, in whatever order the operands lie.

use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse};
use ir::{Node, ValueId};
use kernels::elementwise::{BinaryMap, UnaryMap};
use plan::{BufferId, Operation};
use tensor::DType;
use tensor::scalar::{Binary, Unary};

impl Lowering<'_> {
    pub(crate) fn unary(&mut self, node: &Node, function: Unary) -> Result<(), Refusal> {
        let dtype = self.dtype(node.inputs[0]);
        require(node, UnaryMap::supports(function, dtype), dtype)?;
        self.map(node, Operation::Unary(function));
        Ok(())
    }

    pub(crate) fn binary(&mut self, node: &Node, function: Binary) -> Result<(), Refusal> {
        let dtype = self.dtype(node.inputs[0]);
        require(node, BinaryMap::supports(function, dtype), dtype)?;
        if function == Binary::Add && self.byte_sum(node) {
            return Ok(());
        }
        self.map(node, Operation::Binary(function));
        Ok(())
    }

    pub(crate) fn select(&mut self, node: &Node) -> Result<(), Refusal> {
        self.map(node, Operation::Select);
        Ok(())
    }

    pub(crate) fn cast(&mut self, node: &Node) -> Result<(), Refusal> {
        self.map(node, Operation::Cast);
        Ok(())
    }

    /// One step over operands that are all brought into one order.
    fn map(&mut self, node: &Node, operation: Operation) {
        let rank = self.shape(node.output).len();
        let layout = self.common_layout(&node.inputs, rank);
        let inputs: Vec<BufferId> =
            node.inputs.iter().map(|&id| self.extended_form(id, rank, layout)).collect();
        let output = self.make(node.output, layout);
        self.builder.step(&node.name, operation, &inputs, output);
    }

    /// Channels-last when an operand of full rank lies so; plain otherwise.
    fn common_layout(&self, inputs: &[ValueId], rank: usize) -> Layout {
        let is_channels_last = |&id: &ValueId| {
            self.shape(id).len() == rank && self.natural(id) == Layout::ChannelsLast
        };
        if inputs.iter().any(is_channels_last) { Layout::ChannelsLast } else { Layout::Plain }
    }
}

fn require(node: &Node, is_supported: bool, dtype: DType) -> Result<(), Refusal> {
    if is_supported {
        return Ok(());
    }
    Err(refuse(node, format!("no kernel for {dtype} elements")))
}
