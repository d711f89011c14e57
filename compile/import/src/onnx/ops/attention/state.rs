//! Layers that pass a state on from call to call.

use super::super::{Row, row};
use super::scores::{positions, widened};
use crate::build::{Operand, Sizes};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Conv, Op, SliceAxis};
use operators::linear_attention::{LinearAttention, Rule};
use operators::scatter_elements::{ScatterElements, Update};
use tensor::Dim;
use tensor::scalar::{Binary, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    row("CausalConvWithState", &["activation"], causal_conv_with_state),
    row(
        "LinearAttention",
        &["chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"],
        linear_attention,
    ),
    row("TensorScatter", &["axis", "mode"], tensor_scatter),
];

/// ONNX TensorScatter-24, as ScatterElements. In `linear` mode an update that ends behind the
/// cache is refused when it runs.
fn tensor_scatter(call: &mut Call<'_>) -> Made {
    let (cache, update) = (call.input(0)?, call.input(1)?);
    let shape = call.build.fact(&update).shape;
    let axis = call.axis("axis", -2, shape.len())?;
    let at = positions(call, &shape[axis])?;
    let along = |size: &Dim, axis: usize| {
        let mut wide = vec![Dim::from(1); shape.len()];
        wide[axis] = size.clone();
        wide
    };
    let mut at = call.build.reshape(&at, along(&shape[axis], axis))?;
    if let Some(starts) = call.optional(2) {
        let starts = call.build.reshape(&starts, along(&shape[0], 0))?;
        at = call.build.binary(Binary::Add, &starts, &at)?;
    }
    match call.text("mode")?.unwrap_or("linear") {
        "linear" => {}
        "circular" => {
            let size = call.fact(0)?.shape[axis].clone();
            let size = call.build.sizes(Sizes::scalar(size));
            at = call.build.binary(Binary::Mod, &at, &size)?;
        }
        other => return Err(call.refuse("mode", "linear or circular", other)),
    }
    let at = call.build.expand(&at, shape)?;
    let scatter = ScatterElements { axis, update: Update::Replace };
    call.emit(Op::Whole(scatter.into()), &[&cache, &at, &update])
}

/// Most taps of a kernel that is not a constant: each becomes a product and a sum. The published
/// models have 4.
const TAPS_MAX: usize = 32;

/// ONNX CausalConvWithState-27. Refused: a kernel of unknown size, or of more than 32 taps that are
/// computed.
fn causal_conv_with_state(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let weights = call.fact(1)?.shape;
    let (Some(taps @ 1..), [batch, channels, _]) =
        (weights.get(2).and_then(Dim::known_size), fact.shape.as_slice())
    else {
        let expected = "weights [channels, 1, kernel] of known kernel".to_string();
        return Err(Reason::Input { input: 1, expected, found: format!("{weights:?}") });
    };
    let past = match call.optional(3) {
        Some(past) => past,
        None => {
            let zero = call.build.number(fact.dtype, 0.0)?;
            let shape = vec![batch.clone(), channels.clone(), Dim::from(taps - 1)];
            call.build.expand(&zero, shape)?
        }
    };
    let padded = call.build.emit(Op::Concat { axis: 2 }, &[&past, &x])?;
    let wide = widened(call, &padded)?;
    let mut made = depthwise(call, &wide, taps)?;
    if let Some(bias) = call.optional(2) {
        let bias = widened(call, &bias)?;
        let bias = call.build.reshape(&bias, vec![channels.clone(), Dim::from(1)])?;
        made = call.build.binary(Binary::Add, &made, &bias)?;
    }
    match call.text("activation")?.unwrap_or("none") {
        "none" => {}
        "silu" | "swish" => made = call.build.unary(Unary::Silu, &made)?,
        other => return Err(call.refuse("activation", "silu, swish or none", other)),
    }
    let made = call.build.cast(&made, fact.dtype)?;
    let start = fact.shape[2].clone();
    let last = SliceAxis { axis: 2, start, len: Dim::from(taps - 1), step: 1 };
    let present = call.build.emit(Op::Slice { axes: vec![last] }, &[&padded])?;
    Ok(vec![made, present])
}

/// Each channel of `padded[B, C, L + K - 1]` with its own kernel, input 1: a convolution where it
/// is constant, otherwise a sum over the taps.
fn depthwise(call: &mut Call<'_>, padded: &Operand, taps: usize) -> Result<Operand, Reason> {
    let weights = call.input(1)?;
    let weights = widened(call, &weights)?;
    let shape = call.build.fact(padded).shape;
    let channels = shape[1].clone();
    if let (Some(groups), Some(_)) = (channels.known_size(), weights.known()) {
        let (strides, dilations, pads) = (vec![1], vec![1], vec![(0, 0)]);
        let conv = Op::Conv(Conv { strides, dilations, pads, groups });
        return call.build.emit(conv, &[padded, &weights]);
    }
    if taps > TAPS_MAX {
        let (expected, found) = (format!("at most {TAPS_MAX} taps"), taps.to_string());
        return Err(Reason::Input { input: 1, expected, found });
    }
    let weights = call.build.reshape(&weights, vec![channels.clone(), Dim::from(taps)])?;
    let len = shape[2].clone() - Dim::from(taps - 1);
    let mut sum: Option<Operand> = None;
    for tap in 0..taps {
        let mut cut = |x: &Operand, axis: usize, len: Dim| {
            let cut = SliceAxis { axis, start: Dim::from(tap), len, step: 1 };
            call.build.emit(Op::Slice { axes: vec![cut] }, &[x])
        };
        let (x, weight) = (cut(padded, 2, len.clone())?, cut(&weights, 1, Dim::from(1))?);
        let product = call.build.binary(Binary::Mul, &x, &weight)?;
        sum = Some(match sum {
            Some(sum) => call.build.binary(Binary::Add, &sum, &product)?,
            None => product,
        });
    }
    sum.ok_or_else(|| call.refuse("weight", "at least one tap", "none"))
}

/// ONNX LinearAttention-27. `chunk_size` is a hint that changes no result.
fn linear_attention(call: &mut Call<'_>) -> Made {
    let rule = match call.text("update_rule")?.unwrap_or("gated_delta") {
        "linear" => Rule { is_gated: false, is_delta: false },
        "gated" => Rule { is_gated: true, is_delta: false },
        "delta" => Rule { is_gated: false, is_delta: true },
        "gated_delta" => Rule { is_gated: true, is_delta: true },
        other => {
            let expected = "linear, gated, delta or gated_delta";
            return Err(call.refuse("update_rule", expected, other));
        }
    };
    let heads = |name: &str| match call.int(name)? {
        Some(heads @ 1..=0xffff) => Ok(heads as usize),
        other => Err(call.refuse(name, "1 to 65535", &format!("{other:?}"))),
    };
    let (query_heads, heads) = (heads("q_num_heads")?, heads("kv_num_heads")?);
    let scale = Some(call.float("scale")?.unwrap_or(0.0)).filter(|&scale| scale != 0.0);
    let given = (0..6).map(|index| call.optional(index));
    let inputs: Vec<Operand> = given.flatten().collect();
    let has_past = call.optional(3).is_some();
    let is_given =
        [rule.is_gated == call.optional(4).is_some(), rule.is_delta == call.optional(5).is_some()];
    if is_given != [true; 2] {
        let (expected, found) = ("decay where gated, beta where delta", "another choice of inputs");
        return Err(call.refuse("update_rule", expected, found));
    }
    let operator = LinearAttention { rule, query_heads, heads, scale, has_past };
    let inputs: Vec<&Operand> = inputs.iter().collect();
    call.build.emit_all(Op::Whole(operator.into()), &inputs)
}
