//! Operators whose results have sizes that depend on elements, or that take or make values that
//! are no tensors of numbers. They run between the stages of a plan, on whole values; sizes that
//! their results turn out to have are bound to symbols, by which everything behind them is
//! compiled as if they had been known from the start.

mod axes;
mod compress;
pub mod control;
mod elements;
mod literal;
mod non_max_suppression;
mod non_zero;
mod optional;
mod pad;
mod range;
mod reduce;
mod reshape;
mod resize;
mod sequence;
mod slice;
pub mod text;
mod unique;

pub use axes::Axes;
pub use compress::Compress;
pub use elements::Elements;
pub use literal::Literal;
pub use non_max_suppression::NonMaxSuppression;
pub use non_zero::NonZero;
pub use optional::Optional;
pub use pad::{Pad, PadMode};
pub use range::Range;
pub use reduce::Reduce;
pub use reshape::Reshape;
pub use resize::{ResizeBy, Target};
pub use sequence::Sequence;
pub use slice::Slice;
pub use text::TextOperator;
pub use unique::Unique;

use crate::{ComputeError, numbers};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tensor::{DType, Tensor, Text, Value};

/// What every dynamic operator gives.
trait Evaluate {
    /// What is made of the inputs; no tensor and no sequence may have more bytes than `bytes_max`.
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError>;
}

/// The table of operators: `Variant, what it is`.
macro_rules! dynamics {
    ($($variant:ident, $doc:literal;)*) => {
        /// One of the operators, with its parameters.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Dynamic {
            $(#[doc = $doc] $variant($variant),)*
        }

        $(impl From<$variant> for Dynamic {
            fn from(operator: $variant) -> Dynamic {
                Dynamic::$variant(operator)
            }
        })*

        impl Dynamic {
            /// The operator's name in listings.
            pub const fn name(&self) -> &'static str {
                match self { $(Dynamic::$variant(_) => stringify!($variant),)* }
            }

            /// May the inputs be other than tensors of numbers?
            pub const fn takes_objects(&self) -> bool {
                matches!(
                    self,
                    Dynamic::Axes(_)
                        | Dynamic::Literal(_)
                        | Dynamic::Optional(_)
                        | Dynamic::Reshape(_)
                        | Dynamic::Sequence(
                            Sequence::Make
                                | Sequence::At
                                | Sequence::Insert
                                | Sequence::Erase
                                | Sequence::Length
                                | Sequence::Concat { .. }
                        )
                        | Dynamic::TextOperator(_)
                )
            }

            /// What is made of these values. No tensor and no sequence may be larger than
            /// `bytes_max`.
            pub fn evaluate(
                &self,
                values: &[Value],
                bytes_max: usize,
            ) -> Result<Vec<Value>, ComputeError> {
                let inputs = Inputs { values, bytes_max };
                match self { $(Dynamic::$variant(operator) => operator.evaluate(&inputs),)* }
            }
        }
    };
}

dynamics! {
    Axes, "`(x, axes)`: axes of one element added or dropped.";
    Compress, "`(x, condition)`: the slices for which the condition holds.";
    Elements, "`(x)`: integers that become sizes.";
    Literal, "`()`: text.";
    NonMaxSuppression, "`(boxes, scores, most, overlap, score)`: boxes that overlap no better one.";
    NonZero, "`(x)`: the indices of the elements that are not zero.";
    Optional, "`([x])`: values that may be absent.";
    Pad, "`(x, pads, value, axes)`: elements added or removed at both ends of axes.";
    Range, "`(start, limit, delta)`: numbers in equal steps.";
    Reduce, "`(x, axes)`: one element made of all those along axes.";
    Reshape, "`(x, shape)`: the same elements under another shape.";
    ResizeBy, "`(x, target, [roi])`: interpolation to sizes or by scales.";
    Sequence, "`(…)`: values in order: made, read, changed.";
    Slice, "`(x, starts, ends, axes, steps)`: ranges of axes.";
    TextOperator, "`(…)`: operators on text.";
    Unique, "`(x)`: each element or slice once.";
}

/// The values that an operator is given.
struct Inputs<'a> {
    values: &'a [Value],
    bytes_max: usize,
}

impl Inputs<'_> {
    fn value(&self, index: usize) -> Result<&Value, ComputeError> {
        let found = self.values.len();
        let rule = tensor::rule::RuleError::Arity { expected: "more", found };
        self.values.get(index).ok_or(ComputeError::Rule(rule))
    }

    /// The tensor of numbers at `index`.
    fn tensor(&self, index: usize) -> Result<&Arc<Tensor>, ComputeError> {
        let value = self.value(index)?;
        value.tensor().ok_or_else(|| refused("an input", value.dtype(), "a tensor of numbers"))
    }

    /// The tensor of text at `index`.
    fn text(&self, index: usize) -> Result<&Text, ComputeError> {
        let value = self.value(index)?;
        value.text().ok_or_else(|| refused("an input", value.dtype(), "a tensor of text"))
    }

    /// The elements at `index` as integers.
    fn integers(&self, index: usize) -> Result<Vec<i64>, ComputeError> {
        let wide = numbers::read_integers(&self.tensor(index)?.view());
        // Sizes and places beyond 64 bits are as far out as the farthest.
        let near = |x: i128| x.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        Ok(wide.into_iter().map(near).collect())
    }

    /// The elements at `index` as floats.
    fn floats(&self, index: usize) -> Result<Vec<f64>, ComputeError> {
        Ok(numbers::read_floats(&self.tensor(index)?.view()))
    }

    /// The distinct axes that the elements at `index` name, of `rank` axes, in their order.
    fn axes(&self, index: usize, rank: usize) -> Result<Vec<usize>, ComputeError> {
        let mut axes = Vec::new();
        for named in self.integers(index)? {
            let axis = crate::place(i128::from(named), rank)?;
            if axes.contains(&axis) {
                return Err(refused("an axis", format!("{named} for the second time"), "another"));
            }
            axes.push(axis);
        }
        Ok(axes)
    }

    /// Requires that so many values of a size may be made.
    fn require(&self, count: usize, size: usize) -> Result<(), ComputeError> {
        let (needed, limit) = (count.saturating_mul(size), self.bytes_max);
        if needed > limit { Err(ComputeError::Memory { needed, limit }) } else { Ok(()) }
    }

    /// A tensor of zeros, when it may be as large.
    fn zeros(&self, dtype: DType, shape: &[usize]) -> Result<Tensor, ComputeError> {
        self.require(tensor::element_count(shape).unwrap_or(usize::MAX), dtype.size())?;
        Ok(Tensor::zeros(dtype, shape)?)
    }

    /// A tensor whose slices along an axis are looked at: without an axis, all elements in a row.
    fn along(&self, index: usize, axis: Option<usize>) -> Result<(Tensor, usize), ComputeError> {
        let x = self.tensor(index)?.as_ref().clone();
        match axis {
            Some(axis) if axis < x.shape().len() => Ok((x, axis)),
            Some(axis) => {
                let expected = format!("an axis of {:?}", x.shape());
                Err(refused("the axis", axis, &expected))
            }
            None => {
                let count = x.len();
                Ok((x.reshaped(&[count])?, 0))
            }
        }
    }
}

fn refused(what: &'static str, found: impl ToString, expected: &str) -> ComputeError {
    ComputeError::Element { what, found: found.to_string(), expected: expected.to_string() }
}

/// Copies elements of `size` bytes, one for each index of `shape`: element `from(index)` of
/// `source`, or `fill` where that gives none.
fn gather(
    made: &mut Tensor,
    source: &[u8],
    fill: &[u8],
    mut from: impl FnMut(&[usize]) -> Option<usize>,
) {
    let size = made.dtype().size();
    let shape = made.shape().to_vec();
    let mut index = vec![0; shape.len()];
    for place in made.bytes_mut().chunks_exact_mut(size) {
        let element = from(&index).and_then(|at| source.get(at * size..(at + 1) * size));
        place.copy_from_slice(element.unwrap_or(fill));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// The slices at `kept` along an axis.
fn take(
    inputs: &Inputs<'_>,
    x: &Tensor,
    axis: usize,
    kept: &[usize],
) -> Result<Tensor, ComputeError> {
    let mut shape = x.shape().to_vec();
    let [before, size, after] = crate::around(&shape, axis);
    shape[axis] = kept.len();
    let mut made = inputs.zeros(x.dtype(), &shape)?;
    if made.is_empty() {
        return Ok(made);
    }
    let block = after * x.dtype().size();
    let mut places = made.bytes_mut().chunks_exact_mut(block);
    for outer in 0..before {
        for (&at, place) in kept.iter().zip(&mut places) {
            place.copy_from_slice(&x.bytes()[(outer * size + at) * block..][..block]);
        }
    }
    Ok(made)
}
