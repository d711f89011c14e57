//! Layers of weights, and those that do nothing to their values.

use super::super::call::{Call, Made};
use super::super::variables::{Slot, slot, slot_if};
use super::{Row, row};
use crate::decompose;
use crate::decompose::arithmetic::with;
use crate::error::Reason;
use ir::Op;
use tensor::scalar::{Binary, Reduction};
use tensor::{DType, Dim};

/// A kernel, and a bias unless `use_bias` is off.
pub(super) const KERNEL_AND_BIAS: &[Slot] = &[slot("kernel"), BIAS];

/// A bias unless `use_bias` is off.
pub(super) const BIAS: Slot = slot_if("bias", |config| config.flag("use_bias", true));

pub(super) const ROWS: &[Row] = &[
    row("InputLayer", "", &[], |call| Ok(vec![call.input()?])).in_any_type(),
    row("Identity", "", &[], |call| Ok(vec![call.input()?])).in_any_type(),
    row("Dense", "", KERNEL_AND_BIAS, dense),
    row("EinsumDense", "", EINSUM, einsum_dense).without_mask(),
    row("Embedding", "with `mask_zero`", &[slot("embeddings")], embedding),
    row("ReversibleEmbedding", "forward", &[slot("embeddings")], embedding),
    row("Masking", "", &[], masking),
    row("LayerScale", "of keras.applications", &[slot("gamma")], |call| {
        let (x, gamma) = (call.input()?, call.weight("gamma")?);
        Ok(vec![call.walk.build.binary(Binary::Mul, &x, &gamma)?])
    }),
];

const EINSUM: &[Slot] =
    &[slot("kernel"), slot_if("bias", |config| config.get("bias_axes").is_some())];

/// `x * kernel + bias` along the last axis.
fn dense(call: &mut Call<'_, '_>) -> Made {
    let (x, kernel, bias) = (call.input()?, call.weight("kernel")?, call.weight_if("bias"));
    let [inputs, _] = call.sizes_of(&kernel)?;
    let dtype = call.compute_type();
    let build = &mut call.walk.build;
    let x = build.cast(&x, dtype)?;
    let shape = build.fact(&x).shape;
    // The first files let a value of many axes into a Dense layer as a flat one.
    if shape.last().and_then(Dim::known_size).is_some_and(|last| last != inputs) {
        let found = format!("{shape:?}");
        let expected = format!("{inputs} elements on the last axis");
        return Err(Reason::Input { input: 0, expected, found });
    }
    let mut made = build.emit(Op::MatMul, &[&x, &kernel])?;
    if let Some(bias) = bias {
        made = build.binary(Binary::Add, &made, &bias)?;
    }
    Ok(vec![call.activated(made)?])
}

/// A product over labeled axes, where `...` stands for the axes before.
fn einsum_dense(call: &mut Call<'_, '_>) -> Made {
    let (x, kernel, bias) = (call.input()?, call.weight("kernel")?, call.weight_if("bias"));
    let config = call.config();
    let equation = config.text("equation").ok_or_else(|| config.refuse("equation", "a text"))?;
    let build = &mut call.walk.build;
    let made = decompose::einsum(build, equation, &[&x, &kernel])?;
    let fitting = || config.refuse("equation", "an equation of a value and its kernel");
    let mut made = made.ok_or_else(fitting)?;
    if let Some(bias) = bias {
        made = build.binary(Binary::Add, &made, &bias)?;
    }
    Ok(vec![call.activated(made)?])
}

/// The row of a table for each index.
fn embedding(call: &mut Call<'_, '_>) -> Made {
    let (x, table) = (call.input()?, call.weight("embeddings")?);
    let masks_zero = call.config().flag("mask_zero", false);
    let build = &mut call.walk.build;
    let dtype = build.fact(&x).dtype;
    let indices = if matches!(dtype, DType::I32 | DType::I64) {
        x.clone()
    } else {
        build.cast(&x, DType::I32)?
    };
    let made = build.emit(Op::Gather { axis: 0 }, &[&table, &indices])?;
    call.mask = None;
    if masks_zero {
        let build = &mut call.walk.build;
        let is_zero = with(build, Binary::Equal, &indices, 0.0)?;
        call.mask = Some(build.unary(tensor::scalar::Unary::Not, &is_zero)?);
    }
    Ok(vec![made])
}

/// Steps all of whose elements are a number do not count, and become zeros.
fn masking(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let number = call.config().float("mask_value")?.unwrap_or(0.0);
    let build = &mut call.walk.build;
    let rank = build.fact(&x).rank();
    let is_equal = with(build, Binary::Equal, &x, number)?;
    let differs = build.unary(tensor::scalar::Unary::Not, &is_equal)?;
    let count = build.cast(&differs, DType::F32)?;
    let axes = vec![rank.saturating_sub(1)];
    let reduce = Op::Reduce { reduction: Reduction::Max, axes, keepdims: true };
    let any = build.emit(reduce, &[&count])?;
    let any = build.cast(&any, DType::Bool)?;
    let zero = build.number(build.fact(&x).dtype, 0.0)?;
    let made = build.emit(Op::Select, &[&any, &x, &zero])?;
    let mut shape = build.fact(&any).shape;
    shape.pop();
    call.mask = Some(build.reshape(&any, shape)?);
    Ok(vec![made])
}
