//! Convolutions, and the windows that they share with pooling.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose;
use crate::error::Reason;
use ir::Conv;
use operators::conv_transpose::ConvTranspose;
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("Conv2D", |call| conv(call, 2)),
    row("Conv3D", |call| conv(call, 3)),
    row("DepthwiseConv2dNative", depthwise),
    row("Conv2DBackpropInput", |call| transposed(call, 2)),
    row("Conv3DBackpropInputV2", |call| transposed(call, 3)),
];

/// The order of the axes of an image.
pub(super) struct Layout {
    /// Are the channels last, or second?
    pub(super) is_last: bool,
    /// How many axes are neither the batch nor the channels.
    axes: usize,
}

impl Layout {
    /// What the attribute says.
    pub(super) fn of(call: &Call<'_, '_>, axes: usize) -> Result<Layout, Reason> {
        let is_last = match call.text("data_format").unwrap_or("NHWC") {
            "NHWC" | "NDHWC" => true,
            "NCHW" | "NCDHW" => false,
            other => return Err(call.refuse("data_format", "NHWC or NCHW", other)),
        };
        Ok(Layout { is_last, axes })
    }

    /// The axes of an image that are neither the batch nor the channels.
    pub(super) fn spatial(&self) -> std::ops::Range<usize> {
        let first = if self.is_last { 1 } else { 2 };
        first..first + self.axes
    }

    /// An input with its channels second.
    pub(super) fn channels_second(
        &self,
        call: &mut Call<'_, '_>,
        index: usize,
    ) -> Result<Operand, Reason> {
        let x = call.of_rank(index, self.axes + 2)?;
        match self.is_last {
            true => call.walk.turned.channels_second(&mut call.walk.build, &x),
            false => Ok(x),
        }
    }

    /// A value whose channels are second, with them where they belong.
    pub(super) fn placed(&self, call: &mut Call<'_, '_>, x: Operand) -> Result<Operand, Reason> {
        match self.is_last {
            true => call.walk.turned.channels_last(&mut call.walk.build, x),
            false => Ok(x),
        }
    }
}

/// How a window slides over the spatial axes of a value.
pub(super) struct Window {
    /// Taps along each axis.
    pub(super) kernel: Vec<usize>,
    /// Distance between windows.
    pub(super) strides: Vec<usize>,
    /// Distance between taps.
    pub(super) dilations: Vec<usize>,
}

/// Longest stride or dilation: no image is as large.
const STEP_MAX: usize = 1 << 20;

impl Window {
    /// The attributes that say how a kernel slides.
    pub(super) fn of(
        call: &Call<'_, '_>,
        layout: &Layout,
        kernel: Vec<usize>,
    ) -> Result<Window, Reason> {
        let steps = |name: &str| -> Result<Vec<usize>, Reason> {
            let values = call.ints(name);
            if values.is_empty() {
                return Ok(vec![1; kernel.len()]);
            }
            along(call, layout, name, values)
        };
        let (strides, dilations) = (steps("strides")?, steps("dilations")?);
        Ok(Window { kernel, strides, dilations })
    }

    /// The padding that the attributes ask for, of `x[N, C, spatial…]`, and the value that it is
    /// added to: where the padding depends on a size that is open, it is there already, made of
    /// `fill`.
    pub(super) fn padded(
        &self,
        call: &mut Call<'_, '_>,
        layout: &Layout,
        x: &Operand,
        fill: f64,
    ) -> Result<(Operand, Vec<(usize, usize)>), Reason> {
        let axes = self.kernel.len();
        let pads = match call.text("padding").unwrap_or("VALID") {
            "VALID" => vec![(0, 0); axes],
            "SAME" => {
                let shape = call.walk.build.fact(x).shape;
                let window = [&self.kernel[..], &self.strides, &self.dilations];
                match decompose::same_pads(&shape[2..], window[0], window[1], window[2]) {
                    Some(pads) => pads,
                    None => {
                        let x = decompose::same_padded(call.build(), x, window, fill)?;
                        return Ok((x, vec![(0, 0); axes]));
                    }
                }
            }
            "EXPLICIT" => {
                let given = call.ints("explicit_paddings");
                let pads = layout.spatial().map(|axis| {
                    let pad = |at: usize| usize::try_from(*given.get(at)?).ok();
                    Some((pad(2 * axis)?, pad(2 * axis + 1)?))
                });
                let pads: Option<Vec<(usize, usize)>> =
                    pads.collect::<Option<_>>().filter(|_| given.len() == 2 * (axes + 2));
                let expected = format!("{} numbers", 2 * (axes + 2));
                let found = || call.refuse("explicit_paddings", &expected, &format!("{given:?}"));
                pads.ok_or_else(found)?
            }
            other => return Err(call.refuse("padding", "VALID, SAME or EXPLICIT", other)),
        };
        Ok((x.clone(), pads))
    }
}

/// Of one number for each axis of an image those of the spatial axes; the others have to be 1.
pub(super) fn along(
    call: &Call<'_, '_>,
    layout: &Layout,
    name: &str,
    values: &[i64],
) -> Result<Vec<usize>, Reason> {
    let spatial = layout.spatial();
    let is_whole = values.len() == spatial.len() + 2
        && (0..values.len()).all(|axis| spatial.contains(&axis) || values[axis] == 1);
    let steps: Option<Vec<usize>> = spatial
        .map(|axis| {
            let value = usize::try_from(*values.get(axis)?).ok()?;
            (1..=STEP_MAX).contains(&value).then_some(value)
        })
        .collect();
    steps.filter(|_| is_whole).ok_or_else(|| {
        let expected = "1 for batch and channels, and at least 1 for the other axes";
        call.refuse(name, expected, &format!("{values:?}"))
    })
}

/// The sizes of a kernel `[kernel…, I, O]`.
fn sizes(call: &Call<'_, '_>, index: usize, axes: usize) -> Result<Vec<usize>, Reason> {
    let shape = call.fact(index)?.shape;
    let sizes: Option<Vec<usize>> = shape.iter().map(Dim::known_size).collect();
    sizes.filter(|sizes| sizes.len() == axes + 2 && !sizes.contains(&0)).ok_or_else(|| {
        let expected = format!("a kernel of {axes} axes, inputs and outputs, of known sizes");
        Reason::Input { input: index, expected, found: format!("{shape:?}") }
    })
}

/// `[kernel…, I, O]` as `[O, I, kernel…]`.
fn outputs_first(build: &mut Builder, kernel: &Operand) -> Result<Operand, Reason> {
    let rank = build.fact(kernel).rank();
    build.transpose(kernel, [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect())
}

fn conv(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let layout = Layout::of(call, axes)?;
    let sizes = sizes(call, 1, axes)?;
    let window = Window::of(call, &layout, sizes[..axes].to_vec())?;
    let kernel = call.input(1)?;
    let weights = outputs_first(call.build(), &kernel)?;
    let x = layout.channels_second(call, 0)?;
    let channels = call.walk.build.fact(&x).shape[1].known_size();
    // The kernel sees the channels of one group.
    let groups = match channels {
        Some(channels) if sizes[axes] > 0 && channels % sizes[axes] == 0 => channels / sizes[axes],
        Some(_) | None => 1,
    };
    slide(call, &layout, &window, [&x, &weights], groups)
}

fn slide(
    call: &mut Call<'_, '_>,
    layout: &Layout,
    window: &Window,
    [x, weights]: [&Operand; 2],
    groups: usize,
) -> Made {
    let (x, pads) = window.padded(call, layout, x, 0.0)?;
    let (strides, dilations) = (window.strides.clone(), window.dilations.clone());
    let conv = Conv { strides, dilations, pads, groups };
    let made = decompose::convolution(call.build(), &conv, &x, weights, None)?;
    Ok(vec![layout.placed(call, made)?])
}

/// The kernel `[H, W, C, M]` is taken as `[C * M, 1, H, W]`.
fn depthwise(call: &mut Call<'_, '_>) -> Made {
    let layout = Layout::of(call, 2)?;
    let sizes = sizes(call, 1, 2)?;
    let window = Window::of(call, &layout, sizes[..2].to_vec())?;
    let kernel = call.input(1)?;
    let moved = call.build().transpose(&kernel, vec![2, 3, 0, 1])?;
    let outputs = Dim::from(sizes[2]) * Dim::from(sizes[3]);
    let shape = vec![outputs, Dim::from(1), Dim::from(sizes[0]), Dim::from(sizes[1])];
    let weights = call.build().reshape(&moved, shape)?;
    let x = layout.channels_second(call, 0)?;
    slide(call, &layout, &window, [&x, &weights], sizes[2])
}

/// A convolution from its results back to what it takes: `(sizes, kernel[…, O, I], x)`.
fn transposed(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let layout = Layout::of(call, axes)?;
    let sizes = sizes(call, 1, axes)?;
    let window = Window::of(call, &layout, sizes[..axes].to_vec())?;
    let x = layout.channels_second(call, 2)?;
    let given = call.walk.build.fact(&x).shape;
    let wanted = call.known_dims(0).filter(|dims| dims.len() == axes + 2);
    let padding = call.text("padding").unwrap_or("VALID").to_string();
    let explicit: Vec<i64> = call.ints("explicit_paddings").to_vec();
    let mut pads = Vec::with_capacity(axes);
    for (at, axis) in layout.spatial().enumerate() {
        let stride = window.strides[at] as i64;
        let span = (window.kernel[at] as i64 - 1) * window.dilations[at] as i64 + 1;
        // As many elements as the convolution would have needed.
        let full = (given[at + 2].clone() - Dim::from(1)) * Dim::from(stride) + Dim::from(span);
        let excess = match &wanted {
            Some(wanted) => (full - wanted[axis].clone()).known(),
            // What sizes that turn out later can only be.
            None if padding == "SAME" => Some(span - stride),
            None => Some(span - stride - (span - stride).max(0)),
        };
        let excess = excess.ok_or_else(|| Reason::DataDependent {
            input: 0,
            what: "the size of the result".to_string(),
        })?;
        let begin = match padding.as_str() {
            "SAME" => excess.max(0) / 2,
            "EXPLICIT" => explicit.get(2 * axis).copied().unwrap_or(0).clamp(0, 1 << 20),
            _ => 0,
        };
        pads.push((begin, excess - begin));
    }
    let operator = ConvTranspose {
        pads,
        strides: window.strides.clone(),
        dilations: window.dilations.clone(),
        groups: 1,
    };
    let kernel = call.input(1)?;
    let perm = [axes + 1, axes].into_iter().chain(0..axes).collect();
    let weights = call.build().transpose(&kernel, perm)?;
    let made = decompose::conv_transpose(call.build(), operator, &x, &weights, None)?;
    Ok(vec![layout.placed(call, made)?])
}
