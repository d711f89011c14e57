//! Convolutions.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::decompose;
use crate::error::Reason;
use ir::Conv;
use operators::conv_transpose::ConvTranspose;
use operators::deform_columns::DeformColumns;

pub(super) const ROWS: &[Row] = &[
    row("Convolution", convolution),
    row("Convolution_v1", convolution),
    row("Deconvolution", deconvolution),
    row("_contrib_DeformableConvolution", |call| deformable(call, false)),
    row("_contrib_ModulatedDeformableConvolution", |call| deformable(call, true)),
];

/// Most elements that are cut off or added along an axis.
const EXCESS_MAX: i64 = 1 << 31;

/// The numbers that say how a window slides, one for each spatial axis.
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) pads: Vec<usize>,
}

impl Window {
    /// What the attributes say, of a kernel of so many axes.
    pub(super) fn of(call: &Call<'_, '_>, axes: usize) -> Result<Window, Reason> {
        let window = Window {
            kernel: call.sizes("kernel", axes, 1)?,
            strides: call.sizes("stride", axes, 1)?,
            dilations: call.sizes("dilate", axes, 1)?,
            pads: call.sizes("pad", axes, 0)?,
        };
        let steps = window.kernel.iter().chain(&window.strides).chain(&window.dilations);
        match steps.clone().all(|&step| step > 0) {
            true => Ok(window),
            false => Err(call.refuse("kernel", "taps, strides and distances of at least 1", "0")),
        }
    }
}

/// The axes of images in the usual order; another one is refused.
pub(super) fn require_layout(call: &Call<'_, '_>) -> Result<(), Reason> {
    match call.text("layout") {
        None | Some("NCW" | "NCHW" | "NCDHW") => Ok(()),
        Some(other) => Err(call.refuse("layout", "NCW, NCHW or NCDHW", other)),
    }
}

fn convolution(call: &mut Call<'_, '_>) -> Made {
    require_layout(call)?;
    let x = call.of_rank(0, 3)?;
    let Window { strides, dilations, pads, .. } = Window::of(call, call.rank(0)? - 2)?;
    let pads = pads.iter().map(|&pad| (pad, pad)).collect();
    let conv = Conv { strides, dilations, pads, groups: call.count("num_group", 1)?.max(1) };
    let weights = call.input(1)?;
    let has_bias = !call.flag("no_bias", false)?;
    let bias = if has_bias { Some(call.input(2)?) } else { None };
    Ok(vec![decompose::convolution(call.build(), &conv, &x, &weights, bias.as_ref())?])
}

fn deconvolution(call: &mut Call<'_, '_>) -> Made {
    require_layout(call)?;
    let (x, shape) = (call.of_rank(0, 3)?, call.fact(0)?.shape);
    let axes = shape.len() - 2;
    let window = Window::of(call, axes)?;
    let wanted = call.ints("target_shape")?.filter(|list| list.iter().any(|&size| size > 0));
    let added = call.sizes("adj", axes, 0)?;
    let mut pads = Vec::with_capacity(axes);
    for at in 0..axes {
        let (pad, added) = (window.pads[at] as i64, added[at] as i64);
        let Some(wanted) = &wanted else {
            pads.push((pad, pad - added));
            continue;
        };
        // As many elements are cut off as the size asks for, an odd one in front.
        let span = (window.kernel[at] as i64 - 1) * window.dilations[at] as i64 + 1;
        let whole = shape[at + 2].known().zip(wanted.get(at)).map(|(size, want)| {
            (size - 1)
                .saturating_mul(window.strides[at] as i64)
                .saturating_add(span.saturating_sub(*want))
        });
        let excess = whole.ok_or_else(|| Reason::DataDependent {
            input: 0,
            what: "the size of the result".to_string(),
        })?;
        let excess = excess.clamp(-EXCESS_MAX, EXCESS_MAX);
        pads.push(((excess + 1) / 2, excess / 2));
    }
    let operator = ConvTranspose {
        pads,
        strides: window.strides,
        dilations: window.dilations,
        groups: call.count("num_group", 1)?.max(1),
    };
    let weights = call.input(1)?;
    let bias = if call.flag("no_bias", true)? { None } else { Some(call.input(2)?) };
    Ok(vec![decompose::conv_transpose(call.build(), operator, &x, &weights, bias.as_ref())?])
}

/// `(x, offsets, [mask], weights, [bias])`: those with a mask fade to the zeros outside of the
/// image, those without end at once.
fn deformable(call: &mut Call<'_, '_>, has_mask: bool) -> Made {
    require_layout(call)?;
    let at = if has_mask { 3 } else { 2 };
    let mut inputs = vec![call.of_rank(0, 4)?];
    inputs.extend((1..at).map(|at| call.of_rank(at, 4)).collect::<Result<Vec<_>, Reason>>()?);
    let Window { kernel, strides, dilations, pads } = Window::of(call, 2)?;
    let weights = call.of_rank(at, 4)?;
    let operator = DeformColumns {
        kernel,
        strides,
        dilations,
        pads: pads.into_iter().map(|pad| (pad, pad)).collect(),
        groups: call.count("num_deformable_group", 1)?.max(1),
        ends_at_once: !has_mask,
    };
    let groups = call.count("num_group", 1)?.max(1);
    let has_bias = !call.flag("no_bias", false)?;
    let bias = if has_bias { Some(call.input(at + 1)?) } else { None };
    let build = call.build();
    let made = decompose::deformed(build, operator, &inputs, &weights, groups, bias.as_ref())?;
    Ok(vec![made])
}
