//! Operators whose result is known without data, or up to the sizes of the inputs.

use super::super::call::{Call, Flows, Made};
use super::super::tensors;
use super::{Row, flows, row};
use crate::build::{Operand, Sizes};
use crate::decompose;
use crate::error::Reason;
use ir::ops::elementwise::broadcast;
use ir::{Fact, Op};
use operators::range::Range;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Value};

pub(super) const ROWS: &[Row] = &[
    row("Const", constant),
    flows("PlaceholderWithDefault", pass),
    row("Shape", shape),
    row("ShapeN", shape),
    row("Size", size),
    row("Rank", rank),
    row("Fill", fill),
    row("Range", range),
    row("LinSpace", lin_space),
    row("ZerosLike", |call| like(call, 0.0)),
    row("OnesLike", |call| like(call, 1.0)),
    row("BroadcastArgs", broadcast_args),
    flows("EnsureShape", pass),
];

fn pass(call: &mut Call<'_, '_>) -> Flows {
    Ok(vec![call.flow(0)?])
}

fn constant(call: &mut Call<'_, '_>) -> Made {
    let tensor = call.node.attr.get("value").and_then(|value| value.tensor.as_ref());
    let tensor = tensor.ok_or_else(|| call.refuse("value", "a tensor", "nothing"))?;
    let build = &mut call.walk.build;
    let name = build.node.clone();
    match tensors::read(tensor, &name, &build.budget)? {
        Value::Tensor(tensor) => Ok(vec![Operand::constant(&name, tensor)]),
        text => Ok(vec![build.literal(&text)?]),
    }
}

/// Sizes as integers of the type that the node names.
fn sizes(call: &mut Call<'_, '_>, sizes: Sizes) -> Result<Operand, Reason> {
    let dtype = call.dtype_or("out_type", DType::I32)?;
    Ok(call.walk.build.sizes(Sizes { dtype, ..sizes }))
}

fn shape(call: &mut Call<'_, '_>) -> Made {
    let mut made = Vec::with_capacity(call.inputs.len());
    for index in 0..call.inputs.len() {
        let dims = call.fact(index)?.shape;
        made.push(sizes(call, Sizes::vector(dims))?);
    }
    Ok(made)
}

fn size(call: &mut Call<'_, '_>) -> Made {
    let count = decompose::product(&call.fact(0)?.shape);
    Ok(vec![sizes(call, Sizes::scalar(count))?])
}

fn rank(call: &mut Call<'_, '_>) -> Made {
    let rank = call.fact(0)?.rank();
    Ok(vec![sizes(call, Sizes::scalar(Dim::from(rank)))?])
}

fn fill(call: &mut Call<'_, '_>) -> Made {
    let shape = call.dims(0, "the shape")?;
    let value = call.input(1)?;
    if shape.iter().any(|size| size.known().is_some_and(|size| size < 0)) {
        let (expected, found) = ("sizes of at least 0".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 0, expected, found });
    }
    call.of_rank(1, 0)?;
    Ok(vec![call.build().expand(&value, shape)?])
}

fn like(call: &mut Call<'_, '_>, value: f64) -> Made {
    let Fact { dtype, shape } = call.fact(0)?;
    let value = call.build().number(dtype, value)?;
    Ok(vec![call.build().expand(&value, shape)?])
}

fn range(call: &mut Call<'_, '_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let ends = [call.of_rank(0, 0)?, call.of_rank(1, 0)?, call.of_rank(2, 0)?];
    let [start, limit, delta] = &ends;
    match decompose::range_count(call.build(), &ends)? {
        Some(count) => call.emit(Op::Whole(Range { count }.into()), &[start, delta]),
        None => {
            let made = vec![Fact { dtype, shape: vec![call.build().fresh()] }];
            call.build().dynamic(operators::dynamic::Range, &[start, limit, delta], made)
        }
    }
}

/// `count` numbers from a start to an end, both among them.
fn lin_space(call: &mut Call<'_, '_>) -> Made {
    let (start, stop) = (call.input(0)?, call.input(1)?);
    let count = call.dim(2, "the number of elements")?;
    let dtype = call.fact(0)?.dtype;
    let build = call.build();
    let (zero, one) = (build.number(dtype, 0.0)?, build.number(dtype, 1.0)?);
    let places = build.emit(Op::Whole(Range { count: count.clone() }.into()), &[&zero, &one])?;
    let steps = (count - Dim::from(1)).maximum(&Dim::from(1));
    let steps = build.sizes(Sizes::scalar(steps));
    let steps = build.cast(&steps, dtype)?;
    let room = build.binary(Binary::Sub, &stop, &start)?;
    let step = build.binary(Binary::Div, &room, &steps)?;
    let moved = build.binary(Binary::Mul, &places, &step)?;
    Ok(vec![build.binary(Binary::Add, &moved, &start)?])
}

/// The shape to which two shapes broadcast.
fn broadcast_args(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (call.dims(0, "a shape")?, call.dims(1, "a shape")?);
    let inputs = vec![call.fact(0)?, call.fact(1)?];
    let dtype = inputs[0].dtype;
    let shape = broadcast(&a, &b).map_err(|error| Reason::Rule { error, inputs })?;
    Ok(vec![call.walk.build.sizes(Sizes { dtype, ..Sizes::vector(shape) })])
}
