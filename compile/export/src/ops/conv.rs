//! Convolutions, and the windows that they are made of.

use crate::call::{Call, Written};
use crate::messages::{ints, pads, size, sizes};
use ir::Conv;
use operators::col2im::Col2Im;
use operators::conv_transpose::ConvTranspose;
use operators::deform_columns::DeformColumns;
use operators::integer_convolution::IntegerConvolution;
use operators::numbers;
use tensor::{Dim, Tensor};

pub(super) fn conv(call: &mut Call<'_, '_>, conv: &Conv) -> Written {
    sliding(call, "Conv", conv)
}

/// `(x, weights, x_zero, weights_zero)`. The standard wants one zero point of the weights, or a
/// vector of one for each output channel.
pub(super) fn integer_convolution(call: &mut Call<'_, '_>, conv: &IntegerConvolution) -> Written {
    let zeros = call.fact(3).shape;
    if !zeros.is_empty() {
        let count = zeros.into_iter().fold(Dim::from(1), |count, size| count * size);
        let (given, shape) = (call.input(3), call.sizes(&[count])?);
        call.inputs[3] = call.step("Reshape", &[&given, &shape], vec![]);
    }
    let IntegerConvolution { strides, dilations, pads, groups } = conv.clone();
    sliding(call, "ConvInteger", &Conv { strides, dilations, pads, groups })
}

fn sliding(call: &mut Call<'_, '_>, op: &str, conv: &Conv) -> Written {
    let taps = call.fact(1).shape.into_iter().skip(2).filter_map(|taps| taps.known());
    let attributes = vec![
        ints("kernel_shape", taps),
        sizes("strides", &conv.strides),
        sizes("dilations", &conv.dilations),
        pads(&conv.pads),
        size("group", conv.groups),
    ];
    call.same(op, attributes)
}

/// A negative pad behind the last element is what the standard calls output padding.
pub(super) fn conv_transpose(call: &mut Call<'_, '_>, conv: &ConvTranspose) -> Written {
    if let Some((before, _)) = conv.pads.iter().find(|(before, _)| *before < 0) {
        return Err(call.refuse(format!("{} zeros are added before the result", -before)));
    }
    let cut = conv.pads.iter().map(|pads| pads.0).chain(conv.pads.iter().map(|pads| pads.1.max(0)));
    let attributes = vec![
        sizes("strides", &conv.strides),
        sizes("dilations", &conv.dilations),
        ints("pads", cut),
        ints("output_padding", conv.pads.iter().map(|pads| (-pads.1).max(0))),
        size("group", conv.groups),
    ];
    call.same("ConvTranspose", attributes)
}

/// `(x, offsets, [mask])`: the windows are what a deformed convolution makes with one kernel for
/// each tap, which is 1 there and 0 elsewhere.
pub(super) fn deform_columns(call: &mut Call<'_, '_>, columns: &DeformColumns) -> Written {
    if columns.ends_at_once {
        return Err(
            call.refuse("elements do not fade to the zeros outside of the image".to_string())
        );
    }
    let (x, made) = (call.fact(0), call.made());
    let Some(channels) = x.shape[1].known_size() else {
        return Err(call.refuse(format!("{} channels, expected a known number", x.shape[1])));
    };
    let taps = columns.kernel.iter().product::<usize>();
    let each: Vec<f64> = (0..channels * taps * taps)
        .map(|at| f64::from(u8::from(at / taps % taps == at % taps)))
        .collect();
    let shape = [&[channels * taps, 1], columns.kernel.as_slice()].concat();
    let weights = Tensor::zeros(x.dtype, &shape);
    let mut weights = weights.map_err(|error| call.refuse(error.to_string()))?;
    numbers::store_floats(&mut weights.view_mut(), &each);
    let weights = call.constant(&weights);
    let (x, offsets, mask) = (call.input(0), call.input(1), call.optional(2));
    let attributes = vec![
        sizes("kernel_shape", &columns.kernel),
        sizes("strides", &columns.strides),
        sizes("dilations", &columns.dilations),
        pads(&columns.pads),
        size("group", channels),
        size("offset_group", columns.groups),
    ];
    let windows = call.step("DeformConv", &[&x, &weights, &offsets, "", &mask], attributes);
    let shape = call.sizes(&made.shape)?;
    call.last("Reshape", &[&windows, &shape], vec![])
}

pub(super) fn col2im(call: &mut Call<'_, '_>, col2im: &Col2Im) -> Written {
    let x = call.input(0);
    let (image, block) = (call.sizes(&col2im.sizes)?, call.sizes(&col2im.kernel)?);
    let attributes = vec![
        sizes("strides", &col2im.strides),
        sizes("dilations", &col2im.dilations),
        pads(&col2im.pads),
    ];
    call.last("Col2Im", &[&x, &image, &block], attributes)
}

/// Elements of the padded axis behind its last window, where that can be told: padding that is
/// needed for as many windows.
pub(super) fn needed(windows: &Dim, reach: [usize; 2], size: &Dim, before: usize) -> Option<usize> {
    let [stride, span] = reach.map(Dim::from);
    let last = (windows.clone() - Dim::from(1)) * stride + span;
    let missing = last - size.clone() - Dim::from(before);
    missing.known().map(|missing| usize::try_from(missing).unwrap_or(0))
}
