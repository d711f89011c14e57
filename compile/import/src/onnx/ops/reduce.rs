//! Reductions.

use super::{Row, row};
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use ir::{Arg, Fact, Op};
use tensor::DType;
use tensor::scalar::Reduction;

const REDUCE: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];
const ARG: &[&str] = &["axis", "keepdims", "select_last_index"];

pub(super) const OPS: &[Row] = &[
    row("ReduceSum", REDUCE, |call| reduce(call, Reduction::Sum)),
    row("ReduceMean", REDUCE, |call| reduce(call, Reduction::Mean)),
    row("ReduceMax", REDUCE, |call| reduce(call, Reduction::Max)),
    row("ReduceMin", REDUCE, |call| reduce(call, Reduction::Min)),
    row("ReduceProd", REDUCE, |call| reduce(call, Reduction::Prod)),
    row("ReduceL1", REDUCE, |call| reduce(call, Reduction::L1)),
    row("ReduceL2", REDUCE, |call| reduce(call, Reduction::L2)),
    row("ReduceSumSquare", REDUCE, |call| reduce(call, Reduction::SumSquare)),
    row("ReduceLogSum", REDUCE, |call| reduce(call, Reduction::LogSum)),
    row("ReduceLogSumExp", REDUCE, |call| reduce(call, Reduction::LogSumExp)),
    row("ArgMax", ARG, |call| arg(call, true)),
    row("ArgMin", ARG, |call| arg(call, false)),
];

/// ONNX ReduceSum-1,11,13, ReduceMax-1,11,12,13,18,20, ReduceMin-1,11,12,13,18,20,
/// ReduceMean-1,11,13,18, ReduceProd-1,11,13,18, ReduceL1-1,11,13,18, ReduceL2-1,11,13,18,
/// ReduceSumSquare-1,11,13,18, ReduceLogSum-1,11,13,18,28, ReduceLogSumExp-1,11,13,18,28.
/// Accepted: axes as attribute or input. Refused: `noop_with_empty_axes` without axes, where the
/// function changes a single element.
fn reduce(call: &mut Call<'_>, reduction: Reduction) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let keepdims = call.flag("keepdims", true)?;
    if call.optional(1).is_some() && call.known_integers(1).is_none() {
        return reduce_by(call, reduction, keepdims);
    }
    let named = match call.optional(1) {
        Some(_) => call.integers(1, "axes")?,
        None => call.ints("axes")?.map_or(vec![], <[i64]>::to_vec),
    };
    let axes = if named.is_empty() {
        if call.flag("noop_with_empty_axes", false)? {
            return noop(call, reduction);
        }
        (0..fact.rank()).collect()
    } else {
        call::axes(&named, fact.rank()).ok_or_else(|| Reason::Attribute {
            name: "axes".to_string(),
            expected: format!("distinct axes of {:?}", fact.shape),
            found: format!("{named:?}"),
        })?
    };
    let op = Op::Reduce { reduction, axes, keepdims };
    if fact.dtype != DType::Bool {
        return call.emit(op, &[&x]);
    }
    // The extremes of booleans are those of 0 and 1.
    let number = call.build.cast(&x, DType::U8)?;
    let reduced = call.build.emit(op, &[&number])?;
    Ok(vec![call.build.cast(&reduced, DType::Bool)?])
}

/// A reduction by axes that are computed from data.
fn reduce_by(call: &mut Call<'_>, reduction: Reduction, keepdims: bool) -> Made {
    let (x, fact, count) = (call.input(0)?, call.fact(0)?, call.count(1)?);
    let is_noop_without_axes = call.flag("noop_with_empty_axes", false)?;
    let axes = call.as_vector(1)?;
    let rank = match (keepdims, count) {
        (true, _) => fact.rank(),
        (false, 0) => {
            if is_noop_without_axes {
                fact.rank()
            } else {
                0
            }
        }
        (false, count) => fact.rank().saturating_sub(count),
    };
    let shape = (0..rank).map(|_| call.build.fresh()).collect();
    let operator = operators::dynamic::Reduce { reduction, keepdims, is_noop_without_axes };
    call.build.dynamic(operator, &[&x, &axes], vec![Fact { dtype: fact.dtype, shape }])
}

fn noop(call: &mut Call<'_>, reduction: Reduction) -> Made {
    match reduction {
        Reduction::Sum | Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::Prod => {
            Ok(vec![call.input(0)?])
        }
        Reduction::L1
        | Reduction::L2
        | Reduction::SumSquare
        | Reduction::LogSum
        | Reduction::LogSumExp => {
            Err(call.refuse("noop_with_empty_axes", "axes, or 0 without axes", "1 without axes"))
        }
    }
}

/// ONNX ArgMax-1,11,12,13 and ArgMin-1,11,12,13.
fn arg(call: &mut Call<'_>, is_max: bool) -> Made {
    let axis = call.axis("axis", 0, call.fact(0)?.rank())?;
    let keepdims = call.flag("keepdims", true)?;
    let is_last = call.flag("select_last_index", false)?;
    let x = call.input(0)?;
    call.emit(Op::Arg(Arg { is_max, axis, keepdims, is_last }), &[&x])
}
