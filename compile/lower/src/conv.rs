//! Convolution: channels-last, weights packed, what follows fused.

use crate::builder::permuted;
use crate::layout::Layout;
use crate::{LowerError, Lowering, refuse, require_f32};
use ir::{Conv, Node};
use plan::{BufferId, Convolution, Operation};
use tensor::{DType, Dim, Tensor};

impl Lowering<'_> {
    pub(crate) fn conv(&mut self, index: usize, conv: &Conv) -> Result<(), LowerError> {
        let node = &self.graph.nodes[index];
        let input = node.inputs[0];
        require_f32(node, self.dtype(input))?;
        let Some(weights) = self.graph.known(node.inputs[1]) else {
            return Err(refuse(node, "weights that are computed at run time have no kernel yet"));
        };
        let weights = weights.clone();
        let window = Spatial::of(node, weights.shape(), conv)?;
        let rank = weights.shape().len();
        let fused = self.fuse(index, node.inputs.get(2).copied(), Layout::ChannelsLast);
        let from = self.form(input, Layout::ChannelsLast);
        let from = self.planar(from, rank);
        let parameters = Convolution {
            kernel: window.kernel,
            strides: window.strides,
            dilations: window.dilations,
            pads: window.pads,
            groups: conv.groups,
            epilogue: fused.epilogue,
        };
        let mut inputs = vec![from];
        let is_depthwise = weights.shape()[1] == 1 && weights.shape()[0] == conv.groups;
        let operation = if is_depthwise && conv.groups > 1 {
            inputs.push(self.depthwise_weights(&weights));
            Operation::Depthwise(parameters)
        } else {
            inputs.push(self.packed_weights(&weights, window.kernel, conv.groups));
            Operation::Convolution(parameters)
        };
        inputs.extend(fused.inputs.iter().enumerate().map(|(i, &id)| {
            let is_residual = i == usize::from(fused.epilogue.has_bias);
            if is_residual { self.planar(id, rank) } else { id }
        }));
        let output = self.make(fused.output, Layout::ChannelsLast);
        let output = self.planar(output, rank);
        self.builder.step(&node.name, operation, &inputs, output);
        Ok(())
    }

    /// A channels-last buffer with exactly two spatial axes: a sequence is an image of height 1.
    pub(crate) fn planar(&mut self, buffer: BufferId, rank: usize) -> BufferId {
        if rank == 4 {
            return buffer;
        }
        let mut shape = self.builder.shape(buffer).to_vec();
        shape.insert(1, Dim::from(1));
        self.builder.alias(buffer, shape)
    }

    /// `[channels, 1, kernel…]` as `[taps][channels]`.
    fn depthwise_weights(&mut self, weights: &Tensor) -> BufferId {
        let channels = weights.shape()[0];
        let taps = weights.len() / channels;
        let bytes = permuted(weights.bytes(), &[channels, taps], &[1, 0], DType::F32.size());
        self.builder.constant(DType::F32, &[taps, channels], &bytes)
    }

    /// `[O, C/groups, kernel…]` in the order of the convolution kernels.
    fn packed_weights(&mut self, weights: &Tensor, kernel: [usize; 2], groups: usize) -> BufferId {
        // Packing depends on channels, groups and kernel only; the image's sizes are not known.
        let shape = kernels::conv::ConvShape {
            batch: 1,
            in_h: 1,
            in_w: 1,
            in_c: weights.shape()[1] * groups,
            out_h: 1,
            out_w: 1,
            out_c: weights.shape()[0],
            groups,
            kernel,
            strides: [1, 1],
            dilations: [1, 1],
            pads: [0; 4],
        };
        let mut packed = vec![0f32; kernels::conv::packed_len(&shape)];
        let elements = weights.as_slice::<f32>().expect("checked to be f32");
        kernels::conv::pack_weights(elements, &shape, &mut packed);
        self.builder.constant(DType::F32, &[packed.len()], bytemuck::cast_slice(&packed))
    }
}

/// Window parameters over exactly two spatial axes.
pub(crate) struct Spatial {
    pub(crate) kernel: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
    pub(crate) pads: [usize; 4],
}

impl Spatial {
    fn of(node: &Node, weights: &[usize], conv: &Conv) -> Result<Spatial, LowerError> {
        Spatial::new(node, &weights[2..], &conv.strides, &conv.dilations, &conv.pads)
    }

    pub(crate) fn new(
        node: &Node,
        kernel: &[usize],
        strides: &[usize],
        dilations: &[usize],
        pads: &[(usize, usize)],
    ) -> Result<Spatial, LowerError> {
        let two = |sizes: &[usize]| match *sizes {
            [w] => Ok([1, w]),
            [h, w] => Ok([h, w]),
            _ => Err(refuse(node, format!("{} spatial axes, expected 1 or 2", sizes.len()))),
        };
        let pads = match *pads {
            [(left, right)] => [0, left, 0, right],
            [(top, bottom), (left, right)] => [top, left, bottom, right],
            _ => return Err(refuse(node, "expected padding of 1 or 2 spatial axes")),
        };
        let (kernel, strides, dilations) = (two(kernel)?, two(strides)?, two(dilations)?);
        Ok(Spatial { kernel, strides, dilations, pads })
    }
}
