//! Convolution: channels-last, weights packed, what follows fused.

use crate::builder::permuted;
use crate::integers::IntegerProduct;
use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse, require_number};
use ir::{Conv, Node, ValueId};
use kernels::conv::ConvShape;
use kernels::depthwise::INT8_TAPS_MAX;
use plan::{BufferId, Convolution, Epilogue, Operation, Precision, View};
use tensor::{DType, Dim, Tensor};

/// Images larger than this are no other case, and products of such sizes cannot overflow.
const SIZE_MAX: i64 = 1 << 12;

/// No size may reach this, or the kernels' index arithmetic overflows.
const KERNEL_SIZE_MAX: usize = 1 << 31;

/// Refuses sizes that the kernels cannot count with: they may come without any data.
fn require_sizes(
    node: &Node,
    weights: &[usize],
    window: &Spatial,
    groups: usize,
) -> Result<(), Refusal> {
    let channels = [weights[0], weights[1].saturating_mul(groups), groups];
    let rest = [window.kernel, window.strides, window.dilations];
    let mut all = channels.iter().chain(rest.as_flattened()).chain(&window.pads);
    match all.find(|&&size| size >= KERNEL_SIZE_MAX) {
        None => Ok(()),
        Some(size) => Err(refuse(node, format!("no kernel for a size of {size}"))),
    }
}

impl Lowering<'_> {
    pub(crate) fn conv(&mut self, index: usize, conv: &Conv) -> Result<(), Refusal> {
        let node = &self.graph.nodes[index];
        let input = node.inputs[0];
        if self.dtype(input) == DType::F64 {
            return self.scalar_conv(node, conv);
        }
        require_number(node, self.dtype(input))?;
        let mut window = Spatial::of(node, self.shape(node.inputs[1]), conv)?;
        let rank = self.shape(input).len();
        let is_depthwise = is_depthwise(self.shape(node.inputs[1]), conv.groups);
        let product = self.integer_product(node, 0);
        let product = product.filter(|_| !is_depthwise || taps(&window) <= INT8_TAPS_MAX);
        let weights = if product.is_some() { None } else { self.known(node.inputs[1]) };
        let sizes = product.as_ref().map(|product| product.shape.as_slice());
        if let Some(sizes) = sizes.or(weights.as_ref().map(|weights| weights.shape())) {
            require_sizes(node, sizes, &window, conv.groups)?;
        }
        let fused = self.fuse(index, node.inputs.get(2).copied(), Layout::ChannelsLast);
        let fused = match &product {
            Some(product) => {
                self.finish_integers(product, &fused, Layout::ChannelsLast, is_depthwise)
            }
            None => self.finish(&fused, Layout::ChannelsLast),
        };
        let from =
            self.form(product.as_ref().map_or(input, |p| p.left.bytes.value), Layout::ChannelsLast);
        let mut from = self.planar(from, rank);
        if let Some([_, zero]) = product.as_ref().and_then(|product| product.left.computed) {
            from = self.padded(node, from, zero, &mut window);
        }
        let parameters = Convolution {
            kernel: window.kernel,
            strides: window.strides,
            dilations: window.dilations,
            pads: window.pads,
            groups: conv.groups,
            epilogue: fused.epilogue,
        };
        let (packed, operation) = match (product, weights) {
            (Some(product), _) => self.integer_weights(node, &product, parameters),
            (None, Some(weights)) => self.constant_weights(node, &weights, parameters),
            (None, None) => self.computed_weights(node, parameters),
        };
        let mut inputs = vec![from, packed];
        inputs.extend(fused.inputs.iter().enumerate().map(|(i, &id)| {
            let is_residual = i + 2 == fused.epilogue.residual_at(1);
            if is_residual { self.planar(id, rank) } else { id }
        }));
        let output = self.make(fused.output, Layout::ChannelsLast);
        let output = self.planar(output, rank);
        self.builder.step(&node.name, operation, &inputs, output);
        Ok(())
    }

    /// An image of bytes with its computed zero point around it: kernels pad by one that is known.
    fn padded(
        &mut self,
        node: &Node,
        image: BufferId,
        zero: ValueId,
        window: &mut Spatial,
    ) -> BufferId {
        let pads = std::mem::take(&mut window.pads);
        if pads == [0; 4] {
            return image;
        }
        let [top, left, bottom, right] = pads.map(|pad| pad as i64);
        let pads = [(0, 0), (top, bottom), (left, right), (0, 0)];
        let sizes = self.builder.shape(image).iter().zip(pads);
        let shape: Vec<Dim> =
            sizes.map(|(size, (before, after))| size.clone() + Dim::from(before + after)).collect();
        let padded = self.builder.arena(DType::U8, shape.clone());
        let zero = self.form(zero, Layout::Plain);
        let everywhere = View { offset: Dim::from(0), strides: vec![Dim::from(0); shape.len()] };
        let whole = self.whole(padded);
        self.copy(node, zero, padded, shape, everywhere, whole);
        self.copy_inside(node, image, padded, &pads);
        padded
    }

    /// The packed form of weights that are known, and what takes them.
    fn constant_weights(
        &mut self,
        node: &Node,
        weights: &Tensor,
        parameters: Convolution,
    ) -> (BufferId, Operation) {
        if is_depthwise_of(weights.shape(), parameters.groups) {
            let elements = weights.as_slice::<f32>().expect("checked to be f32");
            let packed = self.depthwise_weights(elements, weights.shape()[0]);
            return (packed, Operation::Depthwise(parameters));
        }
        let shape = self.conv_shape(node.output, weights.shape(), &parameters);
        match self.options.forms.tile(&node.name, &shape) {
            Some(tile) => {
                let packed = self.winograd_weights(tile, weights, &shape);
                (packed, Operation::Winograd { tile, convolution: parameters })
            }
            None => (self.packed_weights(weights, &shape), Operation::Convolution(parameters)),
        }
    }

    /// The packed form of weights that are integers, and what takes them.
    fn integer_weights(
        &mut self,
        node: &Node,
        IntegerProduct { weights, shape: sizes, .. }: &IntegerProduct,
        parameters: Convolution,
    ) -> (BufferId, Operation) {
        if is_depthwise_of(sizes, parameters.groups) {
            let floats: Vec<f32> = weights.iter().map(|&w| f32::from(w)).collect();
            let packed = self.depthwise_weights(&floats, sizes[0]);
            return (packed, Operation::Depthwise(parameters));
        }
        let shape = self.conv_shape(node.output, sizes, &parameters);
        let mut packed = vec![0i8; kernels::conv::packed_int8_len(&shape)];
        kernels::conv::pack_weights_int8(weights, &shape, &mut packed);
        (self.packed_constant(DType::I8, packed), Operation::Convolution(parameters))
    }

    /// A convolution of f64, whose weights need not be constant: what no kernel packs.
    fn scalar_conv(&mut self, node: &Node, conv: &Conv) -> Result<(), Refusal> {
        let window = Spatial::of(node, self.shape(node.inputs[1]), conv)?;
        let rank = self.shape(node.inputs[0]).len();
        let planar = |lowering: &mut Self, id| {
            let buffer = lowering.form(id, Layout::ChannelsLast);
            lowering.planar(buffer, rank)
        };
        let mut inputs = vec![planar(self, node.inputs[0]), planar(self, node.inputs[1])];
        let bias = node.inputs.get(2).map(|&id| self.form(id, Layout::Plain));
        inputs.extend(bias);
        let epilogue = Epilogue { has_bias: bias.is_some(), ..Epilogue::default() };
        let operation = Operation::Convolution(Convolution {
            kernel: window.kernel,
            strides: window.strides,
            dilations: window.dilations,
            pads: window.pads,
            groups: conv.groups,
            epilogue,
        });
        let output = self.make(node.output, Layout::ChannelsLast);
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
    fn depthwise_weights(&mut self, weights: &[f32], channels: usize) -> BufferId {
        let taps = weights.len() / channels;
        let bytes = bytemuck::cast_slice(weights);
        let bytes = permuted(bytes, &[channels, taps], &[1, 0], DType::F32.size());
        self.builder.constant(DType::F32, &[taps, channels], bytes)
    }

    /// The convolution as kernels see it. Sizes that only a run knows are what they are likely to
    /// be, and none is larger than a choice needs to know; how weights are packed depends on none
    /// of them.
    fn conv_shape(&self, output: ValueId, weights: &[usize], p: &Convolution) -> ConvShape {
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
            in_c: weights[1] * p.groups,
            out_h,
            out_w,
            out_c: weights[0],
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
                self.packed_constant(DType::F32, packed)
            }
            Precision::Bf16 => {
                let mut packed = vec![0u16; kernels::conv::packed_bf16_len(shape)];
                kernels::conv::pack_weights_bf16(elements, shape, &mut packed);
                self.packed_constant(DType::BF16, packed)
            }
        }
    }
}

/// Has each channel its own kernel?
fn is_depthwise(weights: &[Dim], groups: usize) -> bool {
    let sizes: Option<Vec<usize>> = weights.iter().map(Dim::known_size).collect();
    sizes.is_some_and(|sizes| is_depthwise_of(&sizes, groups))
}

fn is_depthwise_of(weights: &[usize], groups: usize) -> bool {
    groups > 1 && weights[1] == 1 && weights[0] == groups
}

fn taps(window: &Spatial) -> usize {
    window.kernel[0].saturating_mul(window.kernel[1])
}

/// Window parameters over exactly two spatial axes.
pub(crate) struct Spatial {
    pub(crate) kernel: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
    pub(crate) pads: [usize; 4],
}

impl Spatial {
    fn of(node: &Node, weights: &[Dim], conv: &Conv) -> Result<Spatial, Refusal> {
        let kernel: Option<Vec<usize>> = weights[2..].iter().map(Dim::known_size).collect();
        let kernel = kernel.ok_or_else(|| refuse(node, "a kernel whose size is not known"))?;
        let spatial = Spatial::new(&kernel, &conv.strides, &conv.dilations, &conv.pads);
        let axes = kernel.len();
        spatial.ok_or_else(|| refuse(node, format!("{axes} spatial axes, expected 1 or 2")))
    }

    /// `None` when there are more axes, or none.
    pub(crate) fn new(
        kernel: &[usize],
        strides: &[usize],
        dilations: &[usize],
        pads: &[(usize, usize)],
    ) -> Option<Spatial> {
        let two = |sizes: &[usize]| match *sizes {
            [w] => Some([1, w]),
            [h, w] => Some([h, w]),
            _ => None,
        };
        let pads = match *pads {
            [(left, right)] => [0, left, 0, right],
            [(top, bottom), (left, right)] => [top, left, bottom, right],
            _ => return None,
        };
        let (kernel, strides, dilations) = (two(kernel)?, two(strides)?, two(dilations)?);
        Some(Spatial { kernel, strides, dilations, pads })
    }
}
