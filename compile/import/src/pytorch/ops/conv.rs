//! Convolutions.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::{conv_transpose, convolution, same_pads};
use crate::error::Reason;
use ir::{Conv, Op};
use operators::conv_transpose::ConvTranspose;
use tensor::Dim;

const PLAIN: &str = "input weight bias stride padding dilation groups";
const TRANSPOSED: &str = "input weight bias stride padding output_padding groups dilation";
const ANY: &str = "input weight bias stride padding dilation transposed output_padding groups \
     benchmark deterministic cudnn_enabled allow_tf32";

pub(super) const ROWS: &[Row] = &[
    row("conv1d", PLAIN, plain),
    row("conv2d", PLAIN, plain),
    row("conv3d", PLAIN, plain),
    row("conv_transpose1d", TRANSPOSED, |call| transposed(call, [5, 6, 7])),
    row("conv_transpose2d", TRANSPOSED, |call| transposed(call, [5, 6, 7])),
    row("conv_transpose3d", TRANSPOSED, |call| transposed(call, [5, 6, 7])),
    row("convolution", ANY, any),
    row("_convolution", ANY, any),
    row("_convolution_mode", PLAIN, plain),
];

/// The tensor with a batch axis, and whether it had none.
pub(super) fn batched(
    call: &mut Call<'_>,
    index: usize,
    rank: usize,
) -> Result<(Operand, bool), Reason> {
    let x = call.tensor(index)?;
    let mut shape = call.build.fact(&x).shape;
    if shape.len() + 1 != rank {
        return Ok((x, false));
    }
    shape.insert(0, Dim::from(1));
    Ok((call.build.reshape(&x, shape)?, true))
}

/// The result without the batch axis that was added.
pub(super) fn unbatched(call: &mut Call<'_>, made: Operand, was_single: bool) -> Made {
    if !was_single {
        return Ok(call.own(made));
    }
    let shape = call.build.fact(&made).shape[1..].to_vec();
    let made = call.build.reshape(&made, shape)?;
    Ok(call.own(made))
}

fn plain(call: &mut Call<'_>) -> Made {
    convolved(call, 6)
}

fn any(call: &mut Call<'_>) -> Made {
    match call.flag(6, false)? {
        true => transposed(call, [7, 8, 5]),
        false => convolved(call, 8),
    }
}

/// A convolution whose groups are the argument with this number.
fn convolved(call: &mut Call<'_>, groups: usize) -> Made {
    let weights = call.tensor(1)?;
    let rank = call.build.fact(&weights).rank();
    let (x, was_single) = batched(call, 0, rank)?;
    let bias = call.tensor_if(2)?;
    let axes = rank.saturating_sub(2);
    let strides = call.counts(3, axes, Some(1), 1)?;
    let dilations = call.counts(5, axes, Some(1), 1)?;
    let pads = match call.arg(4) {
        Some(Value::Text(mode)) if &**mode == "valid" => vec![(0, 0); axes],
        Some(Value::Text(mode)) if &**mode == "same" => {
            let kernel: Option<Vec<usize>> =
                call.build.fact(&weights).shape.iter().skip(2).map(Dim::known_size).collect();
            let spatial = call.build.fact(&x).shape.get(2..).unwrap_or(&[]).to_vec();
            kernel
                .filter(|kernel| !kernel.contains(&0))
                .and_then(|kernel| same_pads(&spatial, &kernel, &vec![1; axes], &dilations))
                .ok_or_else(|| call.refuse(4, "numbers"))?
        }
        _ => call.counts(4, axes, Some(0), 0)?.into_iter().map(|pad| (pad, pad)).collect(),
    };
    let groups = call.counts(groups, 1, Some(1), 1)?[0];
    let conv = Conv { strides, dilations, pads, groups };
    let facts: Vec<_> =
        [&x, &weights].into_iter().chain(&bias).map(|x| call.build.fact(x)).collect();
    let op = Op::Conv(conv.clone());
    op.infer_all(&facts).map_err(|error| Reason::Rule { error, inputs: facts })?;
    let made = convolution(call.build, &conv, &x, &weights, bias.as_ref())?;
    unbatched(call, made, was_single)
}

/// A transposed convolution: `output_padding`, groups and dilation are the arguments with these
/// numbers.
fn transposed(call: &mut Call<'_>, [added, groups, dilation]: [usize; 3]) -> Made {
    let weights = call.tensor(1)?;
    let shape = call.build.fact(&weights).shape;
    let (x, was_single) = batched(call, 0, shape.len())?;
    let bias = call.tensor_if(2)?;
    let axes = shape.len().saturating_sub(2);
    let strides = call.counts(3, axes, Some(1), 1)?;
    let padding = call.counts(4, axes, Some(0), 0)?;
    let added = call.counts(added, axes, Some(0), 0)?;
    let dilations = call.counts(dilation, axes, Some(1), 1)?;
    let groups = call.counts(groups, 1, Some(1), 1)?[0];
    let pads =
        padding.iter().zip(&added).map(|(&pad, &added)| (pad as i64, pad as i64 - added as i64));
    let operator = ConvTranspose { strides, dilations, pads: pads.collect(), groups };
    let made = conv_transpose(call.build, operator, &x, &weights, bias.as_ref())?;
    unbatched(call, made, was_single)
}
