//! Convolution, and the windows that it shares with pooling.

pub(super) mod transpose;

use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Conv;
use tensor::Dim;

const CONV: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

pub(super) const OPS: &[Row] = &[row("Conv", CONV, conv)];

/// ONNX Conv-1,11,22. Accepted: any number of spatial axes, groups, `auto_pad`, weights that are
/// computed. Refused: a kernel whose size is not known, negative pads, `SAME_*` with a stride on
/// an axis of symbolic size.
fn conv(call: &mut Call<'_>) -> Made {
    let (x, weights, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    Ok(vec![convolution(call, &x, (&weights, 1), bias.as_ref())?])
}

/// A convolution by the node's attributes of `x`, which has the shape of input 0, with weights of
/// the shape of the input with the number beside them.
pub(super) fn convolution(
    call: &mut Call<'_>,
    x: &Operand,
    (weights, index): (&Operand, usize),
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let conv = parameters(call, index)?;
    decompose::convolution(call.build, &conv, x, weights, bias)
}

/// What the node's attributes say of a convolution of input 0 with weights that are this input.
pub(super) fn parameters(call: &Call<'_>, weights: usize) -> Result<Conv, Reason> {
    let kernel = kernel_of_weights(call, weights)?;
    let Window { strides, dilations, pads, .. } = Window::of(call, kernel)?;
    Ok(Conv { strides, dilations, pads, groups: groups(call)? })
}

fn groups(call: &Call<'_>) -> Result<usize, Reason> {
    match call.int("group")?.unwrap_or(1) {
        groups @ 1..=0xffff_ffff => Ok(groups as usize),
        other => Err(call.refuse("group", "at least 1", &other.to_string())),
    }
}

/// The kernel's size from the weights, which `kernel_shape` has to repeat where it is given.
fn kernel_of_weights(call: &Call<'_>, index: usize) -> Result<Vec<usize>, Reason> {
    let shape = call.fact(index)?.shape;
    let kernel: Option<Vec<usize>> = shape.iter().skip(2).map(Dim::known_size).collect();
    let kernel = kernel.ok_or_else(|| Reason::Input {
        input: index,
        expected: "weights with a kernel of known size".to_string(),
        found: format!("{shape:?}"),
    })?;
    match call.counts("kernel_shape")? {
        Some(found) if found != kernel => {
            let expected = format!("{kernel:?}, as the weights have it");
            Err(call.refuse("kernel_shape", &expected, &format!("{found:?}")))
        }
        _ => Ok(kernel),
    }
}

/// The window of a convolution or pooling; one entry for each spatial axis.
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) pads: Vec<(usize, usize)>,
}

impl Window {
    /// The attributes that say how a kernel slides over input 0.
    pub(super) fn of(call: &Call<'_>, kernel: Vec<usize>) -> Result<Window, Reason> {
        let axes = kernel.len();
        let or_ones = |name: &str| -> Result<Vec<usize>, Reason> {
            let found = call.counts(name)?.unwrap_or_else(|| vec![1; axes]);
            if found.len() == axes && !found.contains(&0) {
                return Ok(found);
            }
            let expected = format!("{axes} entries of at least 1");
            Err(call.refuse(name, &expected, &format!("{found:?}")))
        };
        let (strides, dilations) = (or_ones("strides")?, or_ones("dilations")?);
        let mut window = Window { kernel, strides, dilations, pads: vec![(0, 0); axes] };
        match call.text("auto_pad")?.unwrap_or("NOTSET") {
            "NOTSET" => window.pads = explicit_pads(call, axes)?,
            "VALID" => {}
            "SAME_UPPER" => window.pads = window.same_pads(call, false)?,
            "SAME_LOWER" => window.pads = window.same_pads(call, true)?,
            other => {
                let expected = "NOTSET, VALID, SAME_UPPER or SAME_LOWER";
                return Err(call.refuse("auto_pad", expected, other));
            }
        }
        Ok(window)
    }

    /// Pads so that there are `ceil(size / stride)` windows; an odd one goes behind the data, or
    /// before it when `is_lower`.
    fn same_pads(&self, call: &Call<'_>, is_lower: bool) -> Result<Vec<(usize, usize)>, Reason> {
        let shape = call.fact(0)?.shape;
        let spatial = shape.get(2..).unwrap_or_default();
        let pads = decompose::same_pads(spatial, &self.kernel, &self.strides, &self.dilations);
        let pads = pads.ok_or_else(|| Reason::Attribute {
            name: "auto_pad".to_string(),
            expected: "explicit pads, or an input of known size".to_string(),
            found: format!("SAME padding with strides {:?} on {shape:?}", self.strides),
        })?;
        let turned = |(less, more)| if is_lower { (more, less) } else { (less, more) };
        Ok(pads.into_iter().map(turned).collect())
    }
}

/// `pads`: all the begins, then all the ends.
fn explicit_pads(call: &Call<'_>, axes: usize) -> Result<Vec<(usize, usize)>, Reason> {
    let Some(pads) = call.counts("pads")? else { return Ok(vec![(0, 0); axes]) };
    if pads.len() != 2 * axes {
        return Err(call.refuse("pads", &format!("{} entries", 2 * axes), &format!("{pads:?}")));
    }
    Ok((0..axes).map(|axis| (pads[axis], pads[axis + axes])).collect())
}
