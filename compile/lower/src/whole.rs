//! Operators that are computed as written: one step on plain tensors.

use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse};
use ir::Node;
use operators::Operator;
use plan::{BufferId, Operation};

impl Lowering<'_> {
    /// A kernel's step where there is one that computes the operator on such values.
    pub(crate) fn operator(&mut self, node: &Node, operator: &Operator) -> Result<(), Refusal> {
        match operator {
            Operator::Resize(resize) => self.resize(node, resize),
            operator => self.as_written(node, operator),
        }
    }

    pub(crate) fn as_written(&mut self, node: &Node, operator: &Operator) -> Result<(), Refusal> {
        if node.inputs.len() > plan::INPUTS_MAX {
            let (found, limit) = (node.inputs.len(), plan::INPUTS_MAX);
            return Err(refuse(node, format!("{found} inputs, a step takes at most {limit}")));
        }
        let inputs: Vec<BufferId> =
            node.inputs.iter().map(|&id| self.form(id, Layout::Plain)).collect();
        let output = self.make(node.output, Layout::Plain);
        let further = node.further.iter().map(|&id| self.make(id, Layout::Plain)).collect();
        let operation = Operation::Whole(operator.clone());
        self.builder.step_with(&node.name, operation, &inputs, output, further);
        Ok(())
    }
}
