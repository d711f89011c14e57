//! Operators that are computed as written, on whole tensors, by loops that are obviously right:
//! those that models use too seldom, or that take too little of the time, to have kernels.
//!
//! Each has one file with its parameters, its rule (types and shapes of what it makes, where
//! sizes may be symbolic) and its computation. The naive twin and the engine run the same
//! computation; what holds it to the standard are the ONNX project's node tests. An operator that
//! turns out to take time gets a kernel and a variant of `ir::Op` and leaves this crate.
//!
//! ```
//! use operators::{Operator, cumulative::Cumulative};
//! use tensor::Tensor;
//!
//! let sum = Cumulative { is_exclusive: false, is_reverse: false, is_product: false };
//! let x = Tensor::from_slice(&[3], &[1.0f32, 2.0, 4.0]).unwrap();
//! let axis = Tensor::scalar(0i64);
//! let made = Operator::from(sum).evaluate(&[x.view(), axis.view()]).unwrap();
//! assert_eq!(made[0].as_slice::<f32>().unwrap(), [1.0, 3.0, 7.0]);
//! ```
#![forbid(unsafe_code)]

pub mod bitwise;
pub mod conv_transpose;
pub mod cumulative;
pub mod function;
pub mod gather_elements;
pub mod gather_nd;
pub mod negative_log_likelihood;
pub mod numbers;
pub mod one_hot;
pub mod recurrent;
pub mod resize;
pub mod scatter_elements;
pub mod scatter_nd;
pub mod top_k;
pub mod tree_ensemble;
pub mod trilu;

use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError};
use tensor::{Bindings, Dim, DimError, Tensor, TensorError, View, ViewMut};

/// What every operator gives.
trait Compute: Clone {
    /// Types and shapes of what is made of such inputs; at least one.
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError>;

    /// Computes the outputs, whose types and shapes are those of the rule.
    fn compute(&self, inputs: &[View<'_>], outputs: &mut [ViewMut<'_>])
    -> Result<(), ComputeError>;

    /// The operator with every symbolic size of its parameters evaluated.
    fn bind(&self, _sizes: &Bindings) -> Result<Self, DimError> {
        Ok(self.clone())
    }
}

/// Why an operator gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// The inputs break the operator's rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// An index points outside its axis.
    #[error("index {index} is outside an axis of {size} elements")]
    Index {
        /// The index.
        index: i128,
        /// Elements on the axis.
        size: usize,
    },
    /// The elements of an input are none that the operator takes.
    #[error("{what} is {found}, expected {expected}")]
    Element {
        /// What the element says.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        expected: String,
    },
    /// The result could not be made.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// The table of operators: `Variant: module, what it is`.
macro_rules! operators {
    ($($variant:ident: $module:ident, $doc:literal;)*) => {
        /// One of the operators, with its parameters.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Operator {
            $(#[doc = $doc] $variant($module::$variant),)*
        }

        $(impl From<$module::$variant> for Operator {
            fn from(operator: $module::$variant) -> Operator {
                Operator::$variant(operator)
            }
        })*

        impl Operator {
            /// The operator's name in listings.
            pub const fn name(&self) -> &'static str {
                match self { $(Operator::$variant(_) => stringify!($variant),)* }
            }

            /// Types and shapes of what is made of such inputs.
            pub fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
                match self { $(Operator::$variant(operator) => operator.infer(inputs),)* }
            }

            /// The operator with every symbolic size of its parameters evaluated.
            pub fn bind(&self, sizes: &Bindings) -> Result<Operator, DimError> {
                match self {
                    $(Operator::$variant(operator) => operator.bind(sizes).map(Operator::from),)*
                }
            }

            /// Computes the outputs, whose types and shapes have to be those of the rule.
            pub fn compute(
                &self,
                inputs: &[View<'_>],
                outputs: &mut [ViewMut<'_>],
            ) -> Result<(), ComputeError> {
                match self {
                    $(Operator::$variant(operator) => operator.compute(inputs, outputs),)*
                }
            }
        }
    };
}

operators! {
    Bitwise: bitwise, "`(a, b)`: a function of the bits of each pair, broadcasting.";
    ConvTranspose: conv_transpose, "`(x, weights, [bias])`: transposed convolution.";
    Cumulative: cumulative, "`(x, axis)`: running sums or products.";
    Function: function, "`(x)`: a seldom function of each element.";
    GatherElements: gather_elements, "`(x, indices)`: one element for each index along an axis.";
    GatherNd: gather_nd, "`(x, indices)`: slices picked by index tuples.";
    NegativeLogLikelihood: negative_log_likelihood, "`(x, target, [weights])`: a loss.";
    OneHot: one_hot, "`(indices, values)`: an axis that is on at an index and off elsewhere.";
    Recurrent: recurrent, "`(x, w, r, …)`: layers that pass a state on from step to step.";
    Resize: resize, "`(x, [roi])`: interpolation to another size.";
    ScatterElements: scatter_elements, "`(x, indices, updates)`: elements replaced by index.";
    ScatterNd: scatter_nd, "`(x, indices, updates)`: slices replaced by index tuples.";
    TopK: top_k, "`(x)`: the largest or smallest elements along an axis, and their indices.";
    TreeEnsemble: tree_ensemble, "`(x, nodes, thresholds, …)`: sums over decision trees.";
    Trilu: trilu, "`(x, [k])`: the upper or lower triangle of matrices.";
}

impl Operator {
    /// What is made of these inputs; symbols among the parameters have to be bound.
    pub fn evaluate(&self, inputs: &[View<'_>]) -> Result<Vec<Tensor>, ComputeError> {
        let facts: Vec<Fact> = inputs.iter().map(fact_of).collect();
        let made = self.infer(&facts)?;
        let zeros = made.into_iter().map(|fact| {
            let sizes: Vec<usize> = fact
                .shape
                .iter()
                .map(|dim| dim.known_size().ok_or_else(|| unknown(dim)))
                .collect::<Result<_, _>>()?;
            Ok(Tensor::zeros(fact.dtype, &sizes)?)
        });
        let mut made: Vec<Tensor> = zeros.collect::<Result<_, ComputeError>>()?;
        let mut outputs: Vec<ViewMut<'_>> = made.iter_mut().map(Tensor::view_mut).collect();
        self.compute(inputs, &mut outputs)?;
        drop(outputs);
        Ok(made)
    }
}

fn unknown(dim: &Dim) -> ComputeError {
    let (found, expected) = (dim.to_string(), "a size".to_string());
    ComputeError::Element { what: "a dimension of the result", found, expected }
}

/// Type and shape of a tensor.
pub fn fact_of(x: &View<'_>) -> Fact {
    Fact { dtype: x.dtype, shape: x.shape.iter().map(|&size| Dim::from(size)).collect() }
}

/// The place that `index` names on an axis of `size` elements, counted from the end when it is
/// negative.
fn place(index: i128, size: usize) -> Result<usize, ComputeError> {
    let from_start = if index < 0 { index + size as i128 } else { index };
    let place = usize::try_from(from_start).ok().filter(|&place| place < size);
    place.ok_or(ComputeError::Index { index, size })
}

/// Products of the sizes before an axis, on it and after it.
fn around(shape: &[usize], axis: usize) -> [usize; 3] {
    let count = |sizes: &[usize]| sizes.iter().product::<usize>();
    [count(&shape[..axis]), shape[axis], count(&shape[axis + 1..])]
}

/// Requires indices to be `i32` or `i64`.
fn require_indices(input: usize, fact: &Fact) -> Result<(), RuleError> {
    use tensor::DType::{I32, I64};
    tensor::rule::require_type(input, fact, |d| matches!(d, I32 | I64), "i32 or i64")
}
