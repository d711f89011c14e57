//! Attention and what sequence models compute beside it: decomposed into products, a softmax and
//! what lies between, in the form that `lower` joins into one step. What all forms of attention
//! share is in `scores.rs`, attention with graphs inside in `flex.rs`, positions in `rotary.rs`,
//! layers with a state in `state.rs`.

pub(super) mod flex;
pub(super) mod rotary;
pub(super) mod scores;
pub(super) mod state;

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use scores::{Heads, Scores};
use tensor::{DType, Dim};

pub(super) const OPS: &[Row] = &[row(
    "Attention",
    &[
        "is_causal",
        "kv_num_heads",
        "q_num_heads",
        "qk_matmul_output_mode",
        "scale",
        "softcap",
        "softmax_precision",
    ],
    attention,
)];

/// ONNX Attention-23,24. Accepted: operands of rank 3 and 4, grouped heads, masks, a cache, lengths
/// of keys, every output. The softmax is computed in f32, in f64 where the operands are f64, which
/// is at least the precision that `softmax_precision` asks for. Refused: an f64 softmax of narrower
/// operands.
fn attention(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    require_precision(call, dtype)?;
    let is_joined = call.fact(0)?.rank() == 3;
    let mut query = heads(call, 0, "q_num_heads")?;
    let (mut key, mut value) = (heads(call, 1, "kv_num_heads")?, heads(call, 2, "kv_num_heads")?);
    let mut past = Dim::from(0);
    if let (Some(past_key), Some(past_value)) = (call.optional(4), call.optional(5)) {
        past = call.build.fact(&past_key).shape.get(2).cloned().unwrap_or_default();
        key = scores::joined(call, &past_key, &key)?;
        value = scores::joined(call, &past_value, &value)?;
    }
    let present = [key.clone(), value.clone()];
    for operand in [&mut query, &mut key, &mut value] {
        *operand = scores::widened(call, operand)?;
    }
    let heads = Heads { query, key, value }.grouped(call)?;
    let bias = bias(call, &heads, past)?;
    let scale = call.float("scale")?.map_or_else(|| heads.default_scale(call), Ok)?;
    let softcap = call.float("softcap")?.unwrap_or(0.0);
    let attended = scores::attend(call, &heads, &Scores { scale, softcap, bias })?;
    let mut output = call.build.cast(&attended.output, dtype)?;
    if is_joined {
        output = scores::join_heads(call, &output)?;
    }
    let taken = match call.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 => &attended.product,
        1 => &attended.capped,
        2 => &attended.biased,
        3 => &attended.probabilities,
        other => return Err(call.refuse("qk_matmul_output_mode", "0 to 3", &other.to_string())),
    };
    let [key, value] = present;
    let mut made = vec![output, key, value];
    if call.node.output.get(3).is_some_and(|name| !name.is_empty()) {
        made.push(call.build.cast(taken, dtype)?);
    }
    Ok(made)
}

/// Refuses a softmax in a wider type than that which everything is computed in.
fn require_precision(call: &Call<'_>, dtype: DType) -> Result<(), Reason> {
    let Some(number) = call.int("softmax_precision")? else { return Ok(()) };
    match tensors::element_type(number) {
        Ok(DType::F32 | DType::F16 | DType::BF16) => Ok(()),
        Ok(DType::F64) if dtype == DType::F64 => Ok(()),
        Ok(other) => Err(call.refuse("softmax_precision", "f32 or narrower", other.name())),
        Err(name) => Err(call.refuse("softmax_precision", "f32 or narrower", &name)),
    }
}

/// An input as `[B, H, S, D]`, its heads split when it is `[B, S, H * D]`.
fn heads(call: &mut Call<'_>, index: usize, count: &str) -> Result<Operand, Reason> {
    let (x, fact) = (call.input(index)?, call.fact(index)?);
    match fact.rank() {
        4 => Ok(x),
        3 => {
            let count = match call.int(count)? {
                Some(heads @ 1..=0xffff_ffff) => Dim::from(heads),
                other => return Err(call.refuse(count, "at least 1", &format!("{other:?}"))),
            };
            scores::split_heads(call, &x, &count)
        }
        _ => Err(Reason::Input {
            input: index,
            expected: "[batch, sequence, hidden] or [batch, heads, sequence, size]".to_string(),
            found: format!("{:?}", fact.shape),
        }),
    }
}

/// What is added to the scores: the mask, `-inf` above the diagonal and behind the last key.
fn bias(call: &mut Call<'_>, heads: &Heads, past: Dim) -> Result<Option<Operand>, Reason> {
    let (rows, keys) = (heads.rows(call), heads.keys(call));
    let dtype = call.build.fact(&heads.query).dtype;
    let (mut taken, mut bias) = (Vec::new(), None);
    if let Some(mask) = call.optional(3) {
        let mask = scores::as_wide_as(call, &mask, &keys)?;
        if call.build.fact(&mask).dtype == DType::Bool {
            taken.push(mask);
        } else {
            bias = Some(call.build.cast(&mask, dtype)?);
        }
    }
    if call.flag("is_causal", false)? {
        taken.push(scores::not_after(call, &rows, &keys, &past)?);
    }
    if let Some(lengths) = call.optional(6) {
        taken.push(scores::before(call, &keys, &lengths)?);
    }
    scores::masked(call, &taken, bias, f64::NEG_INFINITY, dtype)
}
