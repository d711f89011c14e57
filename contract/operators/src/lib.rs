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

pub mod affine_grid;
pub mod bit_cast;
pub mod bitwise;
pub mod box_detection;
pub mod box_proposal;
pub mod box_suppression;
mod boxes;
mod broadcasting;
pub mod center_crop_pad;
pub mod col2im;
pub mod conv_transpose;
pub mod convert;
pub mod cumulative;
pub mod deform_columns;
pub mod determinant;
pub mod dft;
pub mod dynamic;
pub mod dynamic_range;
pub mod einsum;
mod fourier;
pub mod function;
pub mod gather_elements;
pub mod gather_nd;
pub mod grid_sample;
pub mod integer_convolution;
pub mod integer_product;
mod interpolation;
pub mod linear_attention;
pub mod lookup;
pub mod max_indices;
pub mod mel_weights;
pub mod negative_log_likelihood;
pub mod numbers;
pub mod one_hot;
pub mod random;
pub mod range;
mod real;
pub mod recurrent;
pub mod require;
pub mod resize;
pub mod roi_align;
pub mod roi_pool;
pub mod scatter_elements;
pub mod scatter_nd;
mod sliding;
pub mod squared_distance;
pub mod stft;
pub mod support_vector_classifier;
pub mod tf_idf;
pub mod top_k;
pub mod trilu;
pub mod window;

pub use dynamic::Dynamic;

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
    /// The result would be larger than it may be.
    #[error("a result of {needed} bytes, the limit is {limit}")]
    Memory {
        /// What it would take.
        needed: usize,
        /// What it may take.
        limit: usize,
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
                // Beside a size of zero others may be beyond all bounds.
                if outputs.iter().all(ViewMut::is_empty) {
                    return Ok(());
                }
                match self {
                    $(Operator::$variant(operator) => operator.compute(inputs, outputs),)*
                }
            }
        }
    };
}

operators! {
    AffineGrid: affine_grid, "`(theta)`: where to sample a moved image.";
    BitCast: bit_cast, "`(x)`: the same bits as elements of another type.";
    Bitwise: bitwise, "`(a, b)`: a function of the bits of each pair, broadcasting.";
    BoxDetection: box_detection, "`(probabilities, moves, anchors)`: what lies where in an image.";
    BoxProposal: box_proposal, "`(probabilities, moves, images)`: where something may be.";
    BoxSuppression: box_suppression, "`(x)`: boxes by score, without those that overlap.";
    CenterCropPad: center_crop_pad, "`(x)`: axes cut or filled up about their middle.";
    Col2Im: col2im, "`(x)`: an image as the sum of windows over it.";
    ConvTranspose: conv_transpose, "`(x, weights, [bias])`: transposed convolution.";
    Convert: convert, "`(x)`: each element converted to a small type, as told.";
    Cumulative: cumulative, "`(x, axis)`: running sums or products.";
    DeformColumns: deform_columns, "`(x, offsets, [mask])`: windows whose taps are moved.";
    Determinant: determinant, "`(x)`: the determinants of matrices.";
    Dft: dft, "`(x, [axis])`: the discrete Fourier transform along an axis.";
    DynamicRange: dynamic_range, "`(x)`: scale and zero point of bytes that span the elements.";
    Einsum: einsum, "`(x0, x1, …)`: sums of products over labeled axes.";
    Function: function, "`(x)`: a seldom function of each element.";
    GatherElements: gather_elements, "`(x, indices)`: one element for each index along an axis.";
    GatherNd: gather_nd, "`(x, indices)`: slices picked by index tuples.";
    GridSample: grid_sample, "`(x, grid)`: images read where a grid says.";
    IntegerConvolution: integer_convolution,
        "`(x, weights, x_zero, weights_zero)`: convolution of bytes.";
    IntegerProduct: integer_product, "`(a, b, a_zero, b_zero)`: matrix products of bytes.";
    LinearAttention: linear_attention, "`(query, key, value, …)`: attention by a running state.";
    Lookup: lookup, "`(x, keys, values)`: the value of the key that each element equals.";
    MaxIndices: max_indices, "`(x)`: where the largest element of each window lies.";
    MelWeights: mel_weights, "`(sample_rate, lower, upper)`: the matrix to the mel scale.";
    NegativeLogLikelihood: negative_log_likelihood, "`(x, target, [weights])`: a loss.";
    OneHot: one_hot, "`(indices, values)`: an axis that is on at an index and off elsewhere.";
    Random: random, "`(x)`: numbers by chance, in the shape of `x`.";
    Range: range, "`(start, delta)`: numbers in equal steps.";
    Recurrent: recurrent, "`(x, r, …)`: layers that pass a state on from step to step.";
    Require: require, "`(x)`: what is right only where two sizes are equal.";
    Resize: resize, "`(x, [roi])`: interpolation to another size.";
    RoiAlign: roi_align, "`(x, boxes, images)`: what lies in boxes, in one size.";
    RoiPool: roi_pool, "`(x, boxes)`: the largest elements of parts of boxes.";
    ScatterElements: scatter_elements, "`(x, indices, updates)`: elements replaced by index.";
    ScatterNd: scatter_nd, "`(x, indices, updates)`: slices replaced by index tuples.";
    SquaredDistance: squared_distance, "`(a, b)`: of each pair of rows.";
    Stft: stft, "`(signal, [window])`: Fourier transforms of parts of a signal.";
    SupportVectorClassifier: support_vector_classifier,
        "`(kernels, coefficients, rho, [a, b])`: the winner of duels between classes.";
    TfIdf: tf_idf, "`(x)`: how often each known sequence is in a row.";
    TopK: top_k, "`(x)`: the largest or smallest elements along an axis, and their indices.";
    Trilu: trilu, "`(x, [k])`: the upper or lower triangle of matrices.";
    Window: window, "`()`: the weights of a part of a signal.";
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

/// Sizes with every symbol evaluated.
fn bound(dims: &[Dim], sizes: &Bindings) -> Result<Vec<Dim>, DimError> {
    dims.iter().map(|dim| dim.evaluate(sizes).map(Dim::from)).collect()
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
