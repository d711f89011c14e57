//! Floats that an operator computes in: `f32` for tensors of `f32`, which are read where they lie,
//! and `f64` for those of every other float type.

use crate::numbers;
use std::borrow::Cow;
use std::ops::{Add, Div, Mul, Neg, Sub};
use tensor::{DType, View, ViewMut};

/// A float.
pub(crate) trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    fn of(x: f32) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn abs(self) -> Self;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn ln_1p(self) -> Self;
    fn tanh(self) -> Self;
    fn round_ties_even(self) -> Self;
    /// The elements of a tensor of a type that is computed in this one.
    fn read<'a>(x: &View<'a>) -> Cow<'a, [Self]>;
    /// Stores as many elements as there are places.
    fn store(out: &mut ViewMut<'_>, x: &[Self]);
}

macro_rules! functions {
    ($type:ident) => {
        const ZERO: $type = 0.0;
        const ONE: $type = 1.0;

        fn of(x: f32) -> $type {
            $type::from(x)
        }

        fn max(self, other: $type) -> $type {
            $type::max(self, other)
        }

        fn min(self, other: $type) -> $type {
            $type::min(self, other)
        }

        fn abs(self) -> $type {
            $type::abs(self)
        }

        fn exp(self) -> $type {
            $type::exp(self)
        }

        fn exp_m1(self) -> $type {
            $type::exp_m1(self)
        }

        fn ln_1p(self) -> $type {
            $type::ln_1p(self)
        }

        fn tanh(self) -> $type {
            $type::tanh(self)
        }

        fn round_ties_even(self) -> $type {
            $type::round_ties_even(self)
        }
    };
}

impl Real for f32 {
    functions!(f32);

    fn read<'a>(x: &View<'a>) -> Cow<'a, [f32]> {
        match x.dtype {
            DType::F32 => Cow::Borrowed(bytemuck::cast_slice(x.bytes)),
            _ => numbers::read_floats(x).into_iter().map(|x| x as f32).collect(),
        }
    }

    fn store(out: &mut ViewMut<'_>, x: &[f32]) {
        match out.dtype {
            DType::F32 => bytemuck::cast_slice_mut(out.bytes).copy_from_slice(x),
            _ => numbers::store_floats(out, &x.iter().map(|&x| x.into()).collect::<Vec<f64>>()),
        }
    }
}

impl Real for f64 {
    functions!(f64);

    fn read<'a>(x: &View<'a>) -> Cow<'a, [f64]> {
        Cow::Owned(numbers::read_floats(x))
    }

    fn store(out: &mut ViewMut<'_>, x: &[f64]) {
        numbers::store_floats(out, x);
    }
}
