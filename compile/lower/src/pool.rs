//! Pooling over channels-last images.

use crate::conv::Spatial;
use crate::layout::Layout;
use crate::{Lowering, Refusal, require_f32};
use ir::Node;
use plan::{Operation, PoolKind};

impl Lowering<'_> {
    pub(crate) fn pool(&mut self, node: &Node, pool: &ir::Pool) -> Result<(), Refusal> {
        require_f32(node, self.dtype(node.inputs[0]))?;
        let window = Spatial::new(node, &pool.kernel, &pool.strides, &pool.dilations, &pool.pads)?;
        let kind = match pool.kind {
            ir::PoolKind::Max => PoolKind::Max,
            ir::PoolKind::Average { count_include_pad } => PoolKind::Average { count_include_pad },
        };
        let rank = self.shape(node.output).len();
        let input = self.form(node.inputs[0], Layout::ChannelsLast);
        let input = self.planar(input, rank);
        let output = self.make(node.output, Layout::ChannelsLast);
        let output = self.planar(output, rank);
        let operation = Operation::Pool(plan::Pool {
            kind,
            kernel: window.kernel,
            strides: window.strides,
            dilations: window.dilations,
            pads: window.pads,
        });
        self.builder.step(&node.name, operation, &[input], output);
        Ok(())
    }
}
