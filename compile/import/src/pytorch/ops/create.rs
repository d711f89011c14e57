//! Tensors that are made of numbers.

use super::super::call::{Call, Made};
use super::super::element;
use super::super::value::Value;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::range_count;
use crate::error::Reason;
use ir::Op;
use operators::range::Range;
use tensor::{DType, Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    row("zeros", "size dtype", |call| filled(call, 0.0)),
    row("ones", "size dtype", |call| filled(call, 1.0)),
    row("empty", "size dtype", |call| filled(call, 0.0)),
    row("full", "size fill_value dtype", |call| {
        let value = call.tensor(1)?;
        let dtype = call.dtype(2)?.unwrap_or(call.build.fact(&value).dtype);
        let shape = call.dims(0)?;
        of_value(call, value, dtype, shape)
    }),
    row("zeros_like", "self dtype", |call| like(call, 0.0)),
    row("ones_like", "self dtype", |call| like(call, 1.0)),
    row("empty_like", "self dtype", |call| like(call, 0.0)),
    row("full_like", "self fill_value dtype", |call| {
        let (fact, value) = (call.fact(0)?, call.tensor(1)?);
        let dtype = call.dtype(2)?.unwrap_or(fact.dtype);
        of_value(call, value, dtype, fact.shape)
    }),
    row("new_zeros", "self size dtype", |call| new(call, 0.0)),
    row("new_ones", "self size dtype", |call| new(call, 1.0)),
    row("new_empty", "self size dtype", |call| new(call, 0.0)),
    row("new_full", "self size fill_value dtype", |call| {
        let (fact, value, shape) = (call.fact(0)?, call.tensor(2)?, call.dims(1)?);
        let dtype = call.dtype(3)?.unwrap_or(fact.dtype);
        of_value(call, value, dtype, shape)
    }),
    row("fill", "self value", |call| {
        let (fact, value) = (call.fact(0)?, call.tensor(1)?);
        of_value(call, value, fact.dtype, fact.shape)
    }),
    row("zero", "self", |call| like(call, 0.0)),
    row("copy", "self src", |call| {
        let (fact, x) = (call.fact(0)?, call.tensor(1)?);
        of_value(call, x, fact.dtype, fact.shape)
    }),
    row("scalar_tensor", "s|t dtype", scalar),
    row("tensor", "data dtype", scalar),
    row("as_tensor", "data dtype", scalar),
    row("NumToTensor", "a", scalar),
    row("arange", "start|end end step dtype", arange),
    row("linspace", "start end steps dtype", linspace),
    row("eye", "n m dtype", eye),
];

fn of_value(call: &mut Call<'_>, value: Operand, dtype: DType, shape: Vec<Dim>) -> Made {
    let value = call.build.cast(&value, dtype)?;
    let made = call.build.expand(&value, shape)?;
    Ok(call.own(made))
}

fn filled(call: &mut Call<'_>, value: f64) -> Made {
    let (shape, dtype) = (call.dims(0)?, call.dtype(1)?.unwrap_or(DType::F32));
    let value = call.build.number(dtype, value)?;
    of_value(call, value, dtype, shape)
}

fn like(call: &mut Call<'_>, value: f64) -> Made {
    let fact = call.fact(0)?;
    let dtype = if call.parameters.ends_with("dtype") { call.dtype(1)? } else { None };
    let dtype = dtype.unwrap_or(fact.dtype);
    let value = call.build.number(dtype, value)?;
    of_value(call, value, dtype, fact.shape)
}

fn new(call: &mut Call<'_>, value: f64) -> Made {
    let (fact, shape) = (call.fact(0)?, call.dims(1)?);
    let dtype = call.dtype(2)?.unwrap_or(fact.dtype);
    let value = call.build.number(dtype, value)?;
    of_value(call, value, dtype, shape)
}

/// A number or a list of numbers as a tensor.
fn scalar(call: &mut Call<'_>) -> Made {
    let dtype = if call.parameters.ends_with("dtype") { call.dtype(1)? } else { None };
    let value = match call.arg(0) {
        Some(Value::List(items) | Value::Tuple(items)) => {
            let items = items.borrow().clone();
            let parts = items.iter().map(|value| {
                let part = call.operand_of(0, value)?;
                call.build.reshape(&part, vec![Dim::from(1)])
            });
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            if parts.is_empty() {
                let dtype = dtype.unwrap_or(DType::F32);
                let made = Tensor::zeros(dtype, &[0]);
                let made = made.map_err(|error| Reason::Evaluation(error.to_string()))?;
                return Ok(call.own(Operand::constant("empty", made)));
            }
            let parts: Vec<&Operand> = parts.iter().collect();
            call.build.emit(Op::Concat { axis: 0 }, &parts)?
        }
        _ => call.tensor(0)?,
    };
    let made = match dtype {
        Some(dtype) => call.build.cast(&value, dtype)?,
        None => value,
    };
    Ok(call.own(made))
}

/// `start, start + step, …` below `end`. Code gives the type behind one, two or three numbers.
fn arange(call: &mut Call<'_>) -> Made {
    let (ends, dtype) = match (call.arg(1), call.arg(2), call.arg(3)) {
        (None, None, None) => ([None, Some(0), None], None),
        (None, None, Some(_)) => ([None, Some(0), None], call.dtype(3)?),
        (Some(_), None, dtype) => ([Some(0), Some(1), None], dtype.and(call.dtype(3)?)),
        (_, Some(_), dtype) => ([Some(0), Some(1), Some(2)], dtype.and(call.dtype(3)?)),
    };
    let mut numbers = Vec::with_capacity(3);
    for (end, default) in ends.into_iter().zip([0i64, 0, 1]) {
        numbers.push(match end {
            Some(at) => call.tensor(at)?,
            None => Operand::constant("end", Tensor::scalar(default)),
        });
    }
    let is_float = numbers.iter().any(|x| call.build.fact(x).dtype.is_float());
    let dtype = dtype.unwrap_or(if is_float { DType::F32 } else { DType::I64 });
    let count = if is_float { DType::F64 } else { DType::I64 };
    let exact = numbers.iter().map(|x| call.build.cast(x, count)).collect::<Result<Vec<_>, _>>()?;
    let exact: [Operand; 3] = exact.try_into().map_err(|_| Reason::UnknownRank)?;
    let known = range_count(call.build, &exact)?;
    let count = known.ok_or_else(|| call.refuse(0, "ends that follow from the inputs' sizes"))?;
    let [start, _, step] = exact;
    let made = call.build.emit(Op::Whole(Range { count }.into()), &[&start, &step])?;
    let made = call.build.cast(&made, dtype)?;
    Ok(call.own(made))
}

fn linspace(call: &mut Call<'_>) -> Made {
    let (start, end, steps) =
        (call.float(0, 0.0)?, call.float(1, 1.0)?, call.counts(2, 1, None, 1)?[0]);
    let dtype = call.dtype(3)?.unwrap_or(DType::F32);
    let step = if steps > 1 { (end - start) / (steps - 1) as f64 } else { 0.0 };
    let [start, step] = [start, step].map(|x| Operand::constant("end", Tensor::scalar(x)));
    let count = Dim::from(steps);
    let made = call.build.emit(Op::Whole(Range { count }.into()), &[&start, &step])?;
    let made = call.build.cast(&made, dtype)?;
    Ok(call.own(made))
}

/// Ones where the row is the column.
fn eye(call: &mut Call<'_>) -> Made {
    let rows = call.dim(0)?;
    // Without columns the type stands in their place in code.
    let is_square = call.arg(1).is_none();
    let columns = if is_square { rows.clone() } else { call.dim(1)? };
    let dtype = call.dtype(2)?.unwrap_or(DType::F32);
    let mut sides = Vec::with_capacity(2);
    for (size, shape) in
        [(&rows, vec![rows.clone(), Dim::from(1)]), (&columns, vec![columns.clone()])]
    {
        let [start, step] = [0i64, 1].map(|x| Operand::constant("end", Tensor::scalar(x)));
        let op = Op::Whole(Range { count: size.clone() }.into());
        let side = call.build.emit(op, &[&start, &step])?;
        sides.push(call.build.reshape(&side, shape)?);
    }
    let made = call.build.binary(tensor::scalar::Binary::Equal, &sides[0], &sides[1])?;
    let made = call.build.cast(&made, dtype)?;
    Ok(call.own(made))
}

/// The number in code of a tensor's type.
pub(super) fn type_number(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let number = element::number(dtype).ok_or_else(|| call.refuse(0, "a type of PyTorch"))?;
    Ok(Value::int(number))
}
