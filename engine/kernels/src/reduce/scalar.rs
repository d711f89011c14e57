//! The types that have no vectors.

use super::generic::Columns;
use tensor::DType;
use tensor::scalar::Reduction;

/// What the types share.
trait Number: Copy + PartialOrd {
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;
    const HIGHEST: Self;
    fn plus(self, b: Self) -> Self;
    fn times(self, b: Self) -> Self;
    fn divided(self, count: usize) -> Self;
}

macro_rules! integer {
    ($($T:ty),*) => { $(
        impl Number for $T {
            const ZERO: $T = 0;
            const ONE: $T = 1;
            const LOWEST: $T = <$T>::MIN;
            const HIGHEST: $T = <$T>::MAX;
            fn plus(self, b: $T) -> $T { self.wrapping_add(b) }
            fn times(self, b: $T) -> $T { self.wrapping_mul(b) }
            fn divided(self, count: usize) -> $T {
                if count == 0 { 0 } else { (self as i64 / count as i64) as $T }
            }
        }
    )* };
}
integer!(i32, i64);

impl Number for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const LOWEST: f64 = f64::NEG_INFINITY;
    const HIGHEST: f64 = f64::INFINITY;
    fn plus(self, b: f64) -> f64 {
        self + b
    }
    fn times(self, b: f64) -> f64 {
        self * b
    }
    fn divided(self, count: usize) -> f64 {
        self / count as f64
    }
}

/// # Safety
/// The columns hold elements of type `dtype`, aligned.
pub(super) unsafe fn reduce(dtype: DType, run: &Columns) {
    // SAFETY: the caller's.
    unsafe {
        match dtype {
            DType::F64 => columns::<f64>(run),
            DType::I32 => columns::<i32>(run),
            DType::I64 => columns::<i64>(run),
            DType::F32
            | DType::F16
            | DType::BF16
            | DType::I8
            | DType::I16
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::Bool => unreachable!("the constructor refuses {dtype}"),
        }
    }
}

/// # Safety
/// As [`reduce`].
unsafe fn columns<T: Number>(run: &Columns) {
    // A NaN wins: it is unequal to itself.
    let larger = |a: T, b: T| if b > a || b.partial_cmp(&b).is_none() { b } else { a };
    let smaller = |a: T, b: T| if b < a || b.partial_cmp(&b).is_none() { b } else { a };
    // SAFETY: the caller's, for all calls below.
    unsafe {
        match run.reduction {
            Reduction::Sum => fold(run, T::ZERO, T::plus, |x| x),
            Reduction::Mean => fold(run, T::ZERO, T::plus, |x| x.divided(run.axis)),
            Reduction::Max => fold(run, T::LOWEST, larger, |x| x),
            Reduction::Min => fold(run, T::HIGHEST, smaller, |x| x),
            Reduction::Prod => fold(run, T::ONE, T::times, |x| x),
            Reduction::L1
            | Reduction::L2
            | Reduction::SumSquare
            | Reduction::LogSum
            | Reduction::LogSumExp => unreachable!("the constructor refuses {:?}", run.reduction),
        }
    }
}

/// # Safety
/// As [`reduce`].
unsafe fn fold<T: Number>(
    run: &Columns,
    neutral: T,
    step: impl Fn(T, T) -> T,
    finish: impl Fn(T) -> T,
) {
    let (source, target) = (run.source.cast::<T>(), run.target.cast::<T>());
    for column in 0..run.count {
        // SAFETY: the caller's.
        unsafe {
            let at = |a: usize| source.add(a * run.inner + column).read();
            let result = (0..run.axis).fold(neutral, |acc, a| step(acc, at(a)));
            target.add(column).write(finish(result));
        }
    }
}
