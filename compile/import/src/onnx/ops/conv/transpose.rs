//! Transposed convolution.

use super::{explicit_pads, groups, kernel_of_weights};
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::ops::{Row, row};
use operators::conv_transpose::ConvTranspose;
use tensor::Dim;

pub(in crate::onnx::ops) const OPS: &[Row] = &[row(
    "ConvTranspose",
    &[
        "auto_pad",
        "dilations",
        "group",
        "kernel_shape",
        "output_padding",
        "output_shape",
        "pads",
        "strides",
    ],
    conv_transpose,
)];

/// ONNX ConvTranspose-1,11,22. Refused: `output_shape` and `SAME_*` on axes of symbolic size.
fn conv_transpose(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    let kernel = kernel_of_weights(call, 1)?;
    let axes = kernel.len();
    let or = |name: &str, default: usize| -> Result<Vec<usize>, Reason> {
        let found = call.counts(name)?.unwrap_or_else(|| vec![default; axes]);
        if found.len() == axes && found.iter().all(|&value| value < 1 << 31) {
            return Ok(found);
        }
        Err(call.refuse(name, &format!("{axes} entries"), &format!("{found:?}")))
    };
    let (strides, dilations) = (or("strides", 1)?, or("dilations", 1)?);
    let added = or("output_padding", 0)?;
    let sizes = call.counts("output_shape")?;
    let mode = call.text("auto_pad")?.unwrap_or("NOTSET").to_string();
    let mut pads: Vec<(i64, i64)> = Vec::with_capacity(axes);
    for (axis, &(begin, end)) in explicit_pads(call, axes)?.iter().enumerate() {
        let wanted = match (&sizes, mode.as_str()) {
            (Some(sizes), _) => sizes.get(axis).map(|&size| size as i64),
            (None, "SAME_UPPER" | "SAME_LOWER") => {
                let size = shape.get(axis + 2).and_then(Dim::known);
                size.map(|size| size * strides[axis] as i64)
            }
            (None, "NOTSET" | "VALID") => {
                pads.push((begin as i64, end as i64 - added[axis] as i64));
                continue;
            }
            (None, other) => {
                let expected = "NOTSET, VALID, SAME_UPPER or SAME_LOWER";
                return Err(call.refuse("auto_pad", expected, other));
            }
        };
        let known = shape.get(axis + 2).and_then(Dim::known).zip(wanted);
        let (size, wanted) = known.ok_or_else(|| {
            call.refuse("output_shape", "axes of known size", &format!("{shape:?}"))
        })?;
        let span = (kernel[axis] as i64 - 1) * dilations[axis] as i64 + 1;
        let full = strides[axis] as i64 * (size - 1) + span;
        let total = full + added[axis] as i64 - wanted;
        let (less, more) = (total.div_euclid(2), total - total.div_euclid(2));
        let (begin, end) = if mode == "SAME_UPPER" { (less, more) } else { (more, less) };
        pads.push((begin, end - added[axis] as i64));
    }
    let operator = ConvTranspose { strides, dilations, pads, groups: groups(call)? };
    let (x, weights, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    Ok(vec![decompose::conv_transpose(call.build, operator, &x, &weights, bias.as_ref())?])
}
