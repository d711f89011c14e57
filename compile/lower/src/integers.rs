//! Products of integers of 8 bits that stand for numbers.
//!
//! A product whose operands are both dequantized is computed with the integers themselves. With
//! scales s and zero points z, of the left operand x, the weights w of a channel, the residual r
//! and the result y:
//!
//! ```text
//! sum(sx (x - zx) sw w) + bias + sr (r - zr)
//!     = sx sw sum(x w) + (bias - sx sw zx sum(w) - sr zr) + sr r
//! ```
//!
//! so that one factor, one addend of each channel and one factor of the residual remain. Where the
//! result is quantized behind nothing but bounds, all of them are divided by sy, and zy is part of
//! the addend; rounding and saturation are done by the store. They are computed in 64 bits and
//! rounded to f32 once, which moves a result by less than 2^-22 of the terms of its sum: it may be
//! one integer away from that of the graph where it lies next to the middle between two.
//!
//! Where sx and zx are computed, the factors and addends are too, in f32.

use crate::Lowering;
use crate::fuse::{Finished, Fused};
use crate::layout::Layout;
use ir::{Node, Op, ValueId};
use kernels::SharedMut;
use kernels::matmul::DEPTH_MAX;
use kernels::quantize::{Dequantize, Parameters};
use plan::{BufferId, Epilogue, Integers, Operation};
use simd::Isa;
use std::sync::Arc;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor, small};

/// Bytes that stand for numbers, all by one scale and zero point.
pub(crate) struct Bytes {
    /// The bytes.
    pub(crate) value: ValueId,
    pub(crate) scale: f64,
    pub(crate) zero: u8,
}

/// Bytes whose scale and zero point may be computed.
pub(crate) struct Left {
    /// By 1 and 0 where scale and zero point are computed.
    pub(crate) bytes: Bytes,
    /// The computed scale and zero point.
    pub(crate) computed: Option<[ValueId; 2]>,
}

/// The operands of a product of integers.
pub(crate) struct IntegerProduct {
    pub(crate) left: Left,
    /// As the weights lie in the graph, without their zero points.
    pub(crate) weights: Vec<i8>,
    /// The shape of the weights.
    pub(crate) shape: Vec<usize>,
    /// Of each output channel.
    scales: Vec<f64>,
    /// Sums of the weights of each output channel.
    sums: Vec<f64>,
}

impl<'g> Lowering<'g> {
    /// The node that makes this value of integers, when that is what it is.
    fn dequantization(&self, id: ValueId) -> Option<(&'g Node, usize)> {
        let node = &self.graph.nodes[self.producer[id.0 as usize]?];
        match node.op {
            Op::Dequantize { axis } => Some((node, axis)),
            _ => None,
        }
    }

    /// The node that makes a value of integers, as long as nobody has asked for the numbers.
    pub(crate) fn deferred(&self, id: ValueId) -> Option<(&'g Node, usize)> {
        let forms = self.forms[id.0 as usize];
        let is_made = forms.plain.is_some() || forms.channels_last.is_some();
        if is_made { None } else { self.dequantization(id) }
    }

    /// The elements of a value, when they are known, or made of known integers.
    pub(crate) fn known(&self, id: ValueId) -> Option<Arc<Tensor>> {
        if let Some(tensor) = self.graph.known(id) {
            return Some(tensor.clone());
        }
        let (node, axis) = self.dequantization(id)?;
        let [integers, scales, zeros] = [0, 1, 2].map(|at| self.graph.known(node.inputs[at]));
        dequantized(axis, integers?, scales?, zeros?).map(Arc::new)
    }

    /// The bytes behind a value.
    pub(crate) fn bytes(&self, id: ValueId) -> Option<Bytes> {
        let (node, _) = self.dequantization(id)?;
        let (scale, zero) = self.parameters(&node.inputs)?;
        (self.dtype(node.inputs[0]) == DType::U8).then_some(Bytes {
            value: node.inputs[0],
            scale,
            zero,
        })
    }

    /// The bytes behind a value, however their scale and zero point come about.
    fn left(&self, id: ValueId) -> Option<Left> {
        if let Some(bytes) = self.bytes(id) {
            return Some(Left { bytes, computed: None });
        }
        let (node, _) = self.dequantization(id)?;
        let [value, scale, zero] = *node.inputs else { return None };
        let is_single = [scale, zero].iter().all(|&of| self.shape(of).is_empty());
        let is_computed = self.graph.known(scale).is_none() && self.graph.known(zero).is_none();
        (self.dtype(value) == DType::U8 && is_single && is_computed).then_some(Left {
            bytes: Bytes { value, scale: 1.0, zero: 0 },
            computed: Some([scale, zero]),
        })
    }

    /// The scale and the zero point among the inputs of a node, where there is one of each.
    pub(crate) fn parameters(&self, inputs: &[ValueId]) -> Option<(f64, u8)> {
        let (scale, zero) = (self.graph.known(inputs[1])?, self.graph.known(inputs[2])?);
        match (scale.as_slice::<f32>().ok()?, zero.as_slice::<u8>().ok()?) {
            (&[scale], &[zero]) if scale.is_finite() && scale > 0.0 => {
                Some((f64::from(scale), zero))
            }
            _ => None,
        }
    }

    /// The integers of a product of `node` whose weights have their output channels along
    /// `channel`; `None` where they are not known, or too many for exact sums.
    pub(crate) fn integer_product(&self, node: &Node, channel: usize) -> Option<IntegerProduct> {
        let left = self.left(node.inputs[0])?;
        if node.inputs.get(2).is_some_and(|&bias| self.graph.known(bias).is_none()) {
            return None;
        }
        let (weights, axis) = self.dequantization(node.inputs[1])?;
        let known = |at: usize| self.graph.known(weights.inputs[at]);
        let (integers, scales, zeros) = (known(0)?, known(1)?, known(2)?);
        let shape = integers.shape().to_vec();
        let channels = *shape.get(channel)?;
        let is_each = !scales.shape().is_empty();
        let is_fit = !is_each || axis == channel;
        let is_small = integers.len() / channels.max(1) <= DEPTH_MAX && !integers.is_empty();
        if !is_fit || !is_small {
            return None;
        }
        let scales = scales.as_slice::<f32>().ok()?;
        let of = |channel: usize| if is_each { channel } else { 0 };
        let inner: usize = shape[channel + 1..].iter().product();
        let (integers, zeros) = (wide(integers)?, wide(zeros)?);
        let mut sums = vec![0.0; channels];
        let mut weights = Vec::with_capacity(integers.len());
        for (at, integer) in integers.into_iter().enumerate() {
            let channel = at / inner % channels;
            let weight = integer - zeros[of(channel)];
            sums[channel] += f64::from(weight);
            weights.push(i8::try_from(weight).ok()?);
        }
        let scales = (0..channels).map(|channel| f64::from(scales[of(channel)])).collect();
        Some(IntegerProduct { left, weights, shape, scales, sums })
    }

    /// Takes the rest of what follows the product, and what all of it comes to.
    pub(crate) fn finish_integers(
        &mut self,
        product: &IntegerProduct,
        fused: &Fused,
        layout: Layout,
        is_depthwise: bool,
    ) -> Finished {
        let activation = fused.activation;
        let is_bounds = matches!(activation, None | Some(Unary::Relu | Unary::Clip { .. }));
        let quantized =
            if is_bounds || !is_depthwise { self.quantization(fused.output) } else { None };
        let (scale, zero, output) = match quantized {
            Some((index, scale, zero)) => {
                self.is_fused[index] = true;
                (scale, f64::from(zero), self.graph.nodes[index].output)
            }
            None => (1.0, 0.0, fused.output),
        };
        // In the integers' own numbers from the start, or only behind the activation.
        let (unit, offset) = if is_bounds { (scale, zero) } else { (1.0, 0.0) };
        let residual = fused.residual.map(|id| match self.bytes(id) {
            Some(bytes) => (self.form(bytes.value, layout), bytes.scale, f64::from(bytes.zero)),
            None => (self.form(id, layout), 1.0, 0.0),
        });
        let (residual_scale, residual_zero) =
            residual.map_or((1.0, 0.0), |(_, scale, zero)| (scale / unit, zero));
        let bias = fused.bias.and_then(|id| self.graph.known(id)).map(floats);
        let left_zero = if is_depthwise { 0.0 } else { f64::from(product.left.bytes.zero) };
        let factors: Vec<f64> =
            product.scales.iter().map(|scale| product.left.bytes.scale * scale / unit).collect();
        let addend = |(channel, factor): (usize, &f64)| {
            let bias = bias.as_ref().map_or(0.0, |bias| bias[channel]);
            let zeros = factor * left_zero * product.sums[channel] + residual_scale * residual_zero;
            (bias / unit + offset - zeros) as f32
        };
        let addends: Vec<f32> = factors.iter().enumerate().map(addend).collect();
        let factors: Vec<f32> = factors.iter().map(|&factor| factor as f32).collect();
        let parameters = self.channel_parameters(product, factors, addends);
        let steps =
            (quantized.is_some() && !is_bounds).then_some(((1.0 / scale) as f32, zero as f32));
        let integers = Integers {
            zero: product.left.bytes.zero,
            residual_scale: residual_scale as f32,
            rounding: None,
            steps,
        };
        let finished = Finished {
            epilogue: Epilogue {
                has_bias: true,
                has_residual: residual.is_some(),
                activation: in_units(activation, unit, offset),
                integers: Some(integers),
            },
            inputs: parameters.into_iter().chain(residual.map(|r| r.0)).collect(),
            output,
        };
        match quantized {
            Some((index, ..)) if is_bounds && residual.is_none() && !is_depthwise => {
                self.add_bytes(index, finished, layout)
            }
            _ => finished,
        }
    }

    /// Factors and addends of the channels as inputs of a step.
    fn channel_parameters(
        &mut self,
        product: &IntegerProduct,
        factors: Vec<f32>,
        addends: Vec<f32>,
    ) -> [BufferId; 2] {
        let channels = [factors.len()];
        let Some([scale, zero]) = product.left.computed else {
            return [factors, addends].map(|of| self.builder.constant(DType::F32, &channels, of));
        };
        let zeros = factors.iter().zip(&product.sums).map(|(f, sum)| (-f64::from(*f) * sum) as f32);
        let zeros: Vec<f32> = zeros.collect();
        let [factors, zeros, addends] =
            [factors, zeros, addends].map(|of| self.builder.constant(DType::F32, &channels, of));
        let [scale, zero] = [scale, zero].map(|id| self.form(id, Layout::Plain));
        let name = self.graph.value(product.left.bytes.value).name.clone();
        let mut step = |operation, inputs: &[BufferId], channels: &[usize]| {
            let shape = channels.iter().map(|&size| Dim::from(size)).collect();
            let made = self.builder.arena(DType::F32, shape);
            self.builder.step(&name, operation, inputs, made);
            made
        };
        let zero = step(Operation::Cast, &[zero], &[]);
        let offset = step(Operation::Binary(Binary::Mul), &[scale, zero], &[]);
        let factors = step(Operation::Binary(Binary::Mul), &[factors, scale], &channels);
        let zeros = step(Operation::Binary(Binary::Mul), &[zeros, offset], &channels);
        let addends = step(Operation::Binary(Binary::Add), &[zeros, addends], &channels);
        [factors, addends]
    }

    /// The node that quantizes a value to bytes, when nothing else takes it, and its parameters.
    pub(crate) fn quantization(&self, id: ValueId) -> Option<(usize, f64, u8)> {
        let (index, node) = self.only_consumer(id)?;
        if !matches!(node.op, Op::Quantize { dtype: DType::U8, .. }) {
            return None;
        }
        let (scale, zero) = self.parameters(&node.inputs)?;
        Some((index, scale, zero))
    }
}

/// An activation of `unit * x - unit * offset` in numbers of that size: only bounds change.
pub(crate) fn in_units(activation: Option<Unary>, unit: f64, offset: f64) -> Option<Unary> {
    let scaled = |bound: f32| (f64::from(bound) / unit + offset) as f32;
    match activation {
        Some(Unary::Relu) if unit != 1.0 || offset != 0.0 => {
            Some(Unary::Clip { min: offset as f32, max: f32::INFINITY })
        }
        Some(Unary::Clip { min, max }) => Some(Unary::Clip { min: scaled(min), max: scaled(max) }),
        other => other,
    }
}

/// Integers of 8 bits or 4.
fn wide(tensor: &Tensor) -> Option<Vec<i32>> {
    let dtype = tensor.dtype();
    match dtype {
        DType::I4 | DType::U4 => {
            let number = |&byte: &u8| small::to_f64(dtype, byte) as i32;
            Some(tensor.bytes().iter().map(number).collect())
        }
        DType::I8 => Some(tensor.as_slice::<i8>().ok()?.iter().map(|&x| i32::from(x)).collect()),
        DType::U8 => Some(tensor.as_slice::<u8>().ok()?.iter().map(|&x| i32::from(x)).collect()),
        _ => None,
    }
}

/// What known integers stand for.
fn dequantized(axis: usize, integers: &Tensor, scales: &Tensor, zeros: &Tensor) -> Option<Tensor> {
    let shape = integers.shape();
    let count = |sizes: &[usize]| sizes.iter().product::<usize>();
    let sizes = match scales.shape() {
        [] => [1, 1, integers.len()],
        _ => [count(&shape[..axis]), shape[axis], count(&shape[axis + 1..])],
    };
    let (scales, dtype) = (scales.as_slice().ok()?, integers.dtype());
    let parameters = Parameters { sizes, scales, zeros: zeros.bytes(), dtype };
    let mut made = Tensor::zeros(DType::F32, shape).ok()?;
    let out = SharedMut::from(made.as_mut_slice::<f32>().ok()?);
    let call = Dequantize::new(Isa::Generic, parameters, integers.bytes(), out);
    kernels::run_serially(&call, &mut []);
    Some(made)
}

fn floats(tensor: &Arc<Tensor>) -> Vec<f64> {
    let floats = tensor.as_slice::<f32>().unwrap_or_default();
    floats.iter().map(|&x| f64::from(x)).collect()
}
