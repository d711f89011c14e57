//! Reductions.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::elementwise::{float, joined};
use super::{Row, number, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{self, moments, with};
use crate::decompose::product;
use crate::error::Reason;
use ir::{Arg, Op};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("sum", "self dim keepdim dtype", |call| reduced(call, Reduction::Sum)),
    row("mean", "self dim keepdim dtype", |call| reduced(call, Reduction::Mean)),
    row("prod", "self dim keepdim dtype", |call| reduced(call, Reduction::Prod)),
    row("logsumexp", "self dim keepdim dtype", |call| reduced(call, Reduction::LogSumExp)),
    row("amax", "self dim keepdim", |call| extreme_of_axes(call, Reduction::Max)),
    row("amin", "self dim keepdim", |call| extreme_of_axes(call, Reduction::Min)),
    row("max", "self|a dim|other|b keepdim", |call| extreme(call, true)),
    row("min", "self|a dim|other|b keepdim", |call| extreme(call, false)),
    row("argmax", "self dim keepdim", |call| arg(call, true)),
    row("argmin", "self dim keepdim", |call| arg(call, false)),
    row("any", "self dim keepdim", |call| truths(call, Reduction::Max)),
    row("all", "self dim keepdim", |call| truths(call, Reduction::Min)),
    row("var", "self dim|unbiased correction|unbiased keepdim", |call| {
        let made = variance(call)?.0;
        Ok(call.own(made))
    }),
    row("std", "self dim|unbiased correction|unbiased keepdim", |call| {
        let made = variance(call)?.0;
        call.emit(Op::Unary(Unary::Sqrt), &[&made])
    }),
    row("var_mean", "self dim|unbiased correction|unbiased keepdim", |call| {
        let (variance, mean) = variance(call)?;
        Ok(call.pool.tuple(vec![call.own(variance), call.own(mean)]))
    }),
    row("std_mean", "self dim|unbiased correction|unbiased keepdim", |call| {
        let (variance, mean) = variance(call)?;
        let deviation = call.build.unary(Unary::Sqrt, &variance)?;
        Ok(call.pool.tuple(vec![call.own(deviation), call.own(mean)]))
    }),
    row("norm", "self p dim keepdim dtype", |call| norm(call, [1, 2, 3])),
    row("linalg_vector_norm", "self|x ord dim keepdim dtype", |call| norm(call, [1, 2, 3])),
    row("frobenius_norm", "self dim keepdim", |call| {
        call.args.insert(1, None);
        norm(call, [1, 2, 3])
    }),
    row("cosine_similarity", "x1 x2 dim eps", cosine_similarity),
    row("cdist", "x1 x2 p compute_mode", cdist),
];

/// A reduction of axes; of none, each element is left alone.
fn over(
    call: &mut Call<'_>,
    reduction: Reduction,
    x: &Operand,
    axes: &[usize],
    keepdims: bool,
) -> Result<Operand, Reason> {
    if call.build.fact(x).rank() == 0 {
        return Ok(x.clone());
    }
    arithmetic::reduce(call.build, reduction, x, axes, keepdims)
}

fn reduced(call: &mut Call<'_>, reduction: Reduction) -> Made {
    if !call.is_tensor(0) {
        return number::sum(call);
    }
    let mut x = call.tensor(0)?;
    let own = call.build.fact(&x).dtype;
    // Sums of integers are of 64 bits; a mean of integers is asked for with its type.
    let default = if own.is_float() { own } else { DType::I64 };
    let dtype = call.dtype(3)?.unwrap_or(default);
    x = call.build.cast(&x, dtype)?;
    let axes = call.axes(1, call.build.fact(&x).rank())?;
    let keepdims = call.flag(2, false)?;
    let made = over(call, reduction, &x, &axes, keepdims)?;
    Ok(call.own(made))
}

fn extreme_of_axes(call: &mut Call<'_>, reduction: Reduction) -> Made {
    let x = call.tensor(0)?;
    let axes = call.axes(1, call.build.fact(&x).rank())?;
    let keepdims = call.flag(2, false)?;
    let made = over(call, reduction, &x, &axes, keepdims)?;
    Ok(call.own(made))
}

/// Of all elements, of an axis with where they are, or of pairs of elements.
fn extreme(call: &mut Call<'_>, is_max: bool) -> Made {
    let (reduction, function) = match is_max {
        true => (Reduction::Max, Binary::Max),
        false => (Reduction::Min, Binary::Min),
    };
    if call.is_tensor(1) {
        let (a, b) = (call.tensor(0)?, call.tensor(1)?);
        let dtype = joined(call.build.fact(&a).dtype, call.build.fact(&b).dtype);
        let (a, b) = (call.build.cast(&a, dtype)?, call.build.cast(&b, dtype)?);
        return call.emit(Op::Binary(function), &[&a, &b]);
    }
    if !call.is_tensor(0) {
        return number::extreme(call, function);
    }
    let x = call.tensor(0)?;
    let rank = call.build.fact(&x).rank();
    if call.arg(1).is_none() {
        let made = over(call, reduction, &x, &(0..rank).collect::<Vec<_>>(), false)?;
        return Ok(call.own(made));
    }
    let (axis, keepdims) = (call.axis(1, 0, rank)?, call.flag(2, false)?);
    let values = over(call, reduction, &x, &[axis], keepdims)?;
    let arg = Arg { is_max, axis, keepdims, is_last: false };
    let indices = call.build.emit(Op::Arg(arg), &[&x])?;
    Ok(call.pool.tuple(vec![call.own(values), call.own(indices)]))
}

fn arg(call: &mut Call<'_>, is_max: bool) -> Made {
    let mut x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let (axis, keepdims) = match call.arg(1) {
        Some(_) => (call.axis(1, 0, shape.len())?, call.flag(2, false)?),
        None => {
            x = call.build.reshape(&x, vec![product(&shape)])?;
            (0, false)
        }
    };
    let arg = Arg { is_max, axis, keepdims, is_last: false };
    call.emit(Op::Arg(arg), &[&x])
}

/// The extremes of booleans are those of 0 and 1.
fn truths(call: &mut Call<'_>, reduction: Reduction) -> Made {
    if !call.is_tensor(0) {
        return number::truths(call, reduction == Reduction::Min);
    }
    let x = call.tensor(0)?;
    let x = call.build.cast(&x, DType::Bool)?;
    let x = call.build.cast(&x, DType::U8)?;
    let axes = call.axes(1, call.build.fact(&x).rank())?;
    let keepdims = call.flag(2, false)?;
    let made = over(call, reduction, &x, &axes, keepdims)?;
    let made = call.build.cast(&made, DType::Bool)?;
    Ok(call.own(made))
}

/// Variance and mean: the sum of squares over the number of elements less a correction, which is 1
/// where none is given.
fn variance(call: &mut Call<'_>) -> Result<(Operand, Operand), Reason> {
    let x = float(call, 0)?;
    let fact = call.build.fact(&x);
    let is_flag = |at: usize| matches!(call.arg(at), Some(Value::Bool(_)));
    let (axes, correction) = match is_flag(1) {
        true => ((0..fact.rank()).collect(), f64::from(u8::from(call.flag(1, true)?))),
        false => (call.axes(1, fact.rank())?, call.float(2, 1.0)?),
    };
    let keepdims = call.flag(3, false)?;
    let mean = over(call, Reduction::Mean, &x, &axes, keepdims)?;
    let [_, spread] = moments(call.build, &x, &axes)?;
    let mut made = spread;
    if !keepdims {
        let shape = call.build.fact(&mean).shape;
        made = call.build.reshape(&made, shape)?;
    }
    if correction != 0.0 {
        let count = axes.iter().fold(Dim::from(1), |count, &axis| count * fact.shape[axis].clone());
        let count = call.build.sizes(crate::build::Sizes::scalar(count));
        let count = call.build.cast(&count, fact.dtype)?;
        let less = with(call.build, Binary::Sub, &count, correction)?;
        let factor = call.build.binary(Binary::Div, &count, &less)?;
        made = call.build.binary(Binary::Mul, &made, &factor)?;
    }
    Ok((made, mean))
}

fn norm(call: &mut Call<'_>, [p, dim, keepdim]: [usize; 3]) -> Made {
    let x = float(call, 0)?;
    let axes = call.axes(dim, call.build.fact(&x).rank())?;
    let keepdims = call.flag(keepdim, false)?;
    let p = match call.arg(p) {
        Some(Value::Text(name)) if &**name == "fro" => 2.0,
        Some(Value::Text(name)) if &**name == "inf" => f64::INFINITY,
        _ => call.float(p, 2.0)?,
    };
    let made = match p {
        1.0 => over(call, Reduction::L1, &x, &axes, keepdims)?,
        2.0 => over(call, Reduction::L2, &x, &axes, keepdims)?,
        _ => {
            let size = call.build.unary(Unary::Abs, &x)?;
            if p >= 1e300 {
                let made = over(call, Reduction::Max, &size, &axes, keepdims)?;
                return Ok(call.own(made));
            }
            if p <= 0.0 {
                return Err(call.refuse(1, "a norm of positive order"));
            }
            let powers = with(call.build, Binary::Pow, &size, p)?;
            let sum = over(call, Reduction::Sum, &powers, &axes, keepdims)?;
            with(call.build, Binary::Pow, &sum, 1.0 / p)?
        }
    };
    Ok(call.own(made))
}

/// `sum(a * b) / (max(|a|, eps) * max(|b|, eps))`
fn cosine_similarity(call: &mut Call<'_>) -> Made {
    let (a, b) = (float(call, 0)?, float(call, 1)?);
    let rank = call.build.fact(&a).rank().max(call.build.fact(&b).rank());
    let (axis, eps) = (call.axis(2, 1, rank)?, call.float(3, 1e-8)?);
    let both = call.build.binary(Binary::Mul, &a, &b)?;
    let dot = over(call, Reduction::Sum, &both, &[axis], false)?;
    let mut norms = Vec::new();
    for x in [&a, &b] {
        let own = (axis + call.build.fact(x).rank()).checked_sub(rank);
        let own = own.ok_or_else(|| call.refuse(2, "an axis of both"))?;
        let norm = over(call, Reduction::L2, x, &[own], false)?;
        norms.push(with(call.build, Binary::Max, &norm, eps)?);
    }
    let size = call.build.binary(Binary::Mul, &norms[0], &norms[1])?;
    call.emit(Op::Binary(Binary::Div), &[&dot, &size])
}

/// Euclidean distances between all pairs of rows.
fn cdist(call: &mut Call<'_>) -> Made {
    if call.float(2, 2.0)? != 2.0 {
        return Err(call.refuse(2, "2"));
    }
    let (a, b) = (float(call, 0)?, float(call, 1)?);
    let rank = call.build.fact(&a).rank();
    let a = arithmetic::with_axis(call.build, &a, rank.saturating_sub(1))?;
    let b = arithmetic::with_axis(call.build, &b, call.build.fact(&b).rank().saturating_sub(2))?;
    let way = call.build.binary(Binary::Sub, &a, &b)?;
    let made = over(call, Reduction::L2, &way, &[rank], false)?;
    Ok(call.own(made))
}
