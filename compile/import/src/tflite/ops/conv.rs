//! Convolutions. Each has its bias and an activation with it.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::error::Reason;
use crate::tensorflow::nodes::Attribute;
use ir::Conv;
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("CONV_2D", conv),
    row("DEPTHWISE_CONV_2D", depthwise),
    row("TRANSPOSE_CONV", transposed),
    row("CONV_3D", volume),
];

/// Longest stride or dilation: no image is as large.
const STEP_MAX: i64 = 1 << 20;

/// Options that are a step along each axis; 1 where they are left out.
pub(super) fn steps(step: &Step<'_, '_, '_>, fields: &[usize]) -> Result<Vec<i64>, Reason> {
    let steps = fields.iter().map(|&field| match step.int(field) {
        0 => Ok(1),
        size @ 1..=STEP_MAX => Ok(size),
        other => Err(step.refuse("stride", "a size of at least 1", &other.to_string())),
    });
    steps.collect()
}

/// The padding that the first option names, as TensorFlow calls it.
pub(super) fn padding(step: &Step<'_, '_, '_>) -> (&'static str, Attribute) {
    ("padding", Attribute::Text(if step.choice(0) == 0 { "SAME" } else { "VALID" }))
}

/// Steps along some axes, with those of the batch and the channels around them.
pub(super) fn around(steps: &[i64]) -> Attribute {
    Attribute::Ints([&[1], steps, &[1]].concat())
}

/// How a kernel slides: fields of the options.
struct Slide {
    strides: Vec<i64>,
    dilations: Vec<i64>,
    activation: usize,
}

/// `(x[N, H, W, C], kernel[O, H, W, C / groups], [bias])`
fn conv(step: &mut Step<'_, '_, '_>) -> Made {
    let (strides, dilations) = (steps(step, &[2, 1])?, steps(step, &[5, 4])?);
    let kernel = step.kernel(1, &[0, 3, 1, 2])?;
    let (_, given) = step.of_rank(0, 4)?;
    let inner = step.nodes().fact(&kernel).shape[1].known_size();
    let groups = match (given[3].known_size(), inner) {
        (Some(all), Some(inner)) if inner > 0 && all % inner == 0 => all / inner,
        _ => 1,
    };
    slide(step, &kernel, groups, &Slide { strides, dilations, activation: 3 })
}

/// `(x[N, H, W, C], kernel[1, H, W, C * M], [bias])`
fn depthwise(step: &mut Step<'_, '_, '_>) -> Made {
    let (strides, dilations) = (steps(step, &[2, 1])?, steps(step, &[6, 5])?);
    let kernel = step.kernel(1, &[3, 0, 1, 2])?;
    let (_, given) = step.of_rank(0, 4)?;
    let groups = given[3].known_size().ok_or(Reason::UnknownRank)?;
    slide(step, &kernel, groups, &Slide { strides, dilations, activation: 4 })
}

/// What a kernel `[O, C / groups, H, W]` makes of the first input.
fn slide(step: &mut Step<'_, '_, '_>, kernel: &Operand, groups: usize, by: &Slide) -> Made {
    let (x, bias) = (step.input(0)?, step.optional(2)?);
    let shape = step.nodes().fact(kernel).shape;
    let sizes: Option<Vec<usize>> = shape.iter().map(Dim::known_size).collect();
    let sizes = sizes.filter(|sizes| !sizes.contains(&0)).ok_or_else(|| Reason::Input {
        input: 1,
        expected: "a kernel of known sizes".to_string(),
        found: format!("{shape:?}"),
    })?;
    let size = |steps: &[i64]| steps.iter().map(|&step| step as usize).collect::<Vec<_>>();
    let (taps, strides, dilations) = (&sizes[2..], size(&by.strides), size(&by.dilations));
    let mut x = step.nodes().channels_second(&x)?;
    let mut pads = vec![(0, 0); taps.len()];
    if step.choice(0) == 0 {
        let given = step.nodes().fact(&x).shape;
        match decompose::same_pads(&given[2..], taps, &strides, &dilations) {
            Some(known) => pads = known,
            None => {
                let window = [taps, &strides[..], &dilations[..]];
                x = decompose::same_padded(step.build(), &x, window, 0.0)?;
            }
        }
    }
    let conv = Conv { strides, dilations, pads, groups };
    let made = decompose::convolution(step.build(), &conv, &x, kernel, bias.as_ref())?;
    let made = match step.activation(by.activation)? {
        Some(function) => step.build().unary(function, &made)?,
        None => made,
    };
    Ok(vec![step.nodes().channels_last(made)?])
}

/// `(sizes, kernel[O, H, W, C], x, [bias])`
fn transposed(step: &mut Step<'_, '_, '_>) -> Made {
    let strides = steps(step, &[2, 1])?;
    let (sizes, x) = (step.input(0)?, step.input(2)?);
    let (kernel, _) = step.of_rank(1, 4)?;
    let kernel = step.build().transpose(&kernel, vec![1, 2, 0, 3])?;
    let attributes = [padding(step), ("strides", around(&strides))];
    let made = step.one("Conv2DBackpropInput", &attributes, &[&sizes, &kernel, &x])?;
    biased(step, made, 3, 3)
}

/// `(x[N, D, H, W, C], kernel[D, H, W, C / groups, O], [bias])`
fn volume(step: &mut Step<'_, '_, '_>) -> Made {
    let (strides, dilations) = (steps(step, &[1, 3, 2])?, steps(step, &[5, 7, 6])?);
    let (x, kernel) = (step.input(0)?, step.input(1)?);
    let attributes =
        [padding(step), ("strides", around(&strides)), ("dilations", around(&dilations))];
    let made = step.one("Conv3D", &attributes, &[&x, &kernel])?;
    biased(step, made, 2, 4)
}

/// A value with a bias, where there is one, and an activation.
pub(super) fn biased(
    step: &mut Step<'_, '_, '_>,
    mut made: Operand,
    bias: usize,
    activation: usize,
) -> Made {
    if let Some(bias) = step.optional(bias)? {
        made = step.one("AddV2", &[], &[&made, &bias])?;
    }
    step.activated(made, activation)
}
