//! Attention.

use super::super::call::{Call, Flow, Made};
use super::super::variables::{Slot, slot, slot_if};
use super::activation::masked;
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose;
use crate::decompose::arithmetic::{reduce, with, with_axis};
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use operators::range::Range;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

const WITH_BIAS: fn(super::Config<'_>) -> bool = |config| config.flag("use_bias", true);

/// What attention projects with.
const HEADS: &[Slot] = &[
    slot("query").of("query_dense"),
    slot_if("query_bias", WITH_BIAS).of("query_dense"),
    slot("key").of("key_dense"),
    slot_if("key_bias", WITH_BIAS).of("key_dense"),
    slot("value").of("value_dense"),
    slot_if("value_bias", WITH_BIAS).of("value_dense"),
    slot("output").of("output_dense"),
    slot_if("output_bias", WITH_BIAS).of("output_dense"),
];

pub(super) const ROWS: &[Row] = &[
    row("MultiHeadAttention", "over all axes between the first and the last", HEADS, multi_head),
    row("GroupedQueryAttention", "as GroupQueryAttention", HEADS, multi_head),
    row(
        "Attention",
        "",
        &[
            slot_if("scale", |config| config.flag("use_scale", false)),
            slot_if("concat_score_weight", |c| c.text("score_mode") == Some("concat")),
        ],
        attention,
    ),
    row(
        "AdditiveAttention",
        "",
        &[slot_if("scale", |config| config.flag("use_scale", true))],
        attention,
    ),
];

/// A finite distance beyond which nothing is left of a score.
const FAR: f64 = 3.4e38;

/// Query, value and key of a call, by position or by name.
fn operands(call: &Call<'_, '_>) -> Result<[Flow; 3], Reason> {
    let given = |index: usize, name: &str| {
        let flow = call.inputs.get(index).cloned();
        flow.or_else(|| call.tensors_given(name).into_iter().next())
    };
    let missing = |input: usize| Reason::Input {
        input,
        expected: "a tensor".to_string(),
        found: "nothing".to_string(),
    };
    let query = given(0, "query").ok_or_else(|| missing(0))?;
    let value = given(1, "value").ok_or_else(|| missing(1))?;
    let key = given(2, "key").unwrap_or_else(|| value.clone());
    Ok([query, value, key])
}

/// Requires a mask to be of steps, `[N, T]`.
fn require_mask(build: &Builder, mask: &Operand) -> Result<(), Reason> {
    let shape = build.fact(mask).shape;
    let (expected, found) = ("a mask [N, T]".to_string(), format!("{shape:?}"));
    match shape.len() {
        2 => Ok(()),
        _ => Err(Reason::Input { input: 0, expected, found }),
    }
}

/// Projects query, key and value to heads, lets each query see what its mask leaves, and projects
/// back.
fn multi_head(call: &mut Call<'_, '_>) -> Made {
    let [query, value, key] = operands(call)?;
    let config = call.config();
    if config.flag("use_gate", false) {
        return Err(config.refuse("use_gate", "false"));
    }
    let rank = call.walk.build.fact(&query.operand).rank();
    let axes = config.integers("attention_axes")?;
    let all = (1..rank as i64 - 1).collect::<Vec<_>>();
    if rank < 3 || axes.is_some_and(|axes| axes != all) {
        return Err(config.refuse("attention_axes", "all axes between the first and the last"));
    }
    for (input, flow) in [&query, &value, &key].into_iter().enumerate() {
        let shape = call.walk.build.fact(&flow.operand).shape;
        if shape.len() < 3 {
            let (expected, found) = ("at least 3 axes".to_string(), format!("{shape:?}"));
            return Err(Reason::Input { input, expected, found });
        }
    }
    let mask = visible(call, &query, &value, &key)?;
    let inputs = [&query, &key, &value].map(|flow| flow.operand.clone());
    let mut heads = Vec::with_capacity(3);
    for (x, name) in inputs.iter().zip(["query", "key", "value"]) {
        heads.push(projected(call, x, name)?);
    }
    let [q, mut k, mut v] = [heads.remove(0), heads.remove(0), heads.remove(0)];
    let [_, of_query, size] = call.sizes_of(&call.weight("query")?)?;
    let [_, of_key, _] = call.sizes_of(&call.weight("key")?)?;
    let build = &mut call.walk.build;
    if of_key != 0 && of_query != of_key && of_query % of_key == 0 {
        k = repeated(build, &k, of_query / of_key)?;
        v = repeated(build, &v, of_query / of_key)?;
    }
    let scaled = with(build, Binary::Mul, &q, 1.0 / (size as f64).sqrt())?;
    let k = build.transpose(&k, vec![0, 1, 3, 2])?;
    let mut scores = build.emit(Op::MatMul, &[&scaled, &k])?;
    if let Some(mask) = mask {
        scores = masked(build, &scores, &mask, FAR)?;
    }
    let weights = build.emit(Op::Softmax { axis: 3 }, &[&scores])?;
    let made = build.emit(Op::MatMul, &[&weights, &v])?;
    let made = build.transpose(&made, vec![0, 2, 1, 3])?;
    let (kernel, bias) = (call.weight("output")?, call.weight_if("output_bias"));
    let build = &mut call.walk.build;
    let mut made = contracted(build, &made, &kernel, 2)?;
    if let Some(bias) = bias {
        made = build.binary(Binary::Add, &made, &bias)?;
    }
    let shape = build.fact(&query.operand).shape;
    let ends = build.fact(&made).shape;
    made = build.reshape(&made, [&shape[..rank - 1], &ends[2..]].concat())?;
    let mut made = vec![made];
    if call.is_asked("return_attention_scores") {
        made.push(weights);
    }
    Ok(made)
}

/// `x[N, …, D]` as heads `[N, H, T, K]` by a kernel `[D, H, K]`.
fn projected(call: &mut Call<'_, '_>, x: &Operand, name: &str) -> Result<Operand, Reason> {
    let (kernel, bias) = (call.weight(name)?, call.weight_if(&format!("{name}_bias")));
    let build = &mut call.walk.build;
    let shape = build.fact(x).shape;
    let (steps, last) = (product(&shape[1..shape.len() - 1]), shape[shape.len() - 1].clone());
    let x = build.reshape(x, vec![shape[0].clone(), steps, last])?;
    let mut made = contracted(build, &x, &kernel, 1)?;
    if let Some(bias) = bias {
        made = build.binary(Binary::Add, &made, &bias)?;
    }
    build.transpose(&made, vec![0, 2, 1, 3])
}

/// The product of the last axes of one value with as many first axes of another.
fn contracted(
    build: &mut Builder,
    x: &Operand,
    kernel: &Operand,
    axes: usize,
) -> Result<Operand, Reason> {
    /// As many as there are letters for: `a` to `j`, `k` to `o`, `p` to `y`.
    const RANK_MAX: usize = 10;
    let refused = |build: &Builder| Reason::Tensor {
        name: "kernel".to_string(),
        reason: format!("its shape {:?} does not fit", build.fact(kernel).shape),
    };
    let letters =
        |first: u8, count: usize| -> String { (first..).take(count).map(char::from).collect() };
    let (rank, of_kernel) = (build.fact(x).rank(), build.fact(kernel).rank());
    if rank > RANK_MAX || of_kernel > RANK_MAX {
        return Err(refused(build));
    }
    let free = letters(b'a', rank - axes);
    let summed = letters(b'k', axes);
    let made = letters(b'p', of_kernel.saturating_sub(axes));
    let equation = format!("{free}{summed},{summed}{made}->{free}{made}");
    decompose::einsum(build, &equation, &[x, kernel])?.ok_or_else(|| refused(build))
}

/// Each head of `[N, H, T, K]` so many times, side by side.
fn repeated(build: &mut Builder, x: &Operand, times: usize) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let wide = with_axis(build, x, 2)?;
    let mut expanded = build.fact(&wide).shape;
    expanded[2] = Dim::from(times);
    let wide = build.expand(&wide, expanded)?;
    let mut joined = shape;
    joined[1] = joined[1].clone() * Dim::from(times);
    build.reshape(&wide, joined)
}

/// What each query sees, `bool[N, 1, T, S]`: all that the masks of the values, that of the call and
/// the causal one leave.
fn visible(
    call: &mut Call<'_, '_>,
    query: &Flow,
    value: &Flow,
    key: &Flow,
) -> Result<Option<Operand>, Reason> {
    let named = |call: &Call<'_, '_>, name: &str| {
        call.tensors_given(name).into_iter().next().map(|flow| flow.operand)
    };
    let of_query = named(call, "query_mask").or(query.mask.clone());
    let of_value = named(call, "value_mask").or(value.mask.clone());
    let of_key = named(call, "key_mask").or(key.mask.clone());
    let given = named(call, "attention_mask");
    let is_causal = call.is_asked("use_causal_mask");
    let build = &mut call.walk.build;
    for mask in [&of_query, &of_value, &of_key].into_iter().flatten() {
        require_mask(build, mask)?;
    }
    let mut all = Vec::new();
    if let Some(mask) = of_query {
        all.push(with_axis(build, &mask, 2)?);
    }
    for mask in of_value.into_iter().chain(of_key) {
        all.push(with_axis(build, &mask, 1)?);
    }
    if is_causal {
        let [t, s] = [&query.operand, &value.operand].map(|x| steps(build, x));
        all.push(causal(build, t, s)?);
    }
    let mut made: Option<Operand> = None;
    for mask in all {
        made = Some(match made {
            Some(made) => build.binary(Binary::And, &made, &mask)?,
            None => mask,
        });
    }
    // One mask for all heads, unless that of the call is of each.
    let of_heads = |build: &mut Builder, mask: Operand| match build.fact(&mask).rank() {
        3 => with_axis(build, &mask, 1),
        _ => Ok(mask),
    };
    let made = made.map(|mask| of_heads(build, mask)).transpose()?;
    let given = given.map(|mask| of_heads(build, mask)).transpose()?;
    let given = given.map(|mask| build.cast(&mask, DType::Bool)).transpose()?;
    match (made, given) {
        (Some(a), Some(b)) => build.binary(Binary::And, &a, &b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// The number of steps of `[N, …, D]`.
fn steps(build: &Builder, x: &Operand) -> Dim {
    let shape = build.fact(x).shape;
    product(&shape[1..shape.len().saturating_sub(1).max(1)])
}

/// Which of `s` steps each of `t` sees that sees none behind itself, `bool[1, T, S]`.
fn causal(build: &mut Builder, t: Dim, s: Dim) -> Result<Operand, Reason> {
    let [zero, one] = [0i64, 1].map(|n| Operand::constant("step", Tensor::scalar(n)));
    let mut places = |count: Dim| build.emit(Op::Whole(Range { count }.into()), &[&zero, &one]);
    let (rows, columns) = (places(t.clone())?, places(s.clone())?);
    let rows = build.reshape(&rows, vec![Dim::from(1), t, Dim::from(1)])?;
    let columns = build.reshape(&columns, vec![Dim::from(1), Dim::from(1), s])?;
    build.binary(Binary::LessOrEqual, &columns, &rows)
}

/// Attention without heads: scores are products, or sums of a function of sums.
fn attention(call: &mut Call<'_, '_>) -> Made {
    let [query, value, key] = operands(call)?;
    let config = call.config();
    let is_causal = call.is_asked("use_causal_mask") || config.flag("causal", false);
    let is_additive = call.layer.class == "AdditiveAttention";
    let is_concat = config.text("score_mode") == Some("concat");
    let (scale, weight) = (call.weight_if("scale"), call.weight_if("concat_score_weight"));
    let of_query = query.mask.clone();
    for (input, flow) in [&query, &value, &key].into_iter().enumerate() {
        call.require_rank(input, &flow.operand, 3)?;
    }
    for mask in [&query.mask, &value.mask].into_iter().flatten() {
        require_mask(&call.walk.build, mask)?;
    }
    let build = &mut call.walk.build;
    let [q, k, v] = [&query, &key, &value].map(|flow| flow.operand.clone());
    let mut scores = match is_additive || is_concat {
        false => {
            let k = build.transpose(&k, vec![0, 2, 1])?;
            build.emit(Op::MatMul, &[&q, &k])?
        }
        true => {
            let (q, k) = (with_axis(build, &q, 2)?, with_axis(build, &k, 1)?);
            let mut sums = build.binary(Binary::Add, &q, &k)?;
            if let (Some(scale), true) = (&scale, is_concat) {
                sums = build.binary(Binary::Mul, &sums, scale)?;
            }
            let mut sums = build.unary(Unary::Tanh, &sums)?;
            if let (Some(scale), true) = (&scale, is_additive) {
                sums = build.binary(Binary::Mul, &sums, scale)?;
            }
            reduce(build, Reduction::Sum, &sums, &[3], false)?
        }
    };
    if let (Some(scale), false) = (&scale, is_additive || is_concat) {
        scores = build.binary(Binary::Mul, &scores, scale)?;
    }
    if let Some(weight) = weight {
        scores = build.binary(Binary::Mul, &scores, &weight)?;
    }
    if let Some(mask) = &value.mask {
        let mask = with_axis(build, mask, 1)?;
        scores = masked(build, &scores, &mask, FAR)?;
    }
    if is_causal {
        let shape = build.fact(&scores).shape;
        let mask = causal(build, shape[1].clone(), shape[2].clone())?;
        scores = masked(build, &scores, &mask, FAR)?;
    }
    let weights = build.emit(Op::Softmax { axis: 2 }, &[&scores])?;
    let mut made = build.emit(Op::MatMul, &[&weights, &v])?;
    if let Some(mask) = &of_query {
        let mask = with_axis(build, mask, 2)?;
        let zero = build.number(build.fact(&made).dtype, 0.0)?;
        made = build.emit(Op::Select, &[&mask, &made, &zero])?;
    }
    let mut made = vec![made];
    if call.is_asked("return_attention_scores") {
        made.push(weights);
    }
    Ok(made)
}
