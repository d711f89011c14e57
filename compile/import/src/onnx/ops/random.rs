//! Operators that draw numbers by chance. What they draw follows from `seed`, or from the node's
//! name where there is none, and is the same in every run.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use ir::{Arg, Op};
use operators::random::{Distribution, Random};
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(super) const OPS: &[Row] = &[
    row("Bernoulli", &["dtype", "seed"], bernoulli),
    row("Multinomial", &["dtype", "sample_size", "seed"], multinomial),
    row("RandomNormal", &["dtype", "mean", "scale", "seed", "shape"], |call| {
        let (distribution, shape) = (normal(call)?, shaped(call)?);
        drawn(call, &shape, distribution, DType::F32)
    }),
    row("RandomNormalLike", &["dtype", "mean", "scale", "seed"], |call| {
        let (distribution, x) = (normal(call)?, call.input(0)?);
        like(call, &x, distribution)
    }),
    row("RandomUniform", &["dtype", "high", "low", "seed", "shape"], |call| {
        let (distribution, shape) = (uniform(call)?, shaped(call)?);
        drawn(call, &shape, distribution, DType::F32)
    }),
    row("RandomUniformLike", &["dtype", "high", "low", "seed"], |call| {
        let (distribution, x) = (uniform(call)?, call.input(0)?);
        like(call, &x, distribution)
    }),
];

fn normal(call: &Call<'_>) -> Result<Distribution, Reason> {
    let mean = call.float("mean")?.unwrap_or(0.0);
    Ok(Distribution::Normal(mean, call.float("scale")?.unwrap_or(1.0)))
}

fn uniform(call: &Call<'_>) -> Result<Distribution, Reason> {
    let low = call.float("low")?.unwrap_or(0.0);
    Ok(Distribution::Uniform(low, call.float("high")?.unwrap_or(1.0)))
}

/// A tensor of the shape that an attribute says.
fn shaped(call: &mut Call<'_>) -> Result<Operand, Reason> {
    let shape = call.counts("shape")?.ok_or_else(|| call.refuse("shape", "sizes", "nothing"))?;
    let zero = call.build.number(DType::F32, 0.0)?;
    call.build.expand(&zero, shape.into_iter().map(Dim::from).collect())
}

/// The element type that an attribute names.
fn dtype(call: &Call<'_>, default: DType) -> Result<DType, Reason> {
    match call.int("dtype")? {
        Some(number) => tensors::element_type(number)
            .map_err(|found| call.refuse("dtype", "a number type", &found)),
        None => Ok(default),
    }
}

/// What the numbers follow from: the attribute, or the node's name by the function FNV-1a.
fn seed(call: &Call<'_>) -> Result<u64, Reason> {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Ok(match call.float("seed")? {
        Some(seed) => u64::from(seed.to_bits()),
        None => call.build.node.bytes().fold(0xcbf2_9ce4_8422_2325, byte),
    })
}

fn drawn(call: &mut Call<'_>, x: &Operand, by: Distribution, default: DType) -> Made {
    let dtype = dtype(call, default)?;
    Ok(vec![numbers(call, x, by, dtype)?])
}

fn numbers(
    call: &mut Call<'_>,
    x: &Operand,
    distribution: Distribution,
    dtype: DType,
) -> Result<Operand, Reason> {
    let random = Random { distribution, seed: seed(call)?, dtype };
    call.build.emit(Op::Whole(random.into()), &[x])
}

/// ONNX RandomNormal-1,22, RandomNormalLike-1,22, RandomUniform-1,22, RandomUniformLike-1,22: in
/// the shape of a tensor, and of its type where it is of floats and no other is named.
fn like(call: &mut Call<'_>, x: &Operand, distribution: Distribution) -> Made {
    let own = call.build.fact(x).dtype;
    drawn(call, x, distribution, if own.is_float() { own } else { DType::F32 })
}

/// ONNX Bernoulli-15,22: is an even number below the element?
fn bernoulli(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let dtype = dtype(call, call.build.fact(&x).dtype)?;
    let wide = call.build.cast(&x, DType::F32)?;
    let even = numbers(call, &wide, Distribution::Uniform(0.0, 1.0), DType::F32)?;
    let is_below = call.build.binary(Binary::Less, &even, &wide)?;
    Ok(vec![call.build.cast(&is_below, dtype)?])
}

/// ONNX Multinomial-7,22: the class where the logarithm of its probability and a number of the
/// Gumbel distribution have the largest sum.
fn multinomial(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let [batch, classes] = fact.shape.as_slice() else {
        let (expected, found) = ("[batch, classes]".to_string(), format!("{:?}", fact.shape));
        return Err(Reason::Input { input: 0, expected, found });
    };
    let samples = call.int("sample_size")?.unwrap_or(1);
    if samples < 1 {
        return Err(call.refuse("sample_size", "at least 1", &samples.to_string()));
    }
    let dtype = dtype(call, DType::I32)?;
    let wide = call.build.cast(&x, DType::F64)?;
    let rows = call.build.reshape(&wide, vec![batch.clone(), Dim::from(1), classes.clone()])?;
    let shape = vec![batch.clone(), Dim::from(samples), classes.clone()];
    let repeated = call.build.expand(&rows, shape)?;
    let chance = numbers(call, &repeated, Distribution::Gumbel, DType::F64)?;
    let sum = call.build.binary(Binary::Add, &repeated, &chance)?;
    let arg = Arg { is_max: true, axis: 2, keepdims: false, is_last: false };
    let drawn = call.build.emit(Op::Arg(arg), &[&sum])?;
    Ok(vec![call.build.cast(&drawn, dtype)?])
}
