//! Normalizations.

use crate::layout::Layout;
use crate::{Lowering, Refusal, require_number};
use ir::Node;
use plan::{BufferId, Operation};

impl Lowering<'_> {
    pub(crate) fn softmax(
        &mut self,
        node: &Node,
        axis: usize,
        is_log: bool,
    ) -> Result<(), Refusal> {
        require_number(node, self.dtype(node.inputs[0]))?;
        let layout = self.natural(node.inputs[0]);
        let input = self.form(node.inputs[0], layout);
        let rank = self.shape(node.output).len();
        let output = self.make(node.output, layout);
        let operation = Operation::Softmax { axis: layout.place(axis, rank), is_log };
        self.builder.step(&node.name, operation, &[input], output);
        Ok(())
    }

    pub(crate) fn layer_norm(
        &mut self,
        node: &Node,
        axis: usize,
        epsilon: f32,
    ) -> Result<(), Refusal> {
        require_number(node, self.dtype(node.inputs[0]))?;
        let inputs: Vec<BufferId> =
            node.inputs.iter().map(|&id| self.form(id, Layout::Plain)).collect();
        let output = self.make(node.output, Layout::Plain);
        self.builder.step(&node.name, Operation::LayerNorm { axis, epsilon }, &inputs, output);
        Ok(())
    }

    pub(crate) fn local_response_norm(
        &mut self,
        node: &Node,
        size: usize,
        alpha: f32,
        beta: f32,
        bias: f32,
    ) -> Result<(), Refusal> {
        require_number(node, self.dtype(node.inputs[0]))?;
        let input = self.form(node.inputs[0], Layout::ChannelsLast);
        let output = self.make(node.output, Layout::ChannelsLast);
        let operation = Operation::LocalResponseNorm { size, alpha, beta, bias };
        self.builder.step(&node.name, operation, &[input], output);
        Ok(())
    }
}
