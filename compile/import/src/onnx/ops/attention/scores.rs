//! What the forms of attention share: heads, masks, and the products with a softmax between.

use crate::build::{Operand, Sizes};
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::Call;
use ir::Op;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

/// `query[B, H, S, D]`, `key[B, H, T, D]` and `value[B, H, T, E]`.
pub(in crate::onnx::ops) struct Heads {
    pub(in crate::onnx::ops) query: Operand,
    pub(in crate::onnx::ops) key: Operand,
    pub(in crate::onnx::ops) value: Operand,
}

/// How scores are made of products.
pub(in crate::onnx::ops) struct Scores {
    /// Factor of the products.
    pub(in crate::onnx::ops) scale: f32,
    /// Scores are bent to stay below it; 0 for none.
    pub(in crate::onnx::ops) softcap: f32,
    /// Added to the scores, broadcasting.
    pub(in crate::onnx::ops) bias: Option<Operand>,
}

/// What attention computes, from the products to the result `[B, H, S, E]`.
pub(in crate::onnx::ops) struct Attended {
    pub(in crate::onnx::ops) product: Operand,
    pub(in crate::onnx::ops) capped: Operand,
    pub(in crate::onnx::ops) biased: Operand,
    pub(in crate::onnx::ops) probabilities: Operand,
    pub(in crate::onnx::ops) output: Operand,
}

impl Heads {
    /// The number of queries.
    pub(in crate::onnx::ops) fn rows(&self, call: &Call<'_>) -> Dim {
        call.build.fact(&self.query).shape[2].clone()
    }

    /// The number of keys.
    pub(in crate::onnx::ops) fn keys(&self, call: &Call<'_>) -> Dim {
        call.build.fact(&self.key).shape[2].clone()
    }

    /// `1 / sqrt(D)`. Refused: a size that is not known.
    pub(in crate::onnx::ops) fn default_scale(&self, call: &Call<'_>) -> Result<f32, Reason> {
        let size = call.build.fact(&self.query).shape[3].clone();
        match size.known() {
            Some(size @ 1..) => Ok((size as f64).sqrt().recip() as f32),
            _ => Err(call.refuse("scale", "a scale, or heads of known size", &size.to_string())),
        }
    }

    /// Heads of keys and values repeated until there are as many as of queries. Refused: numbers
    /// of heads of which one is not a multiple of the other.
    pub(in crate::onnx::ops) fn grouped(self, call: &mut Call<'_>) -> Result<Heads, Reason> {
        let count = |call: &Call<'_>, x: &Operand| call.build.fact(x).shape.get(1).cloned();
        let (queries, keys) = (count(call, &self.query), count(call, &self.key));
        if queries == keys {
            return Ok(self);
        }
        let known = queries.as_ref().and_then(Dim::known).zip(keys.as_ref().and_then(Dim::known));
        match known {
            Some((queries, keys @ 1..)) if queries % keys == 0 => {
                let key = repeated(call, &self.key, queries / keys)?;
                let value = repeated(call, &self.value, queries / keys)?;
                Ok(Heads { key, value, ..self })
            }
            _ => Err(Reason::Input {
                input: 1,
                expected: format!("heads of which {queries:?} is a multiple"),
                found: format!("{keys:?}"),
            }),
        }
    }
}

/// Each head `times` times, one after the other.
fn repeated(call: &mut Call<'_>, x: &Operand, times: i64) -> Result<Operand, Reason> {
    let shape = call.build.fact(x).shape;
    let mut split = shape.clone();
    split.insert(2, Dim::from(1));
    let mut wide = shape.clone();
    wide.insert(2, Dim::from(times));
    let mut merged = shape;
    merged[1] = merged[1].clone() * Dim::from(times);
    let made = call.build.reshape(x, split)?;
    let made = call.build.expand(&made, wide)?;
    call.build.reshape(&made, merged)
}

/// In f32, or f64 where it is that.
pub(in crate::onnx::ops) fn widened(call: &mut Call<'_>, x: &Operand) -> Result<Operand, Reason> {
    let dtype = call.build.fact(x).dtype;
    call.build.cast(x, if dtype == DType::F64 { DType::F64 } else { DType::F32 })
}

/// `[B, S, H * D]` as `[B, H, S, D]`.
pub(in crate::onnx::ops) fn split_heads(
    call: &mut Call<'_>,
    x: &Operand,
    heads: &Dim,
) -> Result<Operand, Reason> {
    let shape = call.build.fact(x).shape;
    let [batch, rows, hidden] = shape.as_slice() else {
        let (expected, found) = ("[batch, sequence, hidden]".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 0, expected, found });
    };
    let size = hidden.floor_div(heads);
    let split = vec![batch.clone(), rows.clone(), heads.clone(), size];
    let split = call.build.reshape(x, split)?;
    call.build.transpose(&split, vec![0, 2, 1, 3])
}

/// `[B, H, S, D]` as `[B, S, H * D]`.
pub(in crate::onnx::ops) fn join_heads(
    call: &mut Call<'_>,
    x: &Operand,
) -> Result<Operand, Reason> {
    let x = call.build.transpose(x, vec![0, 2, 1, 3])?;
    let mut shape = call.build.fact(&x).shape;
    if let Some(size) = shape.pop()
        && let Some(last) = shape.last_mut()
    {
        *last = last.clone() * size;
    }
    call.build.reshape(&x, shape)
}

/// The past and then the new keys or values, along the sequence.
pub(in crate::onnx::ops) fn joined(
    call: &mut Call<'_>,
    past: &Operand,
    new: &Operand,
) -> Result<Operand, Reason> {
    call.build.emit(Op::Concat { axis: 2 }, &[past, new])
}

/// `0, 1, …` to `len`, which may be symbolic.
pub(in crate::onnx::ops) fn positions(call: &mut Call<'_>, len: &Dim) -> Result<Operand, Reason> {
    decompose::positions(call.build, len)
}

/// Which keys `[S, T]` lie not after each query, `past` keys lying before the first.
pub(in crate::onnx::ops) fn not_after(
    call: &mut Call<'_>,
    rows: &Dim,
    keys: &Dim,
    past: &Dim,
) -> Result<Operand, Reason> {
    let row = positions(call, rows)?;
    let past = call.build.sizes(Sizes::scalar(past.clone()));
    let row = call.build.binary(Binary::Add, &row, &past)?;
    let row = call.build.reshape(&row, vec![rows.clone(), Dim::from(1)])?;
    let key = positions(call, keys)?;
    call.build.binary(Binary::GreaterOrEqual, &row, &key)
}

/// Which keys `[B, 1, 1, T]` lie before the end of each sequence, by their lengths `[B]`.
pub(in crate::onnx::ops) fn before(
    call: &mut Call<'_>,
    keys: &Dim,
    lengths: &Operand,
) -> Result<Operand, Reason> {
    let lengths = call.build.cast(lengths, DType::I64)?;
    let mut shape = call.build.fact(&lengths).shape;
    shape.resize(4, Dim::from(1));
    let lengths = call.build.reshape(&lengths, shape)?;
    let key = positions(call, keys)?;
    call.build.binary(Binary::Less, &key, &lengths)
}

/// A mask whose last axis is that of the keys: what is missing is masked. A symbol is taken on
/// trust.
pub(in crate::onnx::ops) fn as_wide_as(
    call: &mut Call<'_>,
    mask: &Operand,
    keys: &Dim,
) -> Result<Operand, Reason> {
    let fact = call.build.fact(mask);
    let Some((own, leading)) = fact.shape.split_last() else { return Ok(mask.clone()) };
    if own == keys || own.known() == Some(1) {
        return Ok(mask.clone());
    }
    let (Some(_), Some(_)) = (own.known(), keys.known()) else {
        let mut shape = leading.to_vec();
        shape.push(keys.clone());
        return call.build.reshape(mask, shape);
    };
    let mut missing = leading.to_vec();
    missing.push(keys.clone() - own.clone());
    let absent = if fact.dtype == DType::Bool { 0.0 } else { f64::NEG_INFINITY };
    let absent = call.build.number(fact.dtype, absent)?;
    let absent = call.build.expand(&absent, missing)?;
    call.build.emit(Op::Concat { axis: leading.len() }, &[mask, &absent])
}

/// The bias, and `absent` where one of the conditions does not hold.
pub(in crate::onnx::ops) fn masked(
    call: &mut Call<'_>,
    taken: &[Operand],
    bias: Option<Operand>,
    absent: f64,
    dtype: DType,
) -> Result<Option<Operand>, Reason> {
    let Some((first, rest)) = taken.split_first() else { return Ok(bias) };
    let both = |all: Operand, next| call.build.binary(Binary::And, &all, next);
    let taken = rest.iter().try_fold(first.clone(), both)?;
    let absent = call.build.number(dtype, absent)?;
    let bias = bias.map_or_else(|| call.build.number(dtype, 0.0), Ok)?;
    call.build.emit(Op::Select, &[&taken, &bias, &absent]).map(Some)
}

/// `scale * query key`
pub(in crate::onnx::ops) fn product(
    call: &mut Call<'_>,
    heads: &Heads,
    scale: f32,
) -> Result<Operand, Reason> {
    let key = call.build.transpose(&heads.key, vec![0, 1, 3, 2])?;
    let product = call.build.emit(Op::MatMul, &[&heads.query, &key])?;
    let scale = call.build.number(call.build.fact(&heads.query).dtype, f64::from(scale))?;
    call.build.binary(Binary::Mul, &product, &scale)
}

/// `softmax(scale * query key + bias) value`.
pub(in crate::onnx::ops) fn attend(
    call: &mut Call<'_>,
    heads: &Heads,
    scores: &Scores,
) -> Result<Attended, Reason> {
    let dtype = call.build.fact(&heads.query).dtype;
    let product = product(call, heads, scores.scale)?;
    let mut capped = product.clone();
    if scores.softcap != 0.0 {
        let cap = call.build.number(dtype, f64::from(scores.softcap))?;
        let bent = call.build.binary(Binary::Div, &product, &cap)?;
        let bent = call.build.unary(Unary::Tanh, &bent)?;
        capped = call.build.binary(Binary::Mul, &bent, &cap)?;
    }
    let biased = match &scores.bias {
        Some(bias) => call.build.binary(Binary::Add, &capped, bias)?,
        None => capped.clone(),
    };
    let probabilities = call.build.emit(Op::Softmax { axis: 3 }, &[&biased])?;
    let output = call.build.emit(Op::MatMul, &[&probabilities, &heads.value])?;
    Ok(Attended { product, capped, biased, probabilities, output })
}
