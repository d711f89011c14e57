//! Pooling over channels-last images.

use crate::conv::Spatial;
use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse, require_number};
use ir::Node;
use plan::{Operation, PoolKind};
use tensor::Dim;

impl Lowering<'_> {
    /// One step for each two spatial axes, from the last ones to the first: the largest of the
    /// largest is the largest of all, and since a window has as many taps on one axis wherever it
    /// lies on the others, the mean of means is the mean.
    pub(crate) fn pool(&mut self, node: &Node, pool: &ir::Pool) -> Result<(), Refusal> {
        require_number(node, self.dtype(node.inputs[0]))?;
        let kind = match pool.kind {
            ir::PoolKind::Max => PoolKind::Max,
            ir::PoolKind::Average { count_include_pad } => PoolKind::Average { count_include_pad },
        };
        let windows = &self.shape(node.output)[2..];
        let mut input = self.form(node.inputs[0], Layout::ChannelsLast);
        let output = self.make(node.output, Layout::ChannelsLast);
        let mut end = pool.kernel.len();
        while end > 0 {
            let axes = end.saturating_sub(2)..end;
            let window = Spatial::new(
                &pool.kernel[axes.clone()],
                &pool.strides[axes.clone()],
                &pool.dilations[axes.clone()],
                &pool.pads[axes.clone()],
            );
            let window = window.ok_or_else(|| refuse(node, "no spatial axes"))?;
            // Axes before the two are more images, those behind them are more channels.
            let mut shape = self.builder.shape(input).to_vec();
            let from = image(&shape, axes.start + 1..axes.end + 1);
            let from = self.builder.alias(input, from);
            for axis in axes.clone() {
                shape[axis + 1] = windows[axis].clone();
            }
            let made = image(&shape, axes.start + 1..axes.end + 1);
            let (whole, to) = if axes.start == 0 {
                (output, self.builder.alias(output, made))
            } else {
                let between = self.builder.arena(self.dtype(node.output), made);
                (self.builder.alias(between, shape), between)
            };
            let operation = Operation::Pool(plan::Pool {
                kind,
                kernel: window.kernel,
                strides: window.strides,
                dilations: window.dilations,
                pads: window.pads,
            });
            self.builder.step(&node.name, operation, &[from], to);
            (input, end) = (whole, axes.start);
        }
        Ok(())
    }
}

/// A channels-last shape as `[N, H, W, C]` with one or two axes as the image.
fn image(shape: &[Dim], axes: std::ops::Range<usize>) -> Vec<Dim> {
    let product = |sizes: &[Dim]| sizes.iter().cloned().fold(Dim::from(1), |a, b| a * b);
    let mut made = vec![product(&shape[..axes.start])];
    if axes.len() == 1 {
        made.push(Dim::from(1));
    }
    made.extend_from_slice(&shape[axes.clone()]);
    made.push(product(&shape[axes.end..]));
    made
}
