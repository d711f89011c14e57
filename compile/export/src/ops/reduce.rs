//! Reductions.

use crate::call::{Call, Written};
use crate::messages::{flag, size};
use ir::Arg;
use tensor::scalar::Reduction;

/// The standard's operator.
pub(super) const fn name(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Sum => "ReduceSum",
        Reduction::Mean => "ReduceMean",
        Reduction::Max => "ReduceMax",
        Reduction::Min => "ReduceMin",
        Reduction::Prod => "ReduceProd",
        Reduction::L1 => "ReduceL1",
        Reduction::L2 => "ReduceL2",
        Reduction::SumSquare => "ReduceSumSquare",
        Reduction::LogSum => "ReduceLogSum",
        Reduction::LogSumExp => "ReduceLogSumExp",
    }
}

pub(super) fn reduce(
    call: &mut Call<'_, '_>,
    reduction: Reduction,
    axes: &[usize],
    keepdims: bool,
) -> Written {
    if axes.is_empty() {
        return alone(call, reduction);
    }
    let x = call.input(0);
    let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
    let axes = call.integers(&axes);
    call.last(name(reduction), &[&x, &axes], vec![flag("keepdims", keepdims)])
}

/// What is made of each element alone: without axes, tools differ in what they reduce.
fn alone(call: &mut Call<'_, '_>, reduction: Reduction) -> Written {
    let x = call.input(0);
    match reduction {
        Reduction::Sum
        | Reduction::Mean
        | Reduction::Max
        | Reduction::Min
        | Reduction::Prod
        | Reduction::LogSumExp => call.is(&x),
        Reduction::L1 | Reduction::L2 => call.last("Abs", &[&x], vec![]),
        Reduction::SumSquare => call.last("Mul", &[&x, &x], vec![]),
        Reduction::LogSum => call.last("Log", &[&x], vec![]),
    }
}

pub(super) fn arg(call: &mut Call<'_, '_>, arg: &Arg) -> Written {
    let attributes = vec![
        size("axis", arg.axis),
        flag("keepdims", arg.keepdims),
        flag("select_last_index", arg.is_last),
    ];
    call.same(if arg.is_max { "ArgMax" } else { "ArgMin" }, attributes)
}
