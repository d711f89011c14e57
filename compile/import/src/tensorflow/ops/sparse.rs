//! Sparse tensors: indices of elements, `[M, R]`, the elements `[M]`, and a shape `[R]`; and sums
//! over parts of a tensor.

use super::super::call::{Call, Made};
use super::index::{gathered, places};
use super::{Row, row, text};
use crate::build::{Operand, Sizes};
use crate::decompose::arithmetic::{reduce, with, with_axis};
use crate::error::Reason;
use ir::{Fact, Op};
use operators::cumulative::Cumulative;
use operators::dynamic;
use operators::scatter_elements::Update;
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("SparseReshape", reshape).makes(&["output_indices", "output_shape"]),
    row("SparseFillEmptyRows", fill_empty_rows).makes(&[
        "output_indices",
        "output_values",
        "empty_row_indicator",
        "reverse_index_map",
    ]),
    row("SparseSegmentSum", |call| of_gathered(call, Mean::No)),
    row("SparseSegmentMean", |call| of_gathered(call, Mean::Whole)),
    row("SparseSegmentSqrtN", |call| of_gathered(call, Mean::Root)),
    row("SegmentSum", |call| {
        let (x, segments) = (call.input(0)?, call.of_rank(1, 1)?);
        Ok(vec![segment_sums(call, &x, &segments, Mean::No)?])
    }),
    row("SegmentMean", |call| {
        let (x, segments) = (call.input(0)?, call.of_rank(1, 1)?);
        Ok(vec![segment_sums(call, &x, &segments, Mean::Whole)?])
    }),
    row("UnsortedSegmentSum", unsorted_sums),
    row("Bincount", bin_count),
    row("SparseToDense", to_dense),
];

/// The number of rows, and of columns where that is known.
fn matrix(call: &Call<'_, '_>, index: usize) -> Result<[Dim; 2], Reason> {
    call.of_rank(index, 2)?;
    call.fact(index)?.shape.try_into().map_err(|_| Reason::UnknownRank)
}

/// For each axis of a shape how many elements lie between neighbours on it.
fn strides(call: &mut Call<'_, '_>, shape: &Operand) -> Result<Operand, Reason> {
    let axis = call.walk.build.number(DType::I64, 0.0)?;
    let operator = Cumulative { is_exclusive: true, is_reverse: true, is_product: true };
    call.build().emit(Op::Whole(operator.into()), &[shape, &axis])
}

/// `(indices, shape, new shape)`
fn reshape(call: &mut Call<'_, '_>) -> Made {
    let [rows, _] = matrix(call, 0)?;
    let (indices, old) = (call.input(0)?, call.of_rank(1, 1)?);
    let new = match (call.known_dims(1), call.known_dims(2)) {
        (Some(old), Some(new)) => {
            let shape = crate::decompose::target_shape(&old, &new, false);
            let shape = shape.ok_or_else(|| Reason::Input {
                input: 2,
                expected: format!("a shape with as many elements as {old:?}"),
                found: format!("{new:?}"),
            })?;
            call.walk.build.sizes(Sizes::vector(shape))
        }
        _ => resolved(call, &old)?,
    };
    let (from, to) = (strides(call, &old)?, strides(call, &new)?);
    let build = call.build();
    let weighted = build.binary(Binary::Mul, &indices, &from)?;
    let places = reduce(build, Reduction::Sum, &weighted, &[1], false)?;
    let places = build.reshape(&places, vec![rows, Dim::from(1)])?;
    let whole = build.binary(Binary::Div, &places, &to)?;
    let made = build.binary(Binary::Mod, &whole, &new)?;
    Ok(vec![made, new])
}

/// A shape that is computed from data, with what stands for -1.
fn resolved(call: &mut Call<'_, '_>, old: &Operand) -> Result<Operand, Reason> {
    let new = call.of_rank(2, 1)?;
    let build = call.build();
    let all = reduce(build, Reduction::Prod, old, &[0], true)?;
    let others = reduce(build, Reduction::Prod, &new, &[0], true)?;
    let others = build.unary(Unary::Neg, &others)?;
    let rest = build.binary(Binary::Div, &all, &others)?;
    let is_rest = with(build, Binary::Less, &new, 0.0)?;
    build.emit(Op::Select, &[&is_rest, &rest, &new])
}

/// `(indices, values, shape, default)`: each row of a matrix without elements gets one.
fn fill_empty_rows(call: &mut Call<'_, '_>) -> Made {
    let [count, rank] = matrix(call, 0)?;
    let (indices, values, default) = (call.input(0)?, call.input(1)?, call.input(3)?);
    let shape = call.dims(2, "the shape")?;
    let rows = shape.first().cloned().ok_or(Reason::UnknownRank)?;
    let column = call.vector(&[0])?;
    let of_each = gathered(call, &indices, &column, 1)?;
    let of_each = call.build().reshape(&of_each, vec![count.clone()])?;
    let found = counts(call, &of_each, rows.clone())?;
    let is_empty = with(call.build(), Binary::Equal, &found, 0.0)?;
    let added = vec![Dim::from(1), call.build().fresh()];
    let added = Fact { dtype: DType::I64, shape: added };
    let empty = call.build().dynamic(dynamic::NonZero, &[&is_empty], vec![added])?.swap_remove(0);
    let more = call.walk.fact(&empty).shape[1].clone();
    let empty_rows = call.build().reshape(&empty, vec![more.clone()])?;
    // All rows in order, those that are equal as they were.
    let all = call.build().emit(Op::Concat { axis: 0 }, &[&of_each, &empty_rows])?;
    let top = TopK { axis: 0, k: count + more.clone(), is_largest: false };
    let order = call.build().emit_all(Op::Whole(top.into()), &[&all])?.swap_remove(1);
    let zero = call.walk.build.number(DType::I64, 0.0)?;
    let others = vec![more.clone(), rank.clone() - Dim::from(1)];
    let others = call.build().expand(&zero, others)?;
    let first = with_axis(call.build(), &empty_rows, 1)?;
    let added = call.build().emit(Op::Concat { axis: 1 }, &[&first, &others])?;
    let indices = call.build().emit(Op::Concat { axis: 0 }, &[&indices, &added])?;
    let indices = gathered(call, &indices, &order, 0)?;
    let added = call.build().expand(&default, vec![more])?;
    let values = call.build().emit(Op::Concat { axis: 0 }, &[&values, &added])?;
    let values = gathered(call, &values, &order, 0)?;
    Ok(vec![indices, values, is_empty])
}

/// How often each of the first integers is there.
fn counts(call: &mut Call<'_, '_>, x: &Operand, count: Dim) -> Result<Operand, Reason> {
    let one = call.walk.build.number(DType::I64, 1.0)?;
    let ones = call.walk.fact(x).shape;
    let ones = call.build().expand(&one, ones)?;
    added(call, &ones, x, count)
}

/// Rows of zeros to which those of `x` are added, each to the one that its segment names.
fn added(
    call: &mut Call<'_, '_>,
    x: &Operand,
    segments: &Operand,
    count: Dim,
) -> Result<Operand, Reason> {
    let Fact { dtype, mut shape } = call.walk.fact(x);
    if let Some(first) = shape.first_mut() {
        *first = count;
    }
    let build = call.build();
    let zero = build.number(dtype, 0.0)?;
    let zeros = build.expand(&zero, shape)?;
    let segments = with_axis(build, segments, 1)?;
    let operator = ScatterNd { update: Update::Add };
    build.emit(Op::Whole(operator.into()), &[&zeros, &segments, x])
}

/// What sums are divided by.
#[derive(Clone, Copy, PartialEq)]
enum Mean {
    No,
    /// The number of rows.
    Whole,
    /// Its root.
    Root,
}

/// `(x, indices, segments)`
fn of_gathered(call: &mut Call<'_, '_>, mean: Mean) -> Made {
    let (x, indices, segments) = (call.input(0)?, call.of_rank(1, 1)?, call.of_rank(2, 1)?);
    let rows = gathered(call, &x, &indices, 0)?;
    Ok(vec![segment_sums(call, &rows, &segments, mean)?])
}

/// Sums of the rows of each segment; segments are in order.
fn segment_sums(
    call: &mut Call<'_, '_>,
    x: &Operand,
    segments: &Operand,
    mean: Mean,
) -> Result<Operand, Reason> {
    let segments = call.build().cast(segments, DType::I64)?;
    let last = call.vector(&[-1])?;
    let last = gathered(call, &segments, &last, 0)?;
    let count = with(call.build(), Binary::Add, &last, 1.0)?;
    let count = match count.sizes() {
        Some(sizes) => sizes.dims.first().cloned(),
        None => call.build().measure(&count)?.and_then(|sizes| sizes.dims.first().cloned()),
    };
    let count = count.ok_or(Reason::UnknownRank)?;
    let sums = added(call, x, &segments, count.clone())?;
    if mean == Mean::No {
        return Ok(sums);
    }
    let found = counts(call, &segments, count)?;
    let Fact { dtype, shape } = call.walk.fact(&sums);
    let build = call.build();
    let found = with(build, Binary::Max, &found, 1.0)?;
    let mut found = build.cast(&found, dtype)?;
    if mean == Mean::Root {
        found = build.unary(Unary::Sqrt, &found)?;
    }
    for axis in 1..shape.len() {
        found = with_axis(build, &found, axis)?;
    }
    build.binary(Binary::Div, &sums, &found)
}

/// `(x, segments, count)`
fn unsorted_sums(call: &mut Call<'_, '_>) -> Made {
    let (x, segments) = (call.input(0)?, call.of_rank(1, 1)?);
    let count = call.dim(2, "the number of segments")?;
    Ok(vec![added(call, &x, &segments, count)?])
}

/// `(x, size, weights)`: how often each of the first integers is there.
fn bin_count(call: &mut Call<'_, '_>) -> Made {
    let x = call.of_rank(0, 1)?;
    let size = call.dim(1, "the number of integers")?;
    let dtype = call.fact(2)?.dtype;
    let own = match call.fact(2)?.shape.as_slice() {
        [none] if none.known() == Some(0) => counts(call, &x, size)?,
        _ => {
            let weights = call.input(2)?;
            added(call, &weights, &x, size)?
        }
    };
    Ok(vec![call.build().cast(&own, dtype)?])
}

/// `(indices, shape, values, default)`
fn to_dense(call: &mut Call<'_, '_>) -> Made {
    let [rows, _] = matrix(call, 0)?;
    let (indices, values, default) = (call.input(0)?, call.input(2)?, call.of_rank(3, 0)?);
    let shape = call.dims(1, "the shape")?;
    if call.fact(2)?.dtype == DType::String {
        return text_to_dense(call, &indices, &values, &default, (rows, shape));
    }
    let whole = call.build().expand(&default, shape)?;
    let values = call.build().expand(&values, vec![rows])?;
    let operator = ScatterNd { update: Update::Replace };
    call.emit(Op::Whole(operator.into()), &[&whole, &indices, &values])
}

/// As places: behind the values lies the default.
fn text_to_dense(
    call: &mut Call<'_, '_>,
    indices: &Operand,
    values: &Operand,
    default: &Operand,
    (rows, shape): (Dim, Vec<Dim>),
) -> Made {
    let own = places(call, rows.clone())?;
    let behind = call.walk.build.sizes(Sizes::scalar(rows));
    let whole = call.build().expand(&behind, shape.clone())?;
    let operator = ScatterNd { update: Update::Replace };
    let op = Op::Whole(operator.into());
    let filled = call.build().emit(op, &[&whole, indices, &own])?;
    let default = call.build().reshape(default, vec![Dim::from(1)])?;
    let all = call.build().emit(Op::Concat { axis: 0 }, &[values, &default])?;
    Ok(vec![text::taken(call, &all, &filled, shape)?])
}
