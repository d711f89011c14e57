//! f32 reductions over the vectors of any ISA.
//!
//! Along the innermost axis, lane i of each of four vectors sums every 4 * LANES-th element,
//! then the vectors and their lanes meet as a tree. Along another axis, each column is one chain
//! in the order of the axis. Both orders depend on the length of the axis only.

use simd::{F32Vector, LANES_MAX, Vectorize, math};
use tensor::scalar::Reduction;

/// Columns `target[c] = reduction of source[a * inner + c] over a < axis`, for `c < count`.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) reduction: Reduction,
    pub(crate) axis: usize,
    pub(crate) inner: usize,
    pub(crate) count: usize,
    pub(crate) source: *const u8,
    pub(crate) target: *mut u8,
}

/// One step of a reduction.
pub(crate) trait Fold {
    /// The neutral element.
    const NEUTRAL: f32;
    /// Takes one more element in.
    fn step<V: F32Vector>(acc: V, x: V) -> V;
    /// Two partial results as one.
    fn join<V: F32Vector>(a: V, b: V) -> V;
    /// The lanes as one result.
    fn across<V: F32Vector>(acc: V) -> f32;
}

/// Sum.
pub(crate) struct Sum;
/// Sum of absolute values.
struct SumAbs;
/// Sum of squares.
pub(crate) struct SumSquare;
/// Largest, NaN if any is.
pub(crate) struct Max;
/// Smallest, NaN if any is.
struct Min;
/// Product.
struct Prod;

macro_rules! fold {
    ($Fold:ident, $neutral:expr, $acc:ident, $x:ident => $step:expr, $join:expr, $across:expr) => {
        impl Fold for $Fold {
            const NEUTRAL: f32 = $neutral;
            #[inline(always)]
            fn step<V: F32Vector>($acc: V, $x: V) -> V {
                $step
            }
            #[inline(always)]
            fn join<V: F32Vector>($acc: V, $x: V) -> V {
                $join
            }
            #[inline(always)]
            fn across<V: F32Vector>($acc: V) -> f32 {
                $across
            }
        }
    };
}
fold!(Sum, 0.0, acc, x => acc.add(x), acc.add(x), acc.reduce_sum());
fold!(SumAbs, 0.0, acc, x => acc.add(x.abs()), acc.add(x), acc.reduce_sum());
fold!(SumSquare, 0.0, acc, x => x.mul_add(x, acc), acc.add(x), acc.reduce_sum());
fold!(Max, f32::NEG_INFINITY, acc, x => larger(acc, x), larger(acc, x), acc.reduce_max());
fold!(Min, f32::INFINITY, acc, x => smaller(acc, x), smaller(acc, x), acc.reduce_min());
fold!(Prod, 1.0, acc, x => acc.mul(x), acc.mul(x), product(acc));

#[inline(always)]
fn larger<V: F32Vector>(a: V, b: V) -> V {
    V::select(a.is_nan(), a, a.max(b))
}

#[inline(always)]
fn smaller<V: F32Vector>(a: V, b: V) -> V {
    V::select(a.is_nan(), a, a.min(b))
}

#[inline(always)]
fn product<V: F32Vector>(v: V) -> f32 {
    let mut lanes = [1.0; LANES_MAX];
    // SAFETY: the buffer is as long as any vector.
    unsafe { v.store(lanes.as_mut_ptr()) };
    lanes.iter().product()
}

/// The reduction of `len` floats side by side.
///
/// # Safety
/// The CPU has the ISA of `V`; `source` is valid for reads of `len` floats.
#[inline(always)]
pub(crate) unsafe fn fold_row<V: F32Vector, F: Fold>(source: *const f32, len: usize) -> f32 {
    // SAFETY: the caller's.
    unsafe { fold_row_from::<V, F>(source, len, 0.0) }
}

/// As [`fold_row`], of how far the floats lie from `center`.
///
/// # Safety
/// As [`fold_row`].
#[inline(always)]
pub(crate) unsafe fn fold_row_from<V: F32Vector, F: Fold>(
    source: *const f32,
    len: usize,
    center: f32,
) -> f32 {
    // SAFETY: all loads lie within `len` floats, or within the buffer.
    unsafe {
        let center = V::splat(center);
        let mut acc = [V::splat(F::NEUTRAL); 4];
        let mut i = 0;
        while i + 4 * V::LANES <= len {
            for (lane, acc) in acc.iter_mut().enumerate() {
                *acc = F::step(*acc, V::load(source.add(i + lane * V::LANES)).sub(center));
            }
            i += 4 * V::LANES;
        }
        while i + V::LANES <= len {
            acc[0] = F::step(acc[0], V::load(source.add(i)).sub(center));
            i += V::LANES;
        }
        if i < len {
            let rest = V::load_partial(source.add(i), len - i).sub(center);
            acc[1] = F::step(acc[1], rest.first_lanes(len - i, V::splat(F::NEUTRAL)));
        }
        F::across(F::join(F::join(acc[0], acc[1]), F::join(acc[2], acc[3])))
    }
}

/// The reduction of `count` columns, `stride` floats from row to row: lane by lane.
///
/// # Safety
/// The CPU has the ISA of `V`; `source` is valid for reads of `count <= LANES` floats at each
/// multiple of `stride` below `len`.
#[inline(always)]
pub(crate) unsafe fn fold_column<V: F32Vector, F: Fold>(
    source: *const f32,
    len: usize,
    stride: usize,
    count: usize,
) -> V {
    // SAFETY: the caller's.
    unsafe {
        let mut acc = V::splat(F::NEUTRAL);
        for a in 0..len {
            let row = source.add(a * stride);
            let x = if count == V::LANES { V::load(row) } else { V::load_partial(row, count) };
            acc = F::step(acc, x);
        }
        acc
    }
}

impl Vectorize for Columns {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller's, for all calls below.
        unsafe {
            match self.reduction {
                Reduction::Sum => self.fold::<V, Sum>(|x, _| x),
                Reduction::Mean => self.fold::<V, Sum>(|x, n| x.div(x.fill(n))),
                Reduction::Max => self.fold::<V, Max>(|x, _| x),
                Reduction::Min => self.fold::<V, Min>(|x, _| x),
                Reduction::Prod => self.fold::<V, Prod>(|x, _| x),
                Reduction::L1 => self.fold::<V, SumAbs>(|x, _| x),
                Reduction::L2 => self.fold::<V, SumSquare>(|x, _| x.sqrt()),
                Reduction::SumSquare => self.fold::<V, SumSquare>(|x, _| x),
                Reduction::LogSum => self.fold::<V, Sum>(|x, _| math::ln(x)),
                Reduction::LogSumExp => self.log_sum_exp::<V>(),
            }
        }
    }
}

impl Columns {
    /// `finish(result, length of the axis)` of each column. Called once per vector of columns,
    /// so it may be a call.
    #[inline(always)]
    unsafe fn fold<V: F32Vector, F: Fold>(&self, finish: fn(V, f32) -> V) {
        let (source, target) = (self.source.cast::<f32>(), self.target.cast::<f32>());
        let mut column = 0;
        while column < self.count {
            let count = (self.count - column).min(V::LANES);
            // SAFETY: the caller vouches for `count` columns.
            unsafe {
                let sum = if self.inner == 1 {
                    V::splat(fold_row::<V, F>(source, self.axis))
                } else {
                    fold_column::<V, F>(source.add(column), self.axis, self.inner, count)
                };
                finish(sum, self.axis as f32).store_partial(target.add(column), count);
            }
            column += V::LANES;
        }
    }

    /// `m + ln(sum of e^(x - m))` with m the largest element of the column.
    #[inline(always)]
    unsafe fn log_sum_exp<V: F32Vector>(&self) {
        let (source, target) = (self.source.cast::<f32>(), self.target.cast::<f32>());
        let mut column = 0;
        while column < self.count {
            let count = (self.count - column).min(V::LANES);
            // SAFETY: the caller vouches for `count` columns.
            unsafe {
                let start = source.add(column);
                let m = fold_column::<V, Max>(start, self.axis, self.inner, count);
                let mut sum = V::splat(0.0);
                for a in 0..self.axis {
                    let x = V::load_partial(start.add(a * self.inner), count);
                    sum = sum.add(math::exp(x.sub(m)));
                }
                // An infinite m is the answer itself; m - m would be NaN.
                let infinite = m.abs().eq(m.fill(f32::INFINITY));
                let y = V::select(infinite, m, m.add(math::ln(sum)));
                y.store_partial(target.add(column), count);
            }
            column += V::LANES;
        }
    }
}
