//! Positions as rotations.

use super::super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use tensor::Dim;
use tensor::scalar::Binary;

pub(in crate::onnx::ops) const OPS: &[Row] = &[row(
    "RotaryEmbedding",
    &["interleaved", "num_heads", "rotary_embedding_dim"],
    rotary_embedding,
)];

/// ONNX RotaryEmbedding-23.
fn rotary_embedding(call: &mut Call<'_>) -> Made {
    let mut caches = [call.input(1)?, call.input(2)?];
    if let Some(positions) = call.optional(3) {
        for cache in &mut caches {
            *cache = call.build.emit(Op::Gather { axis: 0 }, &[&*cache, &positions])?;
        }
    }
    let [cos, sin] = caches;
    Ok(vec![rotated(call, &cos, &sin)?])
}

/// Input 0 rotated by angles of which `cos` and `sin` are `[B, S, R / 2]`.
pub(in crate::onnx::ops) fn rotated(
    call: &mut Call<'_>,
    cos: &Operand,
    sin: &Operand,
) -> Result<Operand, Reason> {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let is_interleaved = call.flag("interleaved", false)?;
    let dim = call.int("rotary_embedding_dim")?.unwrap_or(0);
    // The axis on which heads lie, along which angles repeat.
    let (shape, heads) = match fact.shape.as_slice() {
        [_, _, _, _] => (fact.shape.clone(), 1),
        [batch, rows, hidden] => (split(call, [batch, rows, hidden], cos, dim)?, 2),
        _ => {
            let expected = "[batch, sequence, hidden] or [batch, heads, sequence, size]";
            let (expected, found) = (expected.to_string(), format!("{:?}", fact.shape));
            return Err(Reason::Input { input: 0, expected, found });
        }
    };
    let size = shape[3].clone();
    let turned = if dim > 0 { Dim::from(dim) } else { size.clone() };
    let half = turned.floor_div(&Dim::from(2));
    let x = super::scores::widened(call, &x)?;
    let x = call.build.reshape(&x, shape.clone())?;
    let mut angle = |cache: &Operand| {
        let cache = super::scores::widened(call, cache)?;
        let mut shape = call.build.fact(&cache).shape;
        shape.insert(heads.min(shape.len()), Dim::from(1));
        call.build.reshape(&cache, shape)
    };
    let (cos, sin) = (angle(cos)?, angle(sin)?);
    let mut part = |start: Dim, len: &Dim, step: i64| {
        let cut = SliceAxis { axis: 3, start, len: len.clone(), step };
        call.build.emit(Op::Slice { axes: vec![cut] }, &[&x])
    };
    let (start, step) = if is_interleaved { (Dim::from(1), 2) } else { (half.clone(), 1) };
    let (a, b) = (part(Dim::from(0), &half, step)?, part(start, &half, step)?);
    let rest = part(turned.clone(), &(size.clone() - turned.clone()), 1)?;
    let mut sum = |function: Binary, p: [&Operand; 2], q: [&Operand; 2]| {
        let left = call.build.binary(Binary::Mul, p[0], p[1])?;
        let right = call.build.binary(Binary::Mul, q[0], q[1])?;
        call.build.binary(function, &left, &right)
    };
    let mut pair =
        [sum(Binary::Sub, [&cos, &a], [&sin, &b])?, sum(Binary::Add, [&sin, &a], [&cos, &b])?];
    let mut made = shape.clone();
    made[3] = turned.clone();
    if is_interleaved {
        let mut split = shape[..3].to_vec();
        split.extend([half, Dim::from(1)]);
        for part in &mut pair {
            *part = call.build.reshape(part, split.clone())?;
        }
    }
    let axis = if is_interleaved { 4 } else { 3 };
    let both = call.build.emit(Op::Concat { axis }, &[&pair[0], &pair[1]])?;
    let mut both = call.build.reshape(&both, made)?;
    if turned != size {
        both = call.build.emit(Op::Concat { axis: 3 }, &[&both, &rest])?;
    }
    let both = call.build.reshape(&both, fact.shape)?;
    call.build.cast(&both, fact.dtype)
}

/// `[B, S, H * D]` as `[B, S, H, D]`. Without a number of heads their size is that of the angles.
fn split(
    call: &Call<'_>,
    [batch, rows, hidden]: [&Dim; 3],
    cos: &Operand,
    dim: i64,
) -> Result<Vec<Dim>, Reason> {
    let size = match call.int("num_heads")?.unwrap_or(0) {
        heads @ 1..=0xffff_ffff => hidden.floor_div(&Dim::from(heads)),
        0 if dim == 0 => {
            let half = call.build.fact(cos).shape.last().cloned().unwrap_or_default();
            half * Dim::from(2)
        }
        other => return Err(call.refuse("num_heads", "at least 1", &other.to_string())),
    };
    let heads = hidden.floor_div(&size);
    Ok(vec![batch.clone(), rows.clone(), heads, size])
}
