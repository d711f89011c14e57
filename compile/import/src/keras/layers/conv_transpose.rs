//! Transposed convolutions.

use super::super::call::{Call, Made};
use super::conv::{Window, channels_second, spatial};
use super::core::KERNEL_AND_BIAS;
use super::{Row, row};
use crate::decompose;
use operators::conv_transpose::ConvTranspose;

pub(super) const ROWS: &[Row] = &[
    row("Conv1DTranspose", "", KERNEL_AND_BIAS, |call| transposed(call, 1)).without_mask(),
    row("Conv2DTranspose", "", KERNEL_AND_BIAS, |call| transposed(call, 2)).without_mask(),
    row("Conv3DTranspose", "", KERNEL_AND_BIAS, |call| transposed(call, 3)).without_mask(),
];

/// `[kernel…, O, I]` as `[I, O, kernel…]`; what the padding takes off at each end.
fn transposed(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let (kernel, bias) = (call.weight("kernel")?, call.weight_if("bias"));
    let config = call.config();
    let window = Window::of(config, spatial(call, &kernel, axes)?)?;
    let added = config.sizes("output_padding", axes)?;
    let is_same = match config.text("padding").unwrap_or("valid") {
        "same" => true,
        "valid" => false,
        _ => return Err(config.refuse("padding", "valid or same")),
    };
    let pads = (0..axes).map(|axis| {
        let number = |size: usize| size as i64;
        let stride = number(window.strides[axis]);
        let span = (number(window.kernel[axis]) - 1) * number(window.dilations[axis]) + 1;
        // Elements that are made beyond those that are wanted, whatever the size.
        let excess = match (&added, is_same) {
            (None, true) => span - stride,
            (None, false) => span - stride - (span - stride).max(0),
            (Some(added), true) => 2 * (span / 2) - number(added[axis]),
            (Some(added), false) => -number(added[axis]),
        };
        let begin = if is_same { excess.max(0) / 2 } else { 0 };
        (begin, excess - begin)
    });
    let operator = ConvTranspose {
        pads: pads.collect(),
        strides: window.strides.clone(),
        dilations: window.dilations.clone(),
        groups: 1,
    };
    let perm = [axes + 1, axes].into_iter().chain(0..axes).collect();
    let weights = call.walk.build.transpose(&kernel, perm)?;
    let (x, is_last) = channels_second(call, axes)?;
    let build = &mut call.walk.build;
    let made = decompose::conv_transpose(build, operator, &x, &weights, bias.as_ref())?;
    Ok(vec![call.activated_channels(made, is_last)?])
}
