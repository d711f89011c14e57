//! Weights of a convolution that are computed at run time: brought into the order of the kernels by
//! copies, in front of the convolution.

use crate::Lowering;
use crate::builder::strides;
use crate::layout::Layout;
use ir::Node;
use kernels::matmul::PANEL;
use plan::{BufferId, Convolution, Copy, Operation, View};
use tensor::{DType, Dim};

impl Lowering<'_> {
    /// The packed form of weights that are computed, and what takes them.
    pub(crate) fn computed_weights(
        &mut self,
        node: &Node,
        parameters: Convolution,
    ) -> (BufferId, Operation) {
        let id = node.inputs[1];
        let (weights, shape) = (self.form(id, Layout::Plain), self.shape(id));
        let [rows, columns] = parameters.kernel.map(Dim::from);
        let taps = rows * columns;
        let (outputs, depth) = (shape[0].clone(), shape[1].clone());
        let groups = Dim::from(parameters.groups);
        if parameters.groups > 1 && depth == Dim::from(1) && outputs == groups {
            let packed = self.permute(&node.name, weights, &[outputs, taps], &[1, 0]);
            return (packed, Operation::Depthwise(parameters));
        }
        let packed = self.panels(node, weights, [groups, outputs, depth, taps]);
        (packed, Operation::Convolution(parameters))
    }

    /// `[group][O][C][tap]` as `[group][panel of 16 outputs][tap][C][16]`, the last panel of each
    /// group filled with zeros: what `kernels::conv::pack_weights` makes of constants.
    fn panels(
        &mut self,
        node: &Node,
        weights: BufferId,
        [groups, outputs, depth, taps]: [Dim; 4],
    ) -> BufferId {
        let (one, lanes) = (Dim::from(1), Dim::from(PANEL));
        let outputs = outputs.floor_div(&groups);
        let (whole, panels) = (outputs.floor_div(&lanes), outputs.ceil_div(&lanes));
        let rest = outputs.clone() - whole.clone() * lanes.clone();
        let shape = vec![groups.clone(), panels, taps.clone(), depth.clone(), lanes.clone()];
        let dense = strides(&shape);
        let packed = self.builder.arena(DType::F32, shape);
        let each = depth.clone() * taps.clone();
        let along = vec![
            outputs * each.clone(),
            lanes.clone() * each.clone(),
            one.clone(),
            taps.clone(),
            each,
        ];
        let zero = Dim::from(0);
        if rest != zero {
            self.builder.step(&node.name, Operation::Fill(vec![0; 4]), &[], packed);
        }
        for (first, count, width) in [(zero.clone(), whole.clone(), lanes), (whole, one, rest)] {
            if count == zero || width == zero {
                continue;
            }
            let view = |strides: &[Dim]| View {
                offset: first.clone() * strides[1].clone(),
                strides: strides.to_vec(),
            };
            let operation = Operation::Copy(Copy {
                extents: vec![groups.clone(), count, taps.clone(), depth.clone(), width],
                from: view(&along),
                to: view(&dense),
            });
            self.builder.step(&node.name, operation, &[weights], packed);
        }
        packed
    }
}
