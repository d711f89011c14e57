//! Operators that pick, place and order elements by index.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::{Row, row};
use crate::build::{Operand, Sizes};
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Fact, Op};
use operators::cumulative::Cumulative;
use operators::dynamic::NonZero;
use operators::gather_elements::GatherElements;
use operators::gather_nd::GatherNd;
use operators::grid_sample::{GridSample, Outside, Sampling};
use operators::one_hot::OneHot;
use operators::scatter_elements::{ScatterElements, Update};
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use operators::trilu::Trilu;
use tensor::{DType, Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    row("index", "self indices", index),
    row("index_put", "self indices values accumulate", index_put),
    row("index_select", "self dim index", |call| {
        let rank = call.fact(0)?.rank();
        let axis = call.axis(1, 0, rank)?;
        let (x, mut indices) = (call.tensor(0)?, call.tensor(2)?);
        if call.build.fact(&indices).rank() == 0 {
            indices = call.build.reshape(&indices, vec![Dim::from(1)])?;
        }
        call.emit(Op::Gather { axis }, &[&x, &indices])
    }),
    row("gather", "self dim index sparse_grad", |call| {
        let rank = call.fact(0)?.rank();
        let axis = call.axis(1, 0, rank)?;
        let (x, indices) = (call.tensor(0)?, call.tensor(2)?);
        call.emit(Op::Whole(GatherElements { axis }.into()), &[&x, &indices])
    }),
    row("scatter", "self dim index src|value reduce", |call| {
        let update = match &*call.text(4, "")? {
            "" => Update::Replace,
            "add" => Update::Add,
            "multiply" => Update::Mul,
            _ => return Err(call.refuse(4, "add or multiply")),
        };
        scatter(call, update)
    }),
    row("scatter_add", "self dim index src", |call| scatter(call, Update::Add)),
    row("embedding", "weight indices padding_idx scale_grad_by_freq sparse", |call| {
        let (weights, indices) = (call.tensor(0)?, call.tensor(1)?);
        call.emit(Op::Gather { axis: 0 }, &[&weights, &indices])
    }),
    row("topk", "self k dim largest sorted", |call| {
        let k = call.dim(1)?;
        let is_largest = call.flag(3, true)?;
        ordered(call, 2, Some(k), is_largest)
    }),
    row("sort", "self dim descending stable", |call| {
        let is_largest = call.flag(2, false)?;
        ordered(call, 1, None, is_largest)
    }),
    row("argsort", "self dim descending", |call| {
        let is_largest = call.flag(2, false)?;
        match ordered(call, 1, None, is_largest)? {
            Value::Tuple(items) => Ok(items.borrow()[1].clone()),
            other => Ok(other),
        }
    }),
    row("cumsum", "self dim dtype", |call| cumulative(call, false)),
    row("cumprod", "self dim dtype", |call| cumulative(call, true)),
    row("one_hot", "self num_classes", one_hot),
    row("tril", "self diagonal", |call| triangle(call, false)),
    row("triu", "self diagonal", |call| triangle(call, true)),
    row("nonzero", "self", non_zero),
    row("argwhere", "self", non_zero),
    row("grid_sampler", "input grid interpolation_mode padding_mode align_corners", grid_sample),
    row("grid_sampler_2d", "input grid interpolation_mode padding_mode align_corners", grid_sample),
];

/// Index tensors with the axes that they are for, next to each other and broadcast.
struct Picks {
    first: usize,
    indices: Vec<Operand>,
}

fn picks(call: &mut Call<'_>) -> Result<Picks, Reason> {
    let items = call.items(1)?;
    let items = items.borrow().clone();
    let given: Vec<usize> =
        (0..items.len()).filter(|&at| !matches!(items[at], Value::None)).collect();
    let refused = || call.refuse(1, "indices of axes next to each other");
    let (first, last) = (given.first().ok_or_else(refused)?, given.last().ok_or_else(refused)?);
    if last - first + 1 != given.len() {
        return Err(refused());
    }
    let mut indices = Vec::with_capacity(given.len());
    for &at in &given {
        let own = call.operand_of(1, &items[at])?;
        let own = match call.build.fact(&own).dtype {
            DType::I64 | DType::I32 => call.build.cast(&own, DType::I64)?,
            _ => return Err(call.refuse(1, "indices, which are integers")),
        };
        indices.push(own);
    }
    Ok(Picks { first: *first, indices })
}

/// Broadcast indices as tuples along a last axis.
fn tuples(call: &mut Call<'_>, indices: &[Operand]) -> Result<Operand, Reason> {
    let mut wide: Vec<Dim> = Vec::new();
    let facts: Vec<Fact> = indices.iter().map(|x| call.build.fact(x)).collect();
    for fact in &facts {
        wide = tensor::rule::broadcast(&wide, &fact.shape)
            .map_err(|error| Reason::Rule { error, inputs: facts.clone() })?;
    }
    let mut parts = Vec::with_capacity(indices.len());
    for own in indices {
        let own = call.build.expand(own, wide.clone())?;
        parts.push(arithmetic::with_axis(call.build, &own, wide.len())?);
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    match parts.as_slice() {
        [one] => Ok((*one).clone()),
        _ => call.build.emit(Op::Concat { axis: wide.len() }, &parts),
    }
}

/// Picked by integers on one axis, or on several next to each other; or those where one mask of
/// all axes is true.
fn index(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let masks = call.items(1)?.borrow().clone();
    if let [Value::Tensor(mask)] = masks.as_slice()
        && let Ok(mask) = mask.operand()
        && call.build.fact(&mask).dtype == DType::Bool
    {
        let places = places(call, &mask)?;
        let op = Op::Whole(GatherNd { batch_dims: 0 }.into());
        return call.emit(op, &[&x, &places]);
    }
    let Picks { first, indices } = picks(call)?;
    if let [one] = indices.as_slice() {
        return call.emit(Op::Gather { axis: first }, &[&x, one]);
    }
    let (rank, count) = (call.build.fact(&x).rank(), indices.len());
    let tuples = tuples(call, &indices)?;
    // The axes come first, and what is picked goes back to their place.
    let perm = (first..first + count).chain(0..first).chain(first + count..rank).collect();
    let moved = call.build.transpose(&x, perm)?;
    let op = Op::Whole(GatherNd { batch_dims: 0 }.into());
    let made = call.build.emit(op, &[&moved, &tuples])?;
    let (made_rank, wide) = (call.build.fact(&made).rank(), call.build.fact(&tuples).rank() - 1);
    let perm = (wide..wide + first).chain(0..wide).chain(wide + first..made_rank).collect();
    let made = call.build.transpose(&made, perm)?;
    Ok(call.own(made))
}

fn index_put(call: &mut Call<'_>) -> Made {
    let Picks { first: 0, indices } = picks(call)? else {
        return Err(call.refuse(1, "indices of the first axes"));
    };
    let (x, values) = (call.tensor(0)?, call.tensor(2)?);
    let fact = call.build.fact(&x);
    let tuples = tuples(call, &indices)?;
    let mut shape = call.build.fact(&tuples).shape;
    shape.pop();
    shape.extend_from_slice(fact.shape.get(indices.len()..).unwrap_or(&[]));
    let values = call.build.cast(&values, fact.dtype)?;
    let values = call.build.expand(&values, shape)?;
    let update = if call.flag(3, false)? { Update::Add } else { Update::Replace };
    call.emit(Op::Whole(ScatterNd { update }.into()), &[&x, &tuples, &values])
}

fn scatter(call: &mut Call<'_>, update: Update) -> Made {
    let (x, indices) = (call.tensor(0)?, call.tensor(2)?);
    let fact = call.build.fact(&x);
    let axis = call.axis(1, 0, fact.rank())?;
    let wide = call.build.fact(&indices).shape;
    let values = call.tensor(3)?;
    let mut values = call.build.cast(&values, fact.dtype)?;
    if !call.is_tensor(3) {
        values = call.build.expand(&values, wide)?;
    } else if call.build.fact(&values).shape != wide {
        let cut: Vec<ir::SliceAxis> = (0..wide.len())
            .map(|axis| ir::SliceAxis {
                axis,
                start: Dim::default(),
                len: wide[axis].clone(),
                step: 1,
            })
            .collect();
        values = call.build.emit(Op::Slice { axes: cut }, &[&values])?;
    }
    let op = Op::Whole(ScatterElements { axis, update }.into());
    call.emit(op, &[&x, &indices, &values])
}

/// The largest or smallest elements of an axis in order, all where none are told, and their places.
fn ordered(call: &mut Call<'_>, axis: usize, k: Option<Dim>, is_largest: bool) -> Made {
    let x = call.tensor(0)?;
    let shape = call.build.fact(&x).shape;
    let axis = call.axis(axis, -1, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
    let operator = TopK { axis, k: k.unwrap_or_else(|| size.clone()), is_largest };
    let made = call.build.emit_all(Op::Whole(operator.into()), &[&x])?;
    let made = made.into_iter().map(|made| call.own(made)).collect();
    Ok(call.pool.tuple(made))
}

fn cumulative(call: &mut Call<'_>, is_product: bool) -> Made {
    let mut x = call.tensor(0)?;
    let own = call.build.fact(&x).dtype;
    let default = if own.is_float() { own } else { DType::I64 };
    x = call.build.cast(&x, call.dtype(2)?.unwrap_or(default))?;
    let axis = call.axis(1, 0, call.build.fact(&x).rank())?;
    let axis = Operand::constant("axis", Tensor::scalar(axis as i64));
    let operator = Cumulative { is_exclusive: false, is_reverse: false, is_product };
    call.emit(Op::Whole(operator.into()), &[&x, &axis])
}

fn one_hot(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let depth = call.dim(1)?;
    if depth.known() == Some(-1) {
        return Err(call.refuse(1, "a number of classes"));
    }
    let values = Tensor::from_slice(&[2], &[0i64, 1]);
    let values = values.map_err(|error| Reason::Evaluation(error.to_string()))?;
    let values = Operand::constant("values", values);
    let operator = OneHot { axis: call.build.fact(&x).rank(), depth };
    call.emit(Op::Whole(operator.into()), &[&x, &values])
}

fn triangle(call: &mut Call<'_>, is_upper: bool) -> Made {
    let (x, k) = (call.tensor(0)?, call.dim(1).unwrap_or_default());
    let dtype = call.build.fact(&x).dtype;
    let k = call.build.sizes(Sizes::scalar(k));
    let wide = if dtype == DType::Bool { call.build.cast(&x, DType::U8)? } else { x };
    let made = call.build.emit(Op::Whole(Trilu { is_upper }.into()), &[&wide, &k])?;
    let made = call.build.cast(&made, dtype)?;
    Ok(call.own(made))
}

/// Where a mask is true, as tuples along a last axis; how many that are turns out when it runs.
fn places(call: &mut Call<'_>, mask: &Operand) -> Result<Operand, Reason> {
    let rank = call.build.fact(mask).rank();
    let count = call.build.fresh();
    let made = vec![Fact { dtype: DType::I64, shape: vec![Dim::from(rank), count] }];
    let made = call.build.dynamic(NonZero, &[mask], made)?.swap_remove(0);
    call.build.transpose(&made, vec![1, 0])
}

fn non_zero(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    let made = places(call, &x)?;
    Ok(call.own(made))
}

fn grid_sample(call: &mut Call<'_>) -> Made {
    let sampling = match call.int(2, 0)? {
        0 => Sampling::Linear,
        1 => Sampling::Nearest,
        2 => Sampling::Cubic,
        _ => return Err(call.refuse(2, "0 to 2")),
    };
    let outside = match call.int(3, 0)? {
        0 => Outside::Zeros,
        1 => Outside::Edge,
        2 => Outside::Reflection,
        _ => return Err(call.refuse(3, "0 to 2")),
    };
    let operator = GridSample { sampling, outside, aligns_corners: call.flag(4, false)? };
    let (x, grid) = (call.tensor(0)?, call.tensor(1)?);
    call.emit(Op::Whole(operator.into()), &[&x, &grid])
}
