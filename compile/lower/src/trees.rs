//! Ensembles of decision trees.

use crate::Lowering;
use crate::layout::Layout;
use ir::Node;
use plan::{BufferId, Operation};
use tensor::scalar::Reduction;

impl Lowering<'_> {
    pub(crate) fn tree_ensemble(&mut self, node: &Node, reduction: Reduction) {
        let inputs: Vec<BufferId> =
            node.inputs.iter().map(|&id| self.form(id, Layout::Plain)).collect();
        let output = self.make(node.output, Layout::Plain);
        self.builder.step(&node.name, Operation::TreeEnsemble { reduction }, &inputs, output);
    }
}
