//! Operators that run between the stages of a plan: each one step, on plain values, with the plans
//! of its bodies inside.

use crate::layout::Layout;
use crate::{LowerError, Lowering, Refusal, lower_with, refuse};
use ir::{Node, Op};
use plan::{Body, BufferId, Loop, Operation, Place, Plan};

impl Lowering<'_> {
    /// Every node of the bodies that cannot be lowered is named.
    pub(crate) fn staged(&mut self, node: &Node) -> Result<(), Vec<Refusal>> {
        let operation = match &node.op {
            Op::Dynamic(dynamic) => Operation::Dynamic {
                operator: dynamic.operator.clone(),
                elements: dynamic.elements.clone(),
            },
            Op::If { .. } => Operation::If(self.bodies(node)?),
            Op::Loop(p) => {
                let [body] = self.bodies(node)?;
                Operation::Loop(Loop { iteration: p.iteration, body })
            }
            other => return Err(vec![refuse(node, format!("{} has no stage", other.name()))]),
        };
        let inputs: Vec<BufferId> =
            node.inputs.iter().map(|&id| self.form(id, Layout::Plain)).collect();
        let outputs: Vec<BufferId> = node
            .outputs()
            .map(|id| {
                let buffer = self.builder.held(self.dtype(id), self.shape(id).to_vec());
                self.set_form(id, Layout::Plain, buffer);
                buffer
            })
            .collect();
        let further = outputs[1..].to_vec();
        self.builder.step_with(&node.name, operation, &inputs, outputs[0], further);
        Ok(())
    }

    /// The plans of a node's bodies, their constants among the plan's own.
    fn bodies<const N: usize>(&mut self, node: &Node) -> Result<[Body; N], Vec<Refusal>> {
        let (mut bodies, mut refused) = (Vec::with_capacity(N), Vec::new());
        for graph in &node.bodies {
            match lower_with(graph, self.options) {
                Ok(lowered) => {
                    let offset = self.builder.append(lowered.constants.as_slice().to_vec());
                    let mut plan = lowered.plan;
                    shift(&mut plan, offset);
                    bodies.push(Body(Box::new(plan)));
                }
                Err(LowerError(inside)) => refused.extend(inside),
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let found = bodies.len();
        bodies.try_into().map_err(|_| vec![refuse(node, format!("{found} bodies, expected {N}"))])
    }
}

/// Moves the constants of a plan, and of the plans inside it.
fn shift(plan: &mut Plan, by: u64) {
    for buffer in &mut plan.buffers {
        if let Place::Constant { offset, .. } = &mut buffer.place {
            *offset += by;
        }
    }
    for step in &mut plan.steps {
        step.operation.bodies_mut().iter_mut().for_each(|body| shift(&mut body.0, by));
    }
}
