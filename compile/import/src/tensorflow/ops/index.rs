//! Operators that pick, place and order elements by index.

use super::super::call::{Call, Made};
use super::{Row, row, text};
use crate::build::Operand;
use crate::decompose::{self, arithmetic::axis};
use crate::error::Reason;
use ir::{Fact, Op};
use operators::cumulative::Cumulative;
use operators::dynamic;
use operators::gather_nd::GatherNd;
use operators::one_hot::OneHot;
use operators::scatter_elements::Update;
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use operators::trilu::Trilu;
use tensor::{DType, Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    row("Gather", |call| {
        let (x, indices) = (call.input(0)?, call.input(1)?);
        Ok(vec![gathered(call, &x, &indices, 0)?])
    }),
    row("GatherV2", gather),
    row("GatherNd", gather_nd),
    row("OneHot", one_hot),
    row("TopKV2", top_k).makes(&["values", "indices"]),
    row("TopK", top_k).makes(&["values", "indices"]),
    row("Cumsum", |call| cumulative(call, false)),
    row("Cumprod", |call| cumulative(call, true)),
    row("ScatterNd", scatter_nd),
    row("TensorScatterUpdate", |call| scatter(call, Update::Replace)),
    row("TensorScatterAdd", |call| scatter(call, Update::Add)),
    row("TensorScatterMax", |call| scatter(call, Update::Max)),
    row("TensorScatterMin", |call| scatter(call, Update::Min)),
    row("Where", where_true),
    row("Unique", unique).makes(&["y", "idx"]),
    row("ReverseSequence", reverse_sequence),
    row("InvertPermutation", invert_permutation),
    row("MatrixBandPart", band_part),
    row("NonMaxSuppressionV2", suppress),
    row("NonMaxSuppressionV3", suppress),
    row("NonMaxSuppressionV4", suppress).makes(&["selected_indices", "valid_outputs"]),
];

/// Slices along an axis, picked by integers.
pub(super) fn gathered(
    call: &mut Call<'_, '_>,
    x: &Operand,
    indices: &Operand,
    axis: usize,
) -> Result<Operand, Reason> {
    call.build().emit(Op::Gather { axis }, &[x, indices])
}

fn gather(call: &mut Call<'_, '_>) -> Made {
    let (x, indices, rank) = (call.input(0)?, call.input(1)?, call.fact(0)?.rank());
    let at = match call.optional(2) {
        Some(_) => call.axis_at(2, rank)?,
        None => 0,
    };
    let own = call.fact(1)?;
    let batch = call.int("batch_dims").unwrap_or(0);
    let batch = if batch < 0 { batch.saturating_add(own.rank() as i64) } else { batch };
    let batch = usize::try_from(batch).ok().filter(|&batch| batch <= own.rank() && batch <= at);
    let batch = batch.ok_or_else(|| call.refuse("batch_dims", "leading axes", "others"))?;
    if batch == 0 {
        return Ok(vec![gathered(call, &x, &indices, at)?]);
    }
    // The axis comes right behind those of the batch, and back afterwards.
    let mut perm: Vec<usize> = (0..rank).collect();
    let moved = perm.remove(at);
    perm.insert(batch, moved);
    let x = call.build().transpose(&x, perm)?;
    let mut tuples = own.shape.clone();
    tuples.push(Dim::from(1));
    let tuples = call.build().reshape(&indices, tuples)?;
    let op = Op::Whole(GatherNd { batch_dims: batch }.into());
    let made = call.build().emit(op, &[&x, &tuples])?;
    let (made_rank, inner) = (call.walk.fact(&made).rank(), own.rank() - batch);
    let before = at - batch;
    let perm: Vec<usize> = (0..batch)
        .chain(own.rank()..own.rank() + before)
        .chain(batch..batch + inner)
        .chain(own.rank() + before..made_rank)
        .collect();
    Ok(vec![call.build().transpose(&made, perm)?])
}

fn gather_nd(call: &mut Call<'_, '_>) -> Made {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let op = Op::Whole(GatherNd { batch_dims: 0 }.into());
    let (fact, own) = (call.fact(0)?, call.fact(1)?);
    if fact.dtype != DType::String {
        return call.emit(op, &[&x, &indices]);
    }
    let tuple = own.shape.last().and_then(Dim::known_size).filter(|&n| n <= fact.rank());
    let tuple = tuple.ok_or(Reason::UnknownRank)?;
    let shape = [&own.shape[..own.rank() - 1], &fact.shape[tuple..]].concat();
    let made = text::moved(call, &x, shape, |call, places| {
        call.build().emit(op.clone(), &[places, &indices])
    })?;
    Ok(vec![made])
}

fn one_hot(call: &mut Call<'_, '_>) -> Made {
    let (indices, rank) = (call.input(0)?, call.fact(0)?.rank());
    let depth = call.dim(1, "the depth")?;
    let (on, off) = (call.of_rank(2, 0)?, call.of_rank(3, 0)?);
    let at = axis(call.int("axis").unwrap_or(-1), rank + 1);
    let at = at.ok_or_else(|| call.refuse("axis", "an axis of the result", "another"))?;
    let build = call.build();
    let off = build.reshape(&off, vec![Dim::from(1)])?;
    let on = build.reshape(&on, vec![Dim::from(1)])?;
    let values = build.emit(Op::Concat { axis: 0 }, &[&off, &on])?;
    let indices = build.cast(&indices, DType::I64)?;
    // A negative index is nowhere, where the operator would count from the end.
    let zero = build.number(DType::I64, 0.0)?;
    let is_outside = build.binary(tensor::scalar::Binary::Less, &indices, &zero)?;
    let far = Operand::constant("far", Tensor::scalar(i64::MAX));
    let indices = build.emit(Op::Select, &[&is_outside, &far, &indices])?;
    call.emit(Op::Whole(OneHot { axis: at, depth }.into()), &[&indices, &values])
}

fn top_k(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let k = match call.optional(1) {
        Some(_) => call.dim(1, "the number of elements")?,
        None => Dim::from(call.count("k")?),
    };
    let axis = rank.checked_sub(1).ok_or(Reason::UnknownRank)?;
    let operator = TopK { axis, k, is_largest: true };
    let mut made = call.build().emit_all(Op::Whole(operator.into()), &[&x])?;
    made[1] = call.walk.build.cast(&made[1], DType::I32)?;
    Ok(made)
}

fn cumulative(call: &mut Call<'_, '_>, is_product: bool) -> Made {
    let (x, axis) = (call.input(0)?, call.input(1)?);
    let operator = Cumulative {
        is_exclusive: call.flag("exclusive", false),
        is_reverse: call.flag("reverse", false),
        is_product,
    };
    call.emit(Op::Whole(operator.into()), &[&x, &axis])
}

fn scatter_nd(call: &mut Call<'_, '_>) -> Made {
    let (indices, updates) = (call.input(0)?, call.input(1)?);
    let shape = call.dims(2, "the shape")?;
    let dtype = call.fact(1)?.dtype;
    let zero = call.build().number(dtype, 0.0)?;
    let x = call.build().expand(&zero, shape)?;
    let operator = ScatterNd { update: Update::Add };
    call.emit(Op::Whole(operator.into()), &[&x, &indices, &updates])
}

fn scatter(call: &mut Call<'_, '_>, update: Update) -> Made {
    let (x, indices, updates) = (call.input(0)?, call.input(1)?, call.input(2)?);
    call.emit(Op::Whole(ScatterNd { update }.into()), &[&x, &indices, &updates])
}

/// The indices of what is not zero, one a row.
fn where_true(call: &mut Call<'_, '_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let shape = vec![Dim::from(rank), call.build().fresh()];
    let fact = Fact { dtype: DType::I64, shape };
    let made = call.build().dynamic(dynamic::NonZero, &[&x], vec![fact])?.swap_remove(0);
    Ok(vec![call.build().transpose(&made, vec![1, 0])?])
}

/// Each element once, in the order in which they come first, and where each is among these.
fn unique(call: &mut Call<'_, '_>) -> Made {
    let (x, Fact { dtype, shape }) = (call.of_rank(0, 1)?, call.fact(0)?);
    let count = call.build().fresh();
    let indices = |count: Dim| Fact { dtype: DType::I64, shape: vec![count] };
    let made = vec![
        Fact { dtype, shape: vec![count.clone()] },
        indices(count.clone()),
        indices(shape[0].clone()),
        indices(count),
    ];
    let operator = dynamic::Unique { axis: None, is_sorted: false };
    let made = call.build().dynamic(operator, &[&x], made)?;
    let to = call.dtype_or("out_idx", DType::I32)?;
    let places = call.build().cast(&made[2], to)?;
    Ok(vec![made[0].clone(), places])
}

/// `(x, lengths)`: so much of the beginning of each sequence from its end to its start.
fn reverse_sequence(call: &mut Call<'_, '_>) -> Made {
    let (x, lengths, rank) = (call.input(0)?, call.of_rank(1, 1)?, call.fact(0)?.rank());
    let [time, batch] = ["seq_dim", "batch_dim"].map(|name| call.int(name).unwrap_or(0));
    match (axis(time, rank), axis(batch, rank)) {
        (Some(time), Some(batch)) if time != batch => {
            Ok(vec![decompose::reversed_sequences(call.build(), &x, &lengths, [time, batch])?])
        }
        _ => Err(call.refuse("seq_dim", "another axis than that of the batch", "none")),
    }
}

/// Where each place of an order has gone.
fn invert_permutation(call: &mut Call<'_, '_>) -> Made {
    let order = call.integers(0, "the order")?;
    let mut made = vec![0i64; order.len()];
    for (at, &place) in order.iter().enumerate() {
        let place = usize::try_from(place).ok().and_then(|place| made.get_mut(place));
        *place.ok_or_else(|| Reason::Input {
            input: 0,
            expected: "an order of axes".to_string(),
            found: format!("{order:?}"),
        })? = at as i64;
    }
    let (made, dtype) = (call.vector(&made)?, call.fact(0)?.dtype);
    Ok(vec![call.build().cast(&made, dtype)?])
}

/// `(x, lower, upper)`: elements so far below and above the diagonal; a negative number keeps all.
fn band_part(call: &mut Call<'_, '_>) -> Made {
    let mut x = call.input(0)?;
    let (lower, upper) = (call.integer(1, "the lower part")?, call.integer(2, "the upper part")?);
    for (count, is_upper) in [(lower, true), (upper, false)] {
        if count < 0 {
            continue;
        }
        let diagonal = if is_upper { count.saturating_neg() } else { count };
        let diagonal = Operand::constant("diagonal", Tensor::scalar(diagonal));
        x = call.build().emit(Op::Whole(Trilu { is_upper }.into()), &[&x, &diagonal])?;
    }
    Ok(vec![x])
}

/// `(boxes[N, 4], scores[N], most, overlap, [score])`
fn suppress(call: &mut Call<'_, '_>) -> Made {
    if call.flag("pad_to_max_output_size", false) {
        return Err(call.refuse("pad_to_max_output_size", "off", "on"));
    }
    let (boxes, scores) = (call.of_rank(0, 2)?, call.of_rank(1, 1)?);
    let (most, overlap) = (call.input(2)?, call.input(3)?);
    let build = call.build();
    let count = build.fact(&scores).shape[0].clone();
    let boxes = build.reshape(&boxes, vec![Dim::from(1), count.clone(), Dim::from(4)])?;
    let scores = build.reshape(&scores, vec![Dim::from(1), Dim::from(1), count])?;
    let most = build.cast(&most, DType::I64)?;
    let score = match call.optional(4) {
        Some(score) => score,
        None => call.build().number(DType::F32, f64::NEG_INFINITY)?,
    };
    let operator = dynamic::NonMaxSuppression { is_centered: false, has_least_score: true };
    let shape = vec![call.build().fresh(), Dim::from(3)];
    let found = Fact { dtype: DType::I64, shape };
    let inputs = [&boxes, &scores, &most, &overlap, &score];
    let made = call.build().dynamic(operator, &inputs, vec![found])?.swap_remove(0);
    let column = call.vector(&[2])?;
    let made = gathered(call, &made, &column, 1)?;
    let count = call.walk.fact(&made).shape[0].clone();
    let places = call.build().reshape(&made, vec![count.clone()])?;
    let places = call.build().cast(&places, DType::I32)?;
    let sizes = crate::build::Sizes { dtype: DType::I32, ..crate::build::Sizes::scalar(count) };
    Ok(vec![places, call.walk.build.sizes(sizes)])
}

/// `first, first + 1, …`, so many.
pub(super) fn places(call: &mut Call<'_, '_>, count: Dim) -> Result<Operand, Reason> {
    decompose::positions(call.build(), &count)
}
