//! Pooling.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::conv::{batched, unbatched};
use super::elementwise::float;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{slice, with};
use crate::error::Reason;
use ir::{Op, Pool, PoolKind};
use operators::max_indices::MaxIndices;
use tensor::Dim;
use tensor::scalar::{Binary, Reduction};

const MAX: &str = "self|input kernel_size stride padding dilation ceil_mode";
const AVERAGE: &str =
    "self|input kernel_size stride padding ceil_mode count_include_pad divisor_override";

pub(super) const ROWS: &[Row] = &[
    row("max_pool1d", MAX, |call| max_pool(call, 1, false)),
    row("max_pool2d", MAX, |call| max_pool(call, 2, false)),
    row("max_pool3d", MAX, |call| max_pool(call, 3, false)),
    row("max_pool1d_with_indices", MAX, |call| max_pool(call, 1, true)),
    row("max_pool2d_with_indices", MAX, |call| max_pool(call, 2, true)),
    row("max_pool3d_with_indices", MAX, |call| max_pool(call, 3, true)),
    row("avg_pool1d", AVERAGE, |call| average_pool(call, 1)),
    row("avg_pool2d", AVERAGE, |call| average_pool(call, 2)),
    row("avg_pool3d", AVERAGE, |call| average_pool(call, 3)),
    row("adaptive_avg_pool1d", "self|input output_size", |call| adaptive(call, 1, false)),
    row("adaptive_avg_pool2d", "self|input output_size", |call| adaptive(call, 2, false)),
    row("adaptive_avg_pool3d", "self|input output_size", |call| adaptive(call, 3, false)),
    row("_adaptive_avg_pool2d", "self|input output_size", |call| adaptive(call, 2, false)),
    row("_adaptive_avg_pool3d", "self|input output_size", |call| adaptive(call, 3, false)),
    row("adaptive_max_pool1d", "self|input output_size", |call| adaptive(call, 1, true)),
    row("adaptive_max_pool2d", "self|input output_size", |call| adaptive(call, 2, true)),
    row("adaptive_max_pool3d", "self|input output_size", |call| adaptive(call, 3, true)),
];

/// The window that the arguments describe; without strides they are the kernel's size.
fn window(call: &Call<'_>, kind: PoolKind, axes: usize) -> Result<Pool, Reason> {
    let kernel = call.counts(1, axes, None, 1)?;
    let given = call.arg(2).is_some() && !call.dims(2)?.is_empty();
    let strides = if given { call.counts(2, axes, None, 1)? } else { kernel.clone() };
    let pads = call.counts(3, axes, Some(0), 0)?.into_iter().map(|pad| (pad, pad)).collect();
    Ok(Pool { kind, kernel, strides, dilations: vec![1; axes], pads, ceil_mode: false })
}

fn max_pool(call: &mut Call<'_>, axes: usize, has_indices: bool) -> Made {
    let (x, was_single) = batched(call, 0, axes + 2)?;
    let pool = Pool {
        dilations: call.counts(4, axes, Some(1), 1)?,
        ceil_mode: call.flag(5, false)?,
        ..window(call, PoolKind::Max, axes)?
    };
    let made = call.build.emit(Op::Pool(pool.clone()), &[&x])?;
    let windows = call.build.fact(&made).shape[2..].to_vec();
    let values = unbatched(call, made, was_single)?;
    if !has_indices {
        return Ok(values);
    }
    let operator = MaxIndices {
        windows,
        kernel: pool.kernel,
        strides: pool.strides,
        dilations: pool.dilations,
        pads: pool.pads.iter().map(|&(begin, _)| begin).collect(),
        is_column_major: false,
    };
    let indices = call.build.emit(Op::Whole(operator.into()), &[&x])?;
    // They are counted within each channel, there within the batch.
    let plane = call.build.fact(&x).shape[2..].iter().cloned().fold(Dim::from(1), |a, b| a * b);
    let plane = call.build.sizes(crate::build::Sizes::scalar(plane));
    let indices = call.build.binary(Binary::Mod, &indices, &plane)?;
    let indices = unbatched(call, indices, was_single)?;
    Ok(call.pool.tuple(vec![values, indices]))
}

fn average_pool(call: &mut Call<'_>, axes: usize) -> Made {
    let (x, was_single) = batched(call, 0, axes + 2)?;
    let divisor = call.float(6, 0.0)?;
    let count_include_pad = call.flag(5, true)? || divisor != 0.0;
    let kind = PoolKind::Average { count_include_pad };
    let pool = Pool { ceil_mode: call.flag(4, false)?, ..window(call, kind, axes)? };
    let is_cut = pool.ceil_mode && divisor != 0.0;
    if is_cut {
        return Err(call.refuse(6, "nothing beside ceil_mode"));
    }
    let taps: f64 = pool.kernel.iter().map(|&taps| taps as f64).product();
    let mut made = call.build.emit(Op::Pool(pool), &[&x])?;
    if divisor != 0.0 {
        made = with(call.build, Binary::Mul, &made, taps / divisor)?;
    }
    unbatched(call, made, was_single)
}

/// Pooling to sizes that are given: window `i` of `n` on an axis of `s` runs from `floor(i*s/n)` to
/// `ceil((i+1)*s/n)`.
fn adaptive(call: &mut Call<'_>, axes: usize, is_max: bool) -> Made {
    let x = float(call, 0)?;
    let (shape, first) =
        (call.build.fact(&x).shape, call.build.fact(&x).rank().saturating_sub(axes));
    if shape.len() < axes + 1 {
        return Err(call.refuse_input(&x, &format!("{} axes", axes + 2)));
    }
    let sizes = wanted(call, &shape[first..])?;
    let reduction = if is_max { Reduction::Max } else { Reduction::Mean };
    let all: Vec<usize> = (first..shape.len()).collect();
    let mut made = x;
    if sizes.iter().all(|size| size.known() == Some(1)) {
        let op = Op::Reduce { reduction, axes: all, keepdims: true };
        made = call.build.emit(op, &[&made])?;
    } else if let Some(pool) = regular(&shape[first..], &sizes, is_max) {
        call.args[0] = Some(call.own(made));
        let (x, was_single) = batched(call, 0, axes + 2)?;
        let pooled = call.build.emit(Op::Pool(pool), &[&x])?;
        return with_indices(call, pooled, was_single, is_max);
    } else {
        for (axis, size) in all.iter().zip(&sizes) {
            made = along(call, &made, *axis, size, reduction)?;
        }
    }
    with_indices(call, made, false, is_max)
}

/// The largest elements come with where they are, which no model looks at.
fn with_indices(call: &mut Call<'_>, made: Operand, was_single: bool, is_max: bool) -> Made {
    let made = unbatched(call, made, was_single)?;
    match is_max {
        true => Ok(call.pool.tuple(vec![made, Value::Unknown])),
        false => Ok(made),
    }
}

/// The sizes that are asked for; nothing stands for that which is there.
fn wanted(call: &Call<'_>, given: &[Dim]) -> Result<Vec<Dim>, Reason> {
    let values = match call.arg(1) {
        Some(Value::List(items) | Value::Tuple(items)) => items.borrow().clone(),
        Some(value) => vec![value.clone(); given.len()],
        None => vec![Value::None; given.len()],
    };
    let values = if values.len() == 1 { vec![values[0].clone(); given.len()] } else { values };
    let sizes = values.iter().zip(given).map(|(value, given)| match value {
        Value::None => Some(given.clone()),
        value => Call::dim_of(value),
    });
    let sizes: Option<Vec<Dim>> = sizes.collect();
    let sizes = sizes.filter(|sizes| sizes.len() == given.len());
    sizes.ok_or_else(|| call.refuse(1, &format!("{} sizes", given.len())))
}

/// The pooling whose windows these are, where all are alike.
fn regular(given: &[Dim], wanted: &[Dim], is_max: bool) -> Option<Pool> {
    let mut kernel = Vec::with_capacity(given.len());
    for (given, wanted) in given.iter().zip(wanted) {
        let taps = match (given.known_size(), wanted.known_size()) {
            (Some(given), Some(wanted)) if wanted > 0 && given.is_multiple_of(wanted) => {
                given / wanted
            }
            (None, None) if given == wanted => 1,
            _ => return None,
        };
        kernel.push(taps);
    }
    let kind = match is_max {
        true => PoolKind::Max,
        false => PoolKind::Average { count_include_pad: false },
    };
    let axes = kernel.len();
    let (strides, dilations, pads) = (kernel.clone(), vec![1; axes], vec![(0, 0); axes]);
    Some(Pool { kind, kernel, strides, dilations, pads, ceil_mode: false })
}

/// Windows of an axis for which a node each is not too much.
const WINDOWS_MAX: usize = 64;

/// Windows along one axis, each by itself.
fn along(
    call: &mut Call<'_>,
    x: &Operand,
    axis: usize,
    size: &Dim,
    reduction: Reduction,
) -> Result<Operand, Reason> {
    let given = call.build.fact(x).shape[axis].clone();
    if given == *size {
        return Ok(x.clone());
    }
    let count = size.known_size().filter(|count| (1..=WINDOWS_MAX).contains(count));
    let count = count.ok_or_else(|| call.refuse(1, "sizes that are known ahead"))?;
    let mut parts = Vec::with_capacity(count);
    let divisor = Dim::from(count);
    for at in 0..count {
        let start = (given.clone() * Dim::from(at)).floor_div(&divisor);
        let end = (given.clone() * Dim::from(at + 1)).ceil_div(&divisor);
        let part = slice(call.build, x, axis, start.clone(), end - start)?;
        let op = Op::Reduce { reduction, axes: vec![axis], keepdims: true };
        parts.push(call.build.emit(op, &[&part])?);
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    match parts.as_slice() {
        [one] => Ok((*one).clone()),
        _ => call.build.emit(Op::Concat { axis }, &parts),
    }
}
