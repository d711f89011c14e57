//! The number types that have no vectors, for kernels that go element by element.

use tensor::Element;

/// What the types share. Sums and products of integers wrap.
pub trait Number: Element + PartialOrd + Send + Sync {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// What is larger than nothing: minus infinity, or the smallest integer.
    const LOWEST: Self;
    /// What is smaller than nothing: infinity, or the largest integer.
    const HIGHEST: Self;
    /// The sum.
    fn plus(self, b: Self) -> Self;
    /// The product.
    fn times(self, b: Self) -> Self;
    /// The absolute value.
    fn magnitude(self) -> Self;
    /// The mean of `count` elements; that of no integer is 0.
    fn mean(elements: impl Iterator<Item = Self>, count: usize) -> Self;
    /// The nearest float.
    fn to_float(self) -> f64;
    /// The float rounded towards zero; of an integer that does not fit, the low bits.
    fn of_float(x: f64) -> Self;

    /// The larger of two; NaN if either is.
    fn larger(self, b: Self) -> Self {
        if b > self || b.partial_cmp(&b).is_none() { b } else { self }
    }

    /// The smaller of two; NaN if either is.
    fn smaller(self, b: Self) -> Self {
        if b < self || b.partial_cmp(&b).is_none() { b } else { self }
    }
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
            #[allow(unused_comparisons, reason = "half of the types have no negative numbers")]
            fn magnitude(self) -> $T { if self < 0 { (0 as $T).wrapping_sub(self) } else { self } }
            fn mean(elements: impl Iterator<Item = $T>, count: usize) -> $T {
                // No sum of as many elements as memory holds overflows this.
                let sum: i128 = elements.map(i128::from).sum();
                sum.checked_div(count as i128).unwrap_or(0) as $T
            }
            fn to_float(self) -> f64 { self as f64 }
            fn of_float(x: f64) -> $T { x as i128 as $T }
        }
    )* };
}
integer!(i8, i16, i32, i64, u8, u16, u32, u64);

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
    fn magnitude(self) -> f64 {
        self.abs()
    }
    fn mean(elements: impl Iterator<Item = f64>, count: usize) -> f64 {
        elements.fold(0.0, f64::plus) / count as f64
    }
    fn to_float(self) -> f64 {
        self
    }
    fn of_float(x: f64) -> f64 {
        x
    }
}

/// Is it a type that implements [`Number`]?
pub fn is_number(dtype: tensor::DType) -> bool {
    dtype.is_number() && !dtype.is_half() && dtype != tensor::DType::F32
}

/// Evaluates an expression with a name standing for the [`Number`] of an element type.
///
/// ```
/// use kernels::Number;
/// let size = kernels::with_number!(tensor::DType::I16, T => size_of::<T>());
/// assert_eq!(size, 2);
/// ```
///
/// # Panics
/// When there is none ([`is_number`]).
#[macro_export]
macro_rules! with_number {
    ($dtype:expr, $T:ident => $run:expr) => {{
        use ::tensor::DType;
        macro_rules! run {
            ($number:ty) => {{
                type $T = $number;
                $run
            }};
        }
        match $dtype {
            DType::F64 => run!(f64),
            DType::I8 => run!(i8),
            DType::I16 => run!(i16),
            DType::I32 => run!(i32),
            DType::I64 => run!(i64),
            DType::U8 => run!(u8),
            DType::U16 => run!(u16),
            DType::U32 => run!(u32),
            DType::U64 => run!(u64),
            dtype => unreachable!("{dtype} has no number"),
        }
    }};
}
