//! Convolution: channels-last, weights packed, what follows fused.

use crate::builder::permuted;
use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse, require_f32};
use ir::{Conv, Node, ValueId};
use kernels::conv::ConvShape;
use plan::{BufferId, Convolution, Operation, Precision};
use tensor::{DType, Dim, Tensor};

/// Images larger than this are no other case, and products of such sizes cannot overflow.
const SIZE_MAX: i64 = 1 << 12;

impl Lowering<'_> {
    pub(crate) fn conv(&mut self, index: usize, conv: &Conv) -> Result<(), Refusal> {
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
            let shape = self.conv_shape(node.output, &weights, &parameters);
            if let Some(tile) = self.options.forms.tile(&node.name, &shape) {
                inputs.push(self.winograd_weights(tile, &weights, &shape));
                Operation::Winograd { tile, convolution: parameters }
            } else {
                inputs.push(self.packed_weights(&weights, &shape));
                Operation::Convolution(parameters)
            }
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

    /// The convolution as kernels see it. Sizes that only a run knows are what they are likely to
    /// be, and none is larger than a choice needs to know; how weights are packed depends on none
    /// of them.
    fn conv_shape(&self, output: ValueId, weights: &Tensor, p: &Convolution) -> ConvShape {
        let likely =
            |size: &Dim| size.evaluate(&self.defaults).unwrap_or(0).clamp(0, SIZE_MAX) as usize;
        let shape: Vec<usize> = self.shape(output).iter().map(likely).collect();
        let (out_h, out_w) = match shape[2..] {
            [h, w] => (h, w),
            _ => (1, shape[2]),
        };
        ConvShape {
            batch: shape[0],
            in_h: 0,
            in_w: 0,
            in_c: weights.shape()[1] * p.groups,
            out_h,
            out_w,
            out_c: weights.shape()[0],
            groups: p.groups,
            kernel: p.kernel,
            strides: p.strides,
            dilations: p.dilations,
            pads: p.pads,
        }
    }

    /// `[O, C/groups, kernel…]` in the order of the convolution kernels.
    fn packed_weights(&mut self, weights: &Tensor, shape: &ConvShape) -> BufferId {
        let elements = weights.as_slice::<f32>().expect("checked to be f32");
        match self.options.precision {
            Precision::F32 => {
                let mut packed = vec![0f32; kernels::conv::packed_len(shape)];
                kernels::conv::pack_weights(elements, shape, &mut packed);
                self.packed_constant(DType::F32, &packed)
            }
            Precision::Bf16 => {
                let mut packed = vec![0u16; kernels::conv::packed_bf16_len(shape)];
                kernels::conv::pack_weights_bf16(elements, shape, &mut packed);
                self.packed_constant(DType::BF16, &packed)
            }
        }
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
    fn of(node: &Node, weights: &[usize], conv: &Conv) -> Result<Spatial, Refusal> {
        Spatial::new(node, &weights[2..], &conv.strides, &conv.dilations, &conv.pads)
    }

    pub(crate) fn new(
        node: &Node,
        kernel: &[usize],
        strides: &[usize],
        dilations: &[usize],
        pads: &[(usize, usize)],
    ) -> Result<Spatial, Refusal> {
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
