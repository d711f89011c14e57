//! Attention as ONNX Runtime fuses it.

use super::super::attention::rotary::rotated;
use super::super::attention::scores::{self, Heads, Scores, positions, split_heads};
use super::super::quantize::dequantized;
use super::super::{Row, microsoft};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    microsoft(
        "Attention",
        &[
            "do_rotary",
            "mask_filter_value",
            "num_heads",
            "past_present_share_buffer",
            "qkv_hidden_sizes",
            "scale",
            "unidirectional",
        ],
        attention,
    ),
    microsoft(
        "MultiHeadAttention",
        &["mask_filter_value", "num_heads", "scale", "unidirectional"],
        multi_head_attention,
    ),
    microsoft(
        "QAttention",
        &[
            "do_rotary",
            "mask_filter_value",
            "num_heads",
            "past_present_share_buffer",
            "scale",
            "unidirectional",
        ],
        q_attention,
    ),
    microsoft(
        "RotaryEmbedding",
        &["interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale"],
        rotary_embedding,
    ),
];

/// The number of heads.
fn heads(call: &Call<'_>) -> Result<Dim, Reason> {
    match call.int("num_heads")? {
        Some(heads @ 1..=0xffff_ffff) => Ok(Dim::from(heads)),
        other => Err(call.refuse("num_heads", "at least 1", &format!("{other:?}"))),
    }
}

/// Refuses an attribute that asks for what is not computed.
fn require_off(call: &Call<'_>, name: &str) -> Result<(), Reason> {
    if call.flag(name, false)? { Err(call.refuse(name, "0", "1")) } else { Ok(()) }
}

/// Elements from `start` on of the last axis.
fn part(call: &mut Call<'_>, x: &Operand, start: &Dim, len: &Dim) -> Result<Operand, Reason> {
    let axis = call.build.fact(x).rank().saturating_sub(1);
    let cut = SliceAxis { axis, start: start.clone(), len: len.clone(), step: 1 };
    call.build.emit(Op::Slice { axes: vec![cut] }, &[x])
}

/// What a fused attention is given beside its input and weights: the numbers of its inputs.
struct Inputs {
    mask: usize,
    past: usize,
    bias: Option<usize>,
}

/// ONNX com.microsoft.Attention-1: projections of the input to queries, keys and values, then
/// attention. Refused: rotation, a buffer that past and present share, masks of rank 4.
fn attention(call: &mut Call<'_>) -> Made {
    let (x, weights, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    projected(call, [&x, &weights], bias, Inputs { mask: 3, past: 4, bias: Some(5) })
}

/// ONNX com.microsoft.QAttention-1: as Attention, of what the integers stand for.
fn q_attention(call: &mut Call<'_>) -> Made {
    let x = dequantized(call, 0, 3, Some(6), 2)?;
    let weights = dequantized(call, 1, 4, Some(7), 1)?;
    let bias = call.optional(2);
    projected(call, [&x, &weights], bias, Inputs { mask: 5, past: 8, bias: None })
}

fn projected(
    call: &mut Call<'_>,
    [x, weights]: [&Operand; 2],
    bias: Option<Operand>,
    inputs: Inputs,
) -> Made {
    require_off(call, "do_rotary")?;
    require_off(call, "past_present_share_buffer")?;
    let heads = heads(call)?;
    let all = call.build.fact(weights).shape.last().cloned().unwrap_or_default();
    let third = all.floor_div(&Dim::from(3));
    let sizes: Vec<Dim> = match call.ints("qkv_hidden_sizes")? {
        Some(sizes) => sizes.iter().map(|&size| Dim::from(size)).collect(),
        None => vec![third; 3],
    };
    let [a, b, _] = sizes.as_slice() else {
        let found = format!("{sizes:?}");
        return Err(call.refuse("qkv_hidden_sizes", "three sizes", &found));
    };
    let starts = [Dim::from(0), a.clone(), a.clone() + b.clone()];
    // Weights are cut at import; what they make would be cut in every run.
    let whole = match weights.known() {
        Some(_) => None,
        None => Some(call.build.emit(Op::MatMul, &[x, weights])?),
    };
    let mut made = Vec::with_capacity(3);
    for (start, size) in starts.iter().zip(&sizes) {
        let mut y = match &whole {
            Some(whole) => part(call, whole, start, size)?,
            None => {
                let own = part(call, weights, start, size)?;
                call.build.emit(Op::MatMul, &[x, &own])?
            }
        };
        if let Some(bias) = &bias {
            let own = part(call, bias, start, size)?;
            y = call.build.binary(Binary::Add, &y, &own)?;
        }
        made.push(split_heads(call, &y, &heads)?);
    }
    let [query, mut key, mut value] =
        <[Operand; 3]>::try_from(made).map_err(|_| call.refuse("num_heads", "heads", "none"))?;
    let past = with_past(call, inputs.past, [&mut key, &mut value])?;
    let mut present = None;
    if call.node.output.get(1).is_some_and(|name| !name.is_empty()) {
        let mut shape = call.build.fact(&key).shape;
        shape.insert(0, Dim::from(1));
        let both = [call.build.reshape(&key, shape.clone())?, call.build.reshape(&value, shape)?];
        present = Some(call.build.emit(Op::Concat { axis: 0 }, &[&both[0], &both[1]])?);
    }
    let bias = inputs.bias.and_then(|index| call.optional(index));
    let mask = call.optional(inputs.mask);
    let heads = Heads { query, key, value };
    let output = attended(call, &heads, mask, bias, &past)?.0;
    Ok([Some(output), present].into_iter().flatten().collect())
}

/// Joins keys and values to those of the past, an input `[2, B, N, P, D]`; the number `P` of these.
fn with_past(call: &mut Call<'_>, index: usize, new: [&mut Operand; 2]) -> Result<Dim, Reason> {
    let Some(past) = call.optional(index) else { return Ok(Dim::from(0)) };
    let mut shape = call.build.fact(&past).shape;
    if shape.len() != 5 {
        let (expected, found) = ("[2, B, N, P, D]".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: index, expected, found });
    }
    shape.remove(0);
    for (at, new) in new.into_iter().enumerate() {
        let cut = SliceAxis { axis: 0, start: Dim::from(at), len: Dim::from(1), step: 1 };
        let old = call.build.emit(Op::Slice { axes: vec![cut] }, &[&past])?;
        let old = call.build.reshape(&old, shape.clone())?;
        *new = scores::joined(call, &old, new)?;
    }
    Ok(shape.swap_remove(2))
}

/// Attention under the attributes that all forms share: the joined output and the probabilities.
fn attended(
    call: &mut Call<'_>,
    heads: &Heads,
    mask: Option<Operand>,
    bias: Option<Operand>,
    past: &Dim,
) -> Result<(Operand, Operand), Reason> {
    let dtype = call.build.fact(&heads.query).dtype;
    let (rows, keys) = (heads.rows(call), heads.keys(call));
    let mut added = None;
    if let Some(mask) = mask {
        let taken = taken(call, &mask, &keys)?;
        let absent = f64::from(call.float("mask_filter_value")?.unwrap_or(-10_000.0));
        added = scores::masked(call, &[taken], None, absent, dtype)?;
    }
    if call.flag("unidirectional", false)? {
        let taken = scores::not_after(call, &rows, &keys, past)?;
        added = scores::masked(call, &[taken], added, f64::from(f32::MIN), dtype)?;
    }
    let bias = bias.map(|bias| scores::as_wide_as(call, &bias, &keys)).transpose()?;
    let bias = match (added, bias) {
        (Some(added), Some(bias)) => Some(call.build.binary(Binary::Add, &added, &bias)?),
        (added, bias) => added.or(bias),
    };
    let scale = call.float("scale")?.filter(|&scale| scale != 0.0);
    let scale = scale.map_or_else(|| heads.default_scale(call), Ok)?;
    let attended = scores::attend(call, heads, &Scores { scale, softcap: 0.0, bias })?;
    Ok((scores::join_heads(call, &attended.output)?, attended.probabilities))
}

/// Which keys a mask lets through, broadcasting to `[B, N, S, T]`: one of integers `[B, T]` or
/// `[B, S, T]`, or ends `[B]`, or ends and then starts `[2 * B]`, of the keys of each sequence.
fn taken(call: &mut Call<'_>, mask: &Operand, keys: &Dim) -> Result<Operand, Reason> {
    let mut shape = call.build.fact(mask).shape;
    let batch = call.fact(0)?.shape.first().cloned().unwrap_or_default();
    let zero = call.build.number(call.build.fact(mask).dtype, 0.0)?;
    match shape.as_slice() {
        [count] if *count == batch => scores::before(call, keys, mask),
        [count] if *count == batch.clone() * Dim::from(2) => {
            let [ends, starts] =
                [Dim::from(0), batch.clone()].map(|at| part(call, mask, &at, &batch));
            let is_before = scores::before(call, keys, &ends?)?;
            let starts = call.build.cast(&starts?, DType::I64)?;
            let starts = call.build.reshape(&starts, vec![batch, 1.into(), 1.into(), 1.into()])?;
            let key = positions(call, keys)?;
            let is_behind = call.build.binary(Binary::GreaterOrEqual, &key, &starts)?;
            call.build.binary(Binary::And, &is_before, &is_behind)
        }
        [_, _] | [_, _, _] => {
            if shape.len() == 2 {
                shape.insert(1, Dim::from(1));
            }
            shape.insert(1, Dim::from(1));
            let mask = call.build.reshape(mask, shape)?;
            let mask = scores::as_wide_as(call, &mask, keys)?;
            call.build.binary(Binary::Greater, &mask, &zero)
        }
        _ => Err(Reason::Input {
            input: 3,
            expected: "a mask [B, T] or [B, S, T], or ends [B] or [2 * B]".to_string(),
            found: format!("{shape:?}"),
        }),
    }
}

/// ONNX com.microsoft.MultiHeadAttention-1. Refused: packed operands, buffers that past and
/// present share, and masks of lengths and offsets.
fn multi_head_attention(call: &mut Call<'_>) -> Made {
    for index in [8, 9] {
        if call.optional(index).is_some() {
            let (expected, found) = ("nothing".to_string(), "a value".to_string());
            return Err(Reason::Input { input: index, expected, found });
        }
    }
    let count = heads(call)?;
    let mut made = Vec::with_capacity(3);
    let mut start = Dim::from(0);
    for index in 0..3 {
        let (mut x, fact) = (call.input(index)?, call.fact(index)?);
        match fact.shape.as_slice() {
            [_, _, _, _] => made.push(x),
            [_, _, size] => {
                if let Some(bias) = call.optional(3) {
                    let own = part(call, &bias, &start, size)?;
                    x = call.build.binary(Binary::Add, &x, &own)?;
                }
                start = start + size.clone();
                made.push(split_heads(call, &x, &count)?);
            }
            other => {
                let expected = "[batch, sequence, hidden] or [batch, heads, sequence, size]";
                let (expected, found) = (expected.to_string(), format!("{other:?}"));
                return Err(Reason::Input { input: index, expected, found });
            }
        }
    }
    let [query, mut key, mut value] =
        <[Operand; 3]>::try_from(made).map_err(|_| call.refuse("num_heads", "heads", "none"))?;
    let mut past = Dim::from(0);
    if let (Some(past_key), Some(past_value)) = (call.optional(6), call.optional(7)) {
        past = call.build.fact(&past_key).shape.get(2).cloned().unwrap_or_default();
        key = scores::joined(call, &past_key, &key)?;
        value = scores::joined(call, &past_value, &value)?;
    }
    let present = [key.clone(), value.clone()];
    let (mask, bias) = (call.optional(4), call.optional(5));
    let heads = Heads { query, key, value };
    let (output, probabilities) = attended(call, &heads, mask, bias, &past)?;
    let [key, value] = present;
    let mut made = vec![output, key, value];
    // Taking the probabilities keeps the attention from being one step.
    if call.node.output.get(3).is_some_and(|name| !name.is_empty()) {
        made.push(probabilities);
    }
    Ok(made)
}

/// ONNX com.microsoft.RotaryEmbedding-1. One position is that of the first row. Refused: packed
/// batches.
fn rotary_embedding(call: &mut Call<'_>) -> Made {
    require_off(call, "is_packed_batching")?;
    match call.float("scale")? {
        None | Some(1.0) => {}
        Some(other) => return Err(call.refuse("scale", "1", &other.to_string())),
    }
    let shape = call.fact(0)?.shape;
    let rows = shape.get(shape.len().saturating_sub(2)).cloned().unwrap_or_default();
    let mut place = call.input(1)?;
    if call.build.fact(&place).rank() == 1 {
        let row = positions(call, &rows)?;
        let sum = call.build.binary(Binary::Add, &row, &place)?;
        place = call.build.reshape(&sum, vec![Dim::from(1), rows])?;
    }
    let mut angle = |index: usize| {
        let cache = call.input(index)?;
        call.build.emit(Op::Gather { axis: 0 }, &[&cache, &place])
    };
    let (cos, sin) = (angle(2)?, angle(3)?);
    Ok(vec![rotated(call, &cos, &sin)?])
}
