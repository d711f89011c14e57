//! Convolutions.

use super::super::call::{Call, Made};
use super::super::config::Config;
use super::super::variables::{Slot, slot};
use super::core::{BIAS, KERNEL_AND_BIAS};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose;
use crate::error::Reason;
use ir::Conv;
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("Conv1D", "", KERNEL_AND_BIAS, |call| conv(call, 1)).without_mask(),
    row("Conv2D", "", KERNEL_AND_BIAS, |call| conv(call, 2)).without_mask(),
    row("Conv3D", "", KERNEL_AND_BIAS, |call| conv(call, 3)).without_mask(),
    row("DepthwiseConv1D", "", DEPTHWISE, |call| depthwise(call, 1)).without_mask(),
    row("DepthwiseConv2D", "", DEPTHWISE, |call| depthwise(call, 2)).without_mask(),
    row("SeparableConv1D", "", SEPARABLE, |call| separable(call, 1)).without_mask(),
    row("SeparableConv2D", "", SEPARABLE, |call| separable(call, 2)).without_mask(),
];

const DEPTHWISE: &[Slot] = &[slot("kernel"), BIAS];

const SEPARABLE: &[Slot] = &[slot("depthwise_kernel"), slot("pointwise_kernel"), BIAS];

/// How a window slides over the spatial axes of a value.
pub(super) struct Window {
    /// Taps along each axis.
    pub(super) kernel: Vec<usize>,
    /// Distance between windows.
    pub(super) strides: Vec<usize>,
    /// Distance between taps.
    pub(super) dilations: Vec<usize>,
}

impl Window {
    /// The strides and dilations of a configuration, and a kernel of this size.
    pub(super) fn of(config: Config<'_>, kernel: Vec<usize>) -> Result<Window, Reason> {
        let axes = kernel.len();
        let or_ones = |name: &str| -> Result<Vec<usize>, Reason> {
            let found = config.sizes(name, axes)?.unwrap_or_else(|| vec![1; axes]);
            match found.contains(&0) {
                true => Err(config.refuse(name, "at least 1")),
                false => Ok(found),
            }
        };
        let (strides, dilations) = (or_ones("strides")?, or_ones("dilation_rate")?);
        Ok(Window { kernel, strides, dilations })
    }

    /// The padding that a configuration asks for, of `x[N, C, spatial…]`, and the value that it is
    /// added to: where the padding depends on a size that is open, it is there already, made of
    /// `fill`.
    pub(super) fn padded(
        &self,
        config: Config<'_>,
        build: &mut Builder,
        x: &Operand,
        fill: f64,
    ) -> Result<(Operand, Vec<(usize, usize)>), Reason> {
        let span = |axis: usize| {
            let taps = self.kernel[axis].saturating_sub(1);
            taps.saturating_mul(self.dilations[axis])
        };
        let axes = self.kernel.len();
        let pads = match config.text("padding").unwrap_or("valid") {
            "valid" => vec![(0, 0); axes],
            "causal" => (0..axes).map(|axis| (span(axis), 0)).collect(),
            "same" => {
                let shape = build.fact(x).shape;
                let window = [&self.kernel[..], &self.strides, &self.dilations];
                match decompose::same_pads(&shape[2..], window[0], window[1], window[2]) {
                    Some(pads) => pads,
                    None => {
                        let x = decompose::same_padded(build, x, window, fill)?;
                        return Ok((x, vec![(0, 0); axes]));
                    }
                }
            }
            _ => return Err(config.refuse("padding", "valid, same or causal")),
        };
        Ok((x.clone(), pads))
    }
}

/// A value with its channels second, and whether they were last.
pub(super) fn channels_second(
    call: &mut Call<'_, '_>,
    axes: usize,
) -> Result<(Operand, bool), Reason> {
    let x = call.input_of_rank(axes + 2)?;
    let is_last = call.config().is_channels_last();
    let x = if is_last { call.walk.channels_second(&x)? } else { x };
    let dtype = call.compute_type();
    Ok((call.walk.build.cast(&x, dtype)?, is_last))
}

/// `[kernel…, I, O]` as `[O, I, kernel…]`.
pub(super) fn outputs_first(build: &mut Builder, kernel: &Operand) -> Result<Operand, Reason> {
    let rank = build.fact(kernel).rank();
    build.transpose(kernel, [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect())
}

/// The spatial sizes of a kernel `[kernel…, I, O]`.
pub(super) fn spatial(
    call: &Call<'_, '_>,
    kernel: &Operand,
    axes: usize,
) -> Result<Vec<usize>, Reason> {
    let shape = call.walk.build.fact(kernel).shape;
    let sizes: Option<Vec<usize>> = shape.iter().map(Dim::known_size).collect();
    let sizes = sizes.filter(|sizes| sizes.len() == axes + 2 && !sizes.contains(&0));
    let refused = || Reason::Tensor {
        name: format!("{}/kernel", call.layer.name),
        reason: format!("expected {axes} spatial axes, inputs and outputs, found {shape:?}"),
    };
    Ok(sizes.ok_or_else(refused)?[..axes].to_vec())
}

fn conv(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let (kernel, bias) = (call.weight("kernel")?, call.weight_if("bias"));
    let window = Window::of(call.config(), spatial(call, &kernel, axes)?)?;
    let weights = outputs_first(&mut call.walk.build, &kernel)?;
    let groups = call.config().integer("groups")?.unwrap_or(1);
    let groups = usize::try_from(groups).ok().filter(|&groups| groups > 0);
    let groups = groups.ok_or_else(|| call.config().refuse("groups", "at least 1"))?;
    let (x, is_last) = channels_second(call, axes)?;
    let made = slide(call, &window, (&x, &weights), bias.as_ref(), groups)?;
    let made = call.activated_channels(made, is_last)?;
    Ok(vec![made])
}

/// A convolution whose channels are second.
fn slide(
    call: &mut Call<'_, '_>,
    window: &Window,
    (x, weights): (&Operand, &Operand),
    bias: Option<&Operand>,
    groups: usize,
) -> Result<Operand, Reason> {
    let (x, pads) = window.padded(call.config(), &mut call.walk.build, x, 0.0)?;
    let (strides, dilations) = (window.strides.clone(), window.dilations.clone());
    let conv = Conv { strides, dilations, pads, groups };
    decompose::convolution(&mut call.walk.build, &conv, &x, weights, bias)
}

/// `[kernel…, C, M]` as `[C * M, 1, kernel…]`.
fn one_by_one(build: &mut Builder, kernel: &Operand) -> Result<(Operand, usize), Reason> {
    let shape = build.fact(kernel).shape;
    let rank = shape.len();
    let perm = [rank - 2, rank - 1].into_iter().chain(0..rank - 2).collect();
    let moved = build.transpose(kernel, perm)?;
    let outputs = shape[rank - 2].clone() * shape[rank - 1].clone();
    let joined = [&[outputs, Dim::from(1)], &shape[..rank - 2]].concat();
    Ok((build.reshape(&moved, joined)?, shape[rank - 2].known_size().unwrap_or(1).max(1)))
}

fn depthwise(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let (kernel, bias) = (call.weight("kernel")?, call.weight_if("bias"));
    let window = Window::of(call.config(), spatial(call, &kernel, axes)?)?;
    let (weights, groups) = one_by_one(&mut call.walk.build, &kernel)?;
    let (x, is_last) = channels_second(call, axes)?;
    let made = slide(call, &window, (&x, &weights), bias.as_ref(), groups)?;
    Ok(vec![call.activated_channels(made, is_last)?])
}

/// A depthwise convolution, then one of all channels of each place.
fn separable(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let (kernel, pointwise) = (call.weight("depthwise_kernel")?, call.weight("pointwise_kernel")?);
    let bias = call.weight_if("bias");
    let window = Window::of(call.config(), spatial(call, &kernel, axes)?)?;
    spatial(call, &pointwise, axes)?;
    let (weights, groups) = one_by_one(&mut call.walk.build, &kernel)?;
    let pointwise = outputs_first(&mut call.walk.build, &pointwise)?;
    let (x, is_last) = channels_second(call, axes)?;
    let made = slide(call, &window, (&x, &weights), None, groups)?;
    let conv = Conv {
        strides: vec![1; axes],
        dilations: vec![1; axes],
        pads: vec![(0, 0); axes],
        groups: 1,
    };
    let build = &mut call.walk.build;
    let made = decompose::convolution(build, &conv, &made, &pointwise, bias.as_ref())?;
    Ok(vec![call.activated_channels(made, is_last)?])
}
