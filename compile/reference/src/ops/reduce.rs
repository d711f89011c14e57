//! Reductions.

use crate::ReferenceError;
use crate::numbers::{Numbers, read, store_floats, store_integers};
use crate::ops::elementwise::{maximum, minimum};
use crate::walk::{Layout, walk};
use ir::Arg;
use std::cmp::Ordering;
use tensor::scalar::Reduction;
use tensor::{DType, Tensor};

/// One element made of all those along `axes`.
pub(crate) fn reduce(
    reduction: Reduction,
    axes: &[usize],
    x: &Tensor,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    match read(x)? {
        Numbers::Float(elements) => {
            let y = per_group(axes, x.shape(), &elements, |g| reduce_floats(reduction, g));
            store_floats(x.dtype(), shape, &y)
        }
        Numbers::Integer(elements) => {
            let limits = limits(x.dtype());
            let y = per_group(axes, x.shape(), &elements, |group| {
                reduce_integers(reduction, group, limits)
            });
            store_integers(x.dtype(), shape, &y)
        }
    }
}

/// The index of the largest or smallest element along an axis; a NaN is found before any number.
pub(crate) fn arg(arg: &Arg, x: &Tensor, shape: &[usize]) -> Result<Tensor, ReferenceError> {
    let y = match read(x)? {
        Numbers::Float(elements) => per_group(&[arg.axis], x.shape(), &elements, |group| {
            find(arg, group, |a, b| match (a.is_nan(), b.is_nan()) {
                (false, false) => a.total_cmp(b),
                (is_nan, other) if arg.is_max => is_nan.cmp(&other),
                (is_nan, other) => other.cmp(&is_nan),
            })
        }),
        Numbers::Integer(elements) => {
            per_group(&[arg.axis], x.shape(), &elements, |group| find(arg, group, i128::cmp))
        }
    };
    store_integers(DType::I64, shape, &y)
}

/// What `function` makes of the elements along `axes`, for each index into the other axes.
fn per_group<T: Copy, R>(
    axes: &[usize],
    shape: &[usize],
    elements: &[T],
    function: impl Fn(&[T]) -> R,
) -> Vec<R> {
    let dense = Layout::dense(shape);
    let pick = |is_reduced: bool| {
        let axes = (0..shape.len()).filter(|axis| axes.contains(axis) == is_reduced);
        axes.map(|axis| (shape[axis], dense.strides[axis])).unzip()
    };
    let (reduced, reduced_strides): (Vec<usize>, Vec<isize>) = pick(true);
    let (kept, strides): (Vec<usize>, Vec<isize>) = pick(false);
    let mut group = Vec::new();
    let mut results = Vec::new();
    walk(&kept, [&Layout { start: 0, strides }], |[start]| {
        group.clear();
        let along = Layout { start, strides: reduced_strides.clone() };
        walk(&reduced, [&along], |[at]| group.push(elements[at]));
        results.push(function(&group));
    });
    results
}

fn reduce_floats(reduction: Reduction, group: &[f64]) -> f64 {
    let largest = || group.iter().copied().fold(f64::NEG_INFINITY, maximum);
    let sum_of = |term: fn(f64) -> f64| group.iter().map(|&x| term(x)).sum::<f64>();
    match reduction {
        Reduction::Sum => sum_of(|x| x),
        Reduction::Mean => sum_of(|x| x) / group.len() as f64,
        Reduction::Max => largest(),
        Reduction::Min => group.iter().copied().fold(f64::INFINITY, minimum),
        Reduction::Prod => group.iter().product(),
        Reduction::L1 => sum_of(f64::abs),
        Reduction::L2 => sum_of(|x| x * x).sqrt(),
        Reduction::SumSquare => sum_of(|x| x * x),
        Reduction::LogSum => sum_of(|x| x).ln(),
        Reduction::LogSumExp => {
            let largest = largest();
            if largest.is_infinite() {
                return largest;
            }
            largest + group.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
        }
    }
}

/// Means, roots and logarithms are rounded towards zero; the mean of no element is 0.
fn reduce_integers(reduction: Reduction, group: &[i128], limits: (i128, i128)) -> i128 {
    let sum = |term: fn(i128) -> i128| group.iter().fold(0i128, |s, &x| s.wrapping_add(term(x)));
    match reduction {
        Reduction::Sum => sum(|x| x),
        Reduction::Mean => sum(|x| x).checked_div(group.len() as i128).unwrap_or(0),
        Reduction::Max => group.iter().copied().max().unwrap_or(limits.0),
        Reduction::Min => group.iter().copied().min().unwrap_or(limits.1),
        Reduction::Prod => group.iter().fold(1i128, |p, &x| p.wrapping_mul(x)),
        Reduction::L1 => sum(i128::abs),
        Reduction::SumSquare => sum(|x| x.wrapping_mul(x)),
        Reduction::L2 | Reduction::LogSum | Reduction::LogSumExp => {
            let floats: Vec<f64> = group.iter().map(|&x| x as f64).collect();
            reduce_floats(reduction, &floats) as i128
        }
    }
}

/// The smallest and the largest number of an integer type.
fn limits(dtype: DType) -> (i128, i128) {
    let bits = 8 * dtype.size() as u32;
    match dtype {
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        }
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => (0, (1 << bits) - 1),
        _ => (0, 1),
    }
}

/// The position that `arg` looks for in `group`; 0 when there is none.
fn find<T>(arg: &Arg, group: &[T], compare: impl Fn(&T, &T) -> Ordering) -> i128 {
    let mut best = 0;
    for (at, element) in group.iter().enumerate().skip(1) {
        let order = compare(element, &group[best]);
        let is_better = if arg.is_max { order.is_gt() } else { order.is_lt() };
        if is_better || (arg.is_last && order.is_eq()) {
            best = at;
        }
    }
    best as i128
}
