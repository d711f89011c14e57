//! What makes values of sizes, and values that are given.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand, Sizes};
use crate::decompose::arithmetic::with;
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use operators::range::Range;
use std::cell::OnceCell;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("shape_array", |call| {
        let dims = call.fact(0)?.shape;
        sizes(call, dims)
    }),
    row("size_array", |call| {
        let dims = vec![product(&call.fact(0)?.shape)];
        sizes(call, dims)
    }),
    row("_zeros", |call| filled(call, 0.0)),
    row("_ones", |call| filled(call, 1.0)),
    row("_full", |call| {
        let value = call.float("value", 0.0)?;
        filled(call, value)
    }),
    row("_arange", arange),
    row("_contrib_arange_like", arange_like),
];

/// Most elements that a value made of a shape alone may have.
const ELEMENTS_MAX: usize = 1 << 26;

fn sizes(call: &mut Call<'_, '_>, dims: Vec<Dim>) -> Made {
    let sizes = Sizes { dims, is_scalar: false, dtype: DType::I64, id: OnceCell::new() };
    Ok(vec![call.build().sizes(sizes)])
}

/// A number in a shape. A size of 0 stands for one that follows from what the value meets: there
/// it is 1, and is repeated as often as it has to be.
fn filled(call: &mut Call<'_, '_>, number: f64) -> Made {
    let shape = call.ints("shape")?.unwrap_or_default();
    let sizes = shape.iter().map(|&size| usize::try_from(size.max(1)).ok());
    let sizes = sizes.collect::<Option<Vec<usize>>>();
    let count = sizes.as_deref().and_then(tensor::element_count);
    let (Some(sizes), Some(0..=ELEMENTS_MAX)) = (sizes, count) else {
        let expected = format!("a shape of at most {ELEMENTS_MAX} elements");
        return Err(call.refuse("shape", &expected, &format!("{shape:?}")));
    };
    let dtype = call.dtype("dtype", DType::F32)?;
    let build = call.build();
    let number = build.number(dtype, number)?;
    Ok(vec![build.expand(&number, sizes.into_iter().map(Dim::from).collect())?])
}

/// `0, 1, …` below a size.
fn counted(build: &mut Builder, size: &Dim, dtype: DType) -> Result<Operand, Reason> {
    let (start, step) = (build.number(dtype, 0.0)?, build.number(dtype, 1.0)?);
    let op = Op::Whole(Range { count: size.clone() }.into());
    build.emit(op, &[&start, &step])
}

/// Numbers from a start on, each several times.
fn spread(
    call: &mut Call<'_, '_>,
    count: &Dim,
    dtype: DType,
    start: f64,
) -> Result<Operand, Reason> {
    let step = call.float("step", 1.0)?;
    let repeat = call.count("repeat", 1)?.max(1);
    let build = call.build();
    let mut made = counted(build, count, dtype)?;
    if repeat > 1 {
        let split = vec![count.clone(), Dim::from(1)];
        let wide = vec![count.clone(), Dim::from(repeat)];
        made = build.reshape(&made, split)?;
        made = build.expand(&made, wide)?;
        made = build.reshape(&made, vec![count.clone() * Dim::from(repeat)])?;
    }
    if step != 1.0 {
        made = with(build, Binary::Mul, &made, step)?;
    }
    if start != 0.0 {
        made = with(build, Binary::Add, &made, start)?;
    }
    Ok(made)
}

/// Without a stop the start is one, and the numbers begin at 0.
fn arange(call: &mut Call<'_, '_>) -> Made {
    let dtype = call.dtype("dtype", DType::F32)?;
    let (start, step) = (call.float("start", 0.0)?, call.float("step", 1.0)?);
    let ends = match call.text("stop") {
        Some(_) => [start, call.float("stop", 0.0)?],
        None => [0.0, start],
    };
    let count = ((ends[1] - ends[0]) / step).ceil();
    if count.is_nan() || count > ELEMENTS_MAX as f64 {
        let expected = format!("at most {ELEMENTS_MAX} elements");
        return Err(call.refuse("stop", &expected, &format!("{ends:?} in steps of {step}")));
    }
    Ok(vec![spread(call, &Dim::from(count.max(0.0) as usize), dtype, ends[0])?])
}

/// As many numbers as an axis of the input has elements, or as the input has in all.
fn arange_like(call: &mut Call<'_, '_>) -> Made {
    let (fact, start) = (call.fact(0)?, call.float("start", 0.0)?);
    if call.count("repeat", 1)? > 1 {
        return Err(call.refuse("repeat", "1", "more"));
    }
    if call.text("axis").is_some() {
        let axis = call.axis("axis", 0, fact.rank())?;
        return Ok(vec![spread(call, &fact.shape[axis], fact.dtype, start)?]);
    }
    let made = spread(call, &product(&fact.shape), fact.dtype, start)?;
    Ok(vec![call.build().reshape(&made, fact.shape)?])
}
