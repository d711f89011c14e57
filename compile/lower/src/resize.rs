//! Interpolation over channels-last images.

use crate::layout::Layout;
use crate::{Lowering, Refusal};
use ir::Node;
use operators::resize::{Coordinates, Resize};
use plan::Operation;
use tensor::DType;

impl Lowering<'_> {
    /// A step of its own kernel over one or two spatial axes in f32; every other one is computed
    /// as written.
    pub(crate) fn resize(&mut self, node: &Node, resize: &Resize) -> Result<(), Refusal> {
        let rank = self.shape(node.output).len();
        let is_spatial = resize.axes.iter().all(|resized| resized.axis >= 2);
        let is_image = matches!(rank, 3 | 4) && is_spatial && node.inputs.len() == 1;
        let is_f32 = self.dtype(node.output) == DType::F32;
        if !is_image || !is_f32 || resize.coordinates == Coordinates::Crop {
            return self.as_written(node, &resize.clone().into());
        }
        let mut planar = resize.clone();
        for resized in &mut planar.axes {
            // The axes of `[N, H, W, C]`; a sequence is an image of height 1.
            resized.axis = resized.axis + 3 - rank;
        }
        let input = self.form(node.inputs[0], Layout::ChannelsLast);
        let input = self.planar(input, rank);
        let output = self.make(node.output, Layout::ChannelsLast);
        let output = self.planar(output, rank);
        self.builder.step(&node.name, Operation::Resize(planar), &[input], output);
        Ok(())
    }
}
