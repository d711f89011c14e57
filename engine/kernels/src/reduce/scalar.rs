//! The types that have no vectors.

use super::generic::Columns;
use crate::{Number, with_number};
use tensor::DType;
use tensor::scalar::Reduction;

/// # Safety
/// The columns hold elements of type `dtype`, aligned.
pub(super) unsafe fn reduce(dtype: DType, run: &Columns) {
    let columns: unsafe fn(&Columns) = with_number!(dtype, T => columns::<T>);
    // SAFETY: the caller's.
    unsafe { columns(run) }
}

/// # Safety
/// As [`reduce`].
unsafe fn columns<T: Number>(run: &Columns) {
    let (source, target) = (run.source.cast::<T>(), run.target.cast::<T>());
    for column in 0..run.count {
        // SAFETY: the caller's.
        let at = |a: usize| unsafe { source.add(a * run.inner + column).read() };
        let elements = (0..run.axis).map(at);
        let made = reduced(run.reduction, elements, run.axis);
        // SAFETY: the caller's.
        unsafe { target.add(column).write(made) };
    }
}

fn reduced<T: Number>(
    reduction: Reduction,
    elements: impl Iterator<Item = T> + Clone,
    count: usize,
) -> T {
    let floats = elements.clone().map(T::to_float);
    match reduction {
        Reduction::Sum => elements.fold(T::ZERO, T::plus),
        Reduction::Mean => T::mean(elements, count),
        Reduction::Max => elements.fold(T::LOWEST, T::larger),
        Reduction::Min => elements.fold(T::HIGHEST, T::smaller),
        Reduction::Prod => elements.fold(T::ONE, T::times),
        Reduction::L1 => elements.map(T::magnitude).fold(T::ZERO, T::plus),
        Reduction::SumSquare => elements.map(|x| x.times(x)).fold(T::ZERO, T::plus),
        Reduction::L2 => T::of_float(floats.map(|x| x * x).fold(0.0, f64::plus).sqrt()),
        Reduction::LogSum => T::of_float(floats.fold(0.0, f64::plus).ln()),
        Reduction::LogSumExp => {
            let largest = elements.fold(T::LOWEST, T::larger).to_float();
            if count == 0 || largest.is_infinite() {
                return T::of_float(if count == 0 { f64::NEG_INFINITY } else { largest });
            }
            let sum = floats.map(|x| (x - largest).exp()).fold(0.0, f64::plus);
            T::of_float(largest + sum.ln())
        }
    }
}
