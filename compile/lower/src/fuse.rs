//! What follows a product and can be done while its tile is still in registers:
//! `activation(sum + bias + residual)`.

use crate::Lowering;
use crate::builder::is_one;
use crate::layout::Layout;
use ir::{Node, Op, ValueId};
use plan::{BufferId, Epilogue};
use tensor::scalar::{Binary, Unary};

/// What a step takes beside the operands of its product, and the value that it makes.
pub(crate) struct Finished {
    pub(crate) epilogue: Epilogue,
    /// Scales, bias and residual, those that there are, in the order that the operation states.
    pub(crate) inputs: Vec<BufferId>,
    pub(crate) output: ValueId,
}

/// The nodes that a product takes into its epilogue.
pub(crate) struct Fused {
    pub(crate) bias: Option<ValueId>,
    pub(crate) residual: Option<ValueId>,
    pub(crate) activation: Option<Unary>,
    /// The value that the product and its epilogue make.
    pub(crate) output: ValueId,
}

impl<'g> Lowering<'g> {
    /// Takes what follows node `index` into its epilogue: at most a bias, then a residual, then
    /// an activation, each the only user of what it follows. `bias` is the product's own one.
    pub(crate) fn fuse(&mut self, index: usize, bias: Option<ValueId>, layout: Layout) -> Fused {
        let mut output = self.graph.nodes[index].output;
        let (mut bias, mut residual, mut activation) = (bias, None, None);
        while activation.is_none()
            && let Some((next, node)) = self.only_consumer(output)
        {
            if let Op::Unary(function) = node.op
                && is_activation(function)
            {
                activation = Some(function);
            } else if let Op::Binary(Binary::Add) = node.op
                && residual.is_none()
            {
                let other = other_operand(node, output);
                if bias.is_none() && self.is_bias(other, output, layout) {
                    bias = Some(other);
                } else if self.is_residual(other, output, index) {
                    residual = Some(other);
                } else {
                    break;
                }
            } else {
                break;
            }
            self.is_fused[next] = true;
            output = node.output;
        }
        Fused { bias, residual, activation, output }
    }

    /// What a step with this epilogue takes beside the operands of its product.
    pub(crate) fn finish(&mut self, fused: &Fused, layout: Layout) -> Finished {
        let bias = fused.bias.map(|id| self.form(id, Layout::Plain));
        let residual = fused.residual.map(|id| self.form(id, layout));
        let epilogue = Epilogue {
            has_bias: bias.is_some(),
            has_residual: residual.is_some(),
            activation: fused.activation,
            integers: None,
        };
        let inputs = bias.into_iter().chain(residual).collect();
        Finished { epilogue, inputs, output: fused.output }
    }

    /// The node that takes this value, when there is no other and no caller reads it.
    pub(crate) fn only_consumer(&self, id: ValueId) -> Option<(usize, &'g Node)> {
        if self.uses[id.0 as usize] != 1 {
            return None;
        }
        let index = self.consumer[id.0 as usize]?;
        Some((index, &self.graph.nodes[index]))
    }

    /// Is the value a constant with one element for each channel of the product?
    fn is_bias(&self, id: ValueId, product: ValueId, layout: Layout) -> bool {
        let (shape, product) = (self.shape(id), self.shape(product));
        // Counted from the end, since operands of lower rank align there.
        let channel_from_end = match layout {
            Layout::Plain => 1,
            Layout::ChannelsLast => product.len() - 1,
        };
        let Some(channel) = shape.len().checked_sub(channel_from_end) else {
            return false;
        };
        self.graph.known(id).is_some()
            && shape.len() <= product.len()
            && shape[channel] == product[product.len() - channel_from_end]
            && shape.iter().enumerate().all(|(axis, size)| axis == channel || is_one(size))
    }

    /// Is the value one of the product's shape that is ready when node `index` runs?
    pub(crate) fn is_residual(&self, id: ValueId, product: ValueId, index: usize) -> bool {
        let is_made = |id: ValueId| {
            let forms = self.forms[id.0 as usize];
            forms.plain.is_some() || forms.channels_last.is_some()
        };
        let is_ready = is_made(self.deferred(id).map_or(id, |(node, _)| node.inputs[0]));
        let is_itself = id == self.graph.nodes[index].output;
        is_ready && !is_itself && self.shape(id) == self.shape(product)
    }
}

fn other_operand(node: &Node, operand: ValueId) -> ValueId {
    if node.inputs[0] == operand { node.inputs[1] } else { node.inputs[0] }
}

/// Is it worth holding a tile in registers for? All but the functions that change the type.
fn is_activation(function: Unary) -> bool {
    !matches!(function, Unary::Not | Unary::IsNan)
}
