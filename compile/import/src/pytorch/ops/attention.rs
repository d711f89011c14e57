//! Attention.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::matmul::projected;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{self, slice, with};
use crate::error::Reason;
use ir::Op;
use operators::range::Range;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor};

const FUSED: &str = "query key value dropout_p is_causal attn_mask scale";

pub(super) const ROWS: &[Row] = &[
    row(
        "scaled_dot_product_attention",
        "query key value attn_mask dropout_p is_causal scale enable_gqa",
        |call| scaled_dot_product(call, [3, 5, 6]),
    ),
    row("_scaled_dot_product_flash_attention_for_cpu", FUSED, |call| {
        let made = scaled_dot_product(call, [5, 4, 6])?;
        Ok(call.pool.tuple(vec![made, Value::Unknown]))
    }),
    row("_scaled_dot_product_attention_math", FUSED, |call| {
        let made = scaled_dot_product(call, [5, 4, 6])?;
        Ok(call.pool.tuple(vec![made, Value::Unknown]))
    }),
    row(
        "_native_multi_head_attention",
        "query key value embed_dim num_head qkv_weight qkv_bias proj_weight proj_bias mask \
         need_weights average_attn_weights mask_type",
        |call| {
            let is_self = [1, 2].into_iter().all(|at| match (call.arg(0), call.arg(at)) {
                (Some(Value::Tensor(a)), Some(Value::Tensor(b))) => std::rc::Rc::ptr_eq(a, b),
                _ => false,
            });
            if !is_self {
                return Err(call.refuse(1, "the query itself"));
            }
            let x = call.tensor(0)?;
            let made = multi_head(call, &x, [4, 5, 6, 7, 8], [9, 12])?;
            Ok(call.pool.tuple(vec![call.own(made), Value::Unknown]))
        },
    ),
    row(
        "_transformer_encoder_layer_fwd",
        "src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu norm_first eps \
         norm_weight_1 norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1 ffn_bias_1 ffn_weight_2 \
         ffn_bias_2 mask mask_type",
        encoder_layer,
    ),
];

/// `softmax(query key^T * scale + mask) value`; the arguments with these numbers are the mask, the
/// switch for one that hides what comes later, and the scale.
fn scaled_dot_product(call: &mut Call<'_>, [mask, causal, scale]: [usize; 3]) -> Made {
    let (q, k, v) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let shapes = [&q, &k, &v].map(|x| call.build.fact(x).shape);
    if shapes.iter().any(|shape| shape.len() < 2) {
        return Err(call.refuse_input(&q, "[…, steps, width]"));
    }
    let [mut k, mut v] = [k, v];
    let heads = |shape: &[Dim]| shape.len().checked_sub(3).and_then(|at| shape[at].known_size());
    if call.args.get(7).is_some() && call.flag(7, false)? {
        let (queries, keys) = (heads(&shapes[0]), heads(&shapes[1]));
        let times = queries.zip(keys).filter(|(q, k)| *k > 0 && q % k == 0).map(|(q, k)| q / k);
        let times = times.filter(|_| heads(&shapes[2]) == keys);
        let times = times.ok_or_else(|| call.refuse(7, "heads in equal groups"))?;
        k = repeated(call, &k, times)?;
        v = repeated(call, &v, times)?;
    }
    let bias = match call.tensor_if(mask)? {
        Some(mask) => Some(bias(call, &mask)?),
        None if call.flag(causal, false)? => {
            let (rows, columns) =
                (&shapes[0][shapes[0].len() - 2], &shapes[1][shapes[1].len() - 2]);
            let mask = lower(call, rows, columns)?;
            Some(bias(call, &mask)?)
        }
        None => None,
    };
    let factor = match call.arg(scale) {
        Some(_) => call.float(scale, 1.0)?,
        None => {
            let width = shapes[0].last().and_then(Dim::known).filter(|&width| width > 0);
            let width = width.ok_or_else(|| call.refuse_input(&q, "a width that is known"))?;
            1.0 / (width as f64).sqrt()
        }
    };
    let made = attended(call, &q, [&k, &v], factor, bias.as_ref())?;
    Ok(call.own(made))
}

/// Each head so many times, one after another.
fn repeated(call: &mut Call<'_>, x: &Operand, times: usize) -> Result<Operand, Reason> {
    let mut shape = call.build.fact(x).shape;
    let at = shape.len() - 3;
    let x = arithmetic::with_axis(call.build, x, at + 1)?;
    let mut wide = shape.clone();
    wide.insert(at + 1, Dim::from(times));
    let x = call.build.expand(&x, wide)?;
    shape[at] = shape[at].clone() * Dim::from(times);
    call.build.reshape(&x, shape)
}

fn attended(
    call: &mut Call<'_>,
    q: &Operand,
    [k, v]: [&Operand; 2],
    factor: f64,
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let rank = call.build.fact(k).rank();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 1, rank - 2);
    let k = call.build.transpose(k, perm)?;
    let scores = call.build.emit(Op::MatMul, &[q, &k])?;
    let mut scores = with(call.build, Binary::Mul, &scores, factor)?;
    if let Some(bias) = bias {
        scores = call.build.binary(Binary::Add, &scores, bias)?;
    }
    let axis = call.build.fact(&scores).rank() - 1;
    let weights = call.build.emit(Op::Softmax { axis }, &[&scores])?;
    call.build.emit(Op::MatMul, &[&weights, v])
}

/// What is added to scores: a mask of truths shows what counts, one of numbers is that itself.
fn bias(call: &mut Call<'_>, mask: &Operand) -> Result<Operand, Reason> {
    if call.build.fact(mask).dtype != DType::Bool {
        return Ok(mask.clone());
    }
    let zero = call.build.number(DType::F32, 0.0)?;
    let hidden = call.build.number(DType::F32, f64::NEG_INFINITY)?;
    call.build.emit(Op::Select, &[mask, &zero, &hidden])
}

/// True where the column is at most the row.
fn lower(call: &mut Call<'_>, rows: &Dim, columns: &Dim) -> Result<Operand, Reason> {
    let [zero, one] = [0i64, 1].map(|n| Operand::constant("place", Tensor::scalar(n)));
    let op = Op::Whole(Range { count: rows.clone() }.into());
    let row = call.build.emit(op, &[&zero, &one])?;
    let row = call.build.reshape(&row, vec![rows.clone(), Dim::from(1)])?;
    let op = Op::Whole(Range { count: columns.clone() }.into());
    let column = call.build.emit(op, &[&zero, &one])?;
    call.build.binary(Binary::LessOrEqual, &column, &row)
}

/// Attention of `x[N, steps, width]` to itself: the number of heads, weight and bias of the three
/// projections in one, those of the result; a mask of truths that hides, with its kind.
fn multi_head(
    call: &mut Call<'_>,
    x: &Operand,
    [heads, weight, bias, out_weight, out_bias]: [usize; 5],
    [mask, kind]: [usize; 2],
) -> Result<Operand, Reason> {
    let heads = call.counts(heads, 1, None, 1)?[0];
    let (weight, bias_of_all) = (call.tensor(weight)?, call.tensor_if(bias)?);
    let shape = call.build.fact(x).shape;
    let [batch, steps, width] = shape.as_slice() else {
        return Err(call.refuse_input(x, "[N, steps, width]"));
    };
    let width = width.known_size().filter(|width| width % heads == 0 && *width > 0);
    let width = width.ok_or_else(|| call.refuse_input(x, "a width that heads divide"))?;
    let all = projected(call, x, &weight, bias_of_all.as_ref())?;
    let each = Dim::from(width / heads);
    let mut parts = Vec::with_capacity(3);
    for at in 0..3 {
        let part = slice(call.build, &all, 2, Dim::from(at * width), Dim::from(width))?;
        let split = vec![batch.clone(), steps.clone(), Dim::from(heads), each.clone()];
        let part = call.build.reshape(&part, split)?;
        parts.push(call.build.transpose(&part, vec![0, 2, 1, 3])?);
    }
    let added = match call.tensor_if(mask)? {
        None => None,
        Some(mask) => {
            let mut mask = call.build.cast(&mask, DType::Bool)?;
            // Of kind 1 it hides steps of each sequence, else pairs of steps.
            if call.int(kind, 0)? == 1 {
                let wide = vec![batch.clone(), Dim::from(1), Dim::from(1), steps.clone()];
                mask = call.build.reshape(&mask, wide)?;
            }
            let shown = call.build.unary(Unary::Not, &mask)?;
            Some(self::bias(call, &shown)?)
        }
    };
    let factor = 1.0 / ((width / heads) as f64).sqrt();
    let made = attended(call, &parts[0], [&parts[1], &parts[2]], factor, added.as_ref())?;
    let made = call.build.transpose(&made, vec![0, 2, 1, 3])?;
    let made = call.build.reshape(&made, shape)?;
    let (weight, bias) = (call.tensor(out_weight)?, call.tensor_if(out_bias)?);
    projected(call, &made, &weight, bias.as_ref())
}

/// A layer of a transformer's encoder: attention and two linear layers, with a normalization
/// before or after each.
fn encoder_layer(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let (is_first, epsilon) = (call.flag(8, false)?, call.float(9, 1e-5)? as f32);
    let axis = call.build.fact(&x).rank().saturating_sub(1);
    let normal = |call: &mut Call<'_>, x: &Operand, at: usize| {
        let (scale, bias) = (call.tensor(at)?, call.tensor(at + 1)?);
        call.build.emit(Op::LayerNorm { axis, epsilon }, &[x, &scale, &bias])
    };
    let inner = if is_first { normal(call, &x, 10)? } else { x.clone() };
    let made = multi_head(call, &inner, [2, 3, 4, 5, 6], [18, 19])?;
    let mut x = call.build.binary(Binary::Add, &x, &made)?;
    if !is_first {
        x = normal(call, &x, 10)?;
    }
    let inner = if is_first { normal(call, &x, 12)? } else { x.clone() };
    let (weight, bias) = (call.tensor(14)?, call.tensor_if(15)?);
    let made = projected(call, &inner, &weight, bias.as_ref())?;
    let function = if call.flag(7, false)? { Unary::Gelu } else { Unary::Relu };
    let made = call.build.unary(function, &made)?;
    let (weight, bias) = (call.tensor(16)?, call.tensor_if(17)?);
    let made = projected(call, &made, &weight, bias.as_ref())?;
    let mut x = call.build.binary(Binary::Add, &x, &made)?;
    if !is_first {
        x = normal(call, &x, 12)?;
    }
    Ok(call.own(x))
}
