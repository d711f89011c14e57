//! The operators. Each variant's rule stands in `ops/<family>.rs`, its naive twin under the same
//! path in `compile/reference`.

use operators::Operator;
use operators::dynamic::control::Iteration;
use serde::{Deserialize, Serialize};
use tensor::rule::Fact;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

/// What a node computes. The order of its inputs is given with each variant; `[…]` marks one
/// that may be absent. Broadcasting is the multidirectional one of ONNX and NumPy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `(x)`: the function of each element.
    Unary(Unary),
    /// `(a, b)`: the function of each pair, broadcasting.
    Binary(Binary),
    /// `(condition, a, b)`: `a` where the boolean condition holds, else `b`, broadcasting.
    Select,
    /// `(x)`: each element converted; out-of-range floats saturate, NaN becomes 0. What small types
    /// make of numbers that they do not have stands in [`tensor::small`].
    Cast(DType),
    /// `(x, scale, zero)`: `saturate(round(x / scale) + zero)` of f32 as `u8` or `i8`, ties to
    /// even; NaN becomes the least integer. Scale and zero point are one each, or vectors along an
    /// axis.
    Quantize {
        /// The integer type, which that of the zero point is too.
        dtype: DType,
        /// The axis that vectors run along.
        axis: usize,
    },
    /// `(x, scale, zero)`: `(x - zero) * scale` as f32, of integers of 8 or 4 bits. Scale and zero
    /// point are one each, or vectors along an axis.
    Dequantize {
        /// The axis that vectors run along.
        axis: usize,
    },

    /// `(x, weights, [bias])`: cross-correlation of `x[N, C, spatial…]` with
    /// `weights[O, C/groups, kernel…]`, plus `bias[O]`.
    Conv(Conv),
    /// `(a, b)`: matrix product over the last two axes, the leading ones broadcast; operands of
    /// rank 1 are a row on the left and a column on the right.
    MatMul,
    /// `(x)`: pooling over the spatial axes of `x[N, C, spatial…]`.
    Pool(Pool),

    /// `(x)`: one element made of all those along `axes`.
    Reduce {
        /// The function.
        reduction: Reduction,
        /// Axes to reduce, ascending.
        axes: Vec<usize>,
        /// Do the reduced axes stay, with size 1?
        keepdims: bool,
    },
    /// `(x)`: the `i64` index of the largest or smallest element along an axis.
    Arg(Arg),
    /// `(x)`: `e^x / sum(e^x)` along `axis`.
    Softmax {
        /// The axis that sums to one.
        axis: usize,
    },
    /// `(x)`: the logarithm of [`Op::Softmax`].
    LogSoftmax {
        /// The axis whose exponentials sum to one.
        axis: usize,
    },
    /// `(x, scale, [bias])`: `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the axes
    /// from `axis` to the last; `scale` and `bias` have the shape of those axes.
    LayerNorm {
        /// First normalized axis.
        axis: usize,
        /// Added to the variance.
        #[serde(with = "tensor::float_text")]
        epsilon: f32,
    },
    /// `(x)`: `x / (bias + alpha / size * sum(x^2 over size neighbouring channels))^beta`, the
    /// channels being axis 1.
    LocalResponseNorm {
        /// Channels in one sum.
        size: usize,
        /// Scale of the sum.
        #[serde(with = "tensor::float_text")]
        alpha: f32,
        /// Exponent.
        #[serde(with = "tensor::float_text")]
        beta: f32,
        /// Offset.
        #[serde(with = "tensor::float_text")]
        bias: f32,
    },

    /// `(x)`: the same elements under another shape.
    Reshape {
        /// The shape, with as many elements as the input has.
        shape: Vec<Dim>,
    },
    /// `(x)`: axis `i` of the result is axis `perm[i]` of the input.
    Transpose {
        /// A permutation of the axes.
        perm: Vec<usize>,
    },
    /// `(x)`: every `step`th element of a range of each listed axis.
    Slice {
        /// The cut axes; the others stay whole.
        axes: Vec<SliceAxis>,
    },
    /// `(x0, x1, …)`: the inputs one after another along `axis`.
    Concat {
        /// The axis along which sizes add up.
        axis: usize,
    },
    /// `(x)`: broadcast to `shape`.
    Expand {
        /// The shape, to which the input's shape broadcasts.
        shape: Vec<Dim>,
    },
    /// `(x, indices)`: slices of `x` along `axis`, picked by integer indices; negative ones count
    /// from the end.
    Gather {
        /// The axis that the indices replace.
        axis: usize,
    },
    /// `(x)`: elements added at both ends of each axis; a negative count removes elements.
    Pad {
        /// Elements before the first, for each axis.
        before: Vec<i64>,
        /// Elements after the last, for each axis.
        after: Vec<i64>,
        /// What the added elements are.
        mode: PadMode,
    },
    /// `()`: the sizes themselves, as an `i64` vector.
    Dimensions(Vec<Dim>),

    /// `(x[N, F], roots, thresholds, nodes, leaves, targets, weights, base[C])`: what the leaves of
    /// decision trees give that each row reaches, one of each tree, joined to `[N, C]`, `base`
    /// added. A number that no leaf counts for is 0.
    ///
    /// `roots` names the first node of each tree: node `i` by `i`, leaf `i` by `!i`. Of each node,
    /// `nodes` holds `[feature, yes, no]`: `yes` where the feature is at most the threshold, else
    /// `no`; a negative feature `!f` is `f` where `yes` is also taken when it is not a number. Both
    /// lie behind the node. Leaf `i` has the entries from `leaves[i]` to `leaves[i + 1]`, or where
    /// that is empty entry `i` alone: each a column of the result in `targets` and a number in
    /// `weights`. `x`, thresholds, weights and base are `f32` or `f64`, the rest `i32`.
    TreeEnsemble {
        /// How the numbers of several leaves are joined: by sum, mean over the trees, min or max.
        reduction: Reduction,
    },

    /// An operator that is computed as written, on whole tensors; it may make several values.
    Whole(Operator),

    /// An operator whose results have sizes that depend on elements, or that takes or makes what
    /// is no tensor of numbers.
    Dynamic(Dynamic),
    /// `(condition, captured…)`: what the first body makes of the captured values where the one
    /// boolean is true, else what the second one makes.
    If {
        /// Types and shapes of the results.
        made: Vec<Fact>,
    },
    /// `([trip count], [condition], state…, captured…)`: runs its body again and again.
    Loop(Loop),
}

/// Parameters of [`Op::Dynamic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dynamic {
    /// What is computed.
    pub operator: operators::Dynamic,
    /// Types and shapes of the results; sizes that are not known before it has run are symbols
    /// of its own, and have their values from then on.
    pub made: Vec<Fact>,
    /// Symbols that get the elements of the first result as their values, in order.
    pub elements: Vec<String>,
}

/// Parameters of [`Op::Loop`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loop {
    /// What is taken, made and passed on.
    pub iteration: Iteration,
    /// Types and shapes of the results.
    pub made: Vec<Fact>,
}

/// Parameters of [`Op::Conv`]; one entry for each spatial axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conv {
    /// Distance between windows, in elements.
    pub strides: Vec<usize>,
    /// Distance between taps of the kernel, in elements.
    pub dilations: Vec<usize>,
    /// Zeros before the first and after the last element.
    pub pads: Vec<(usize, usize)>,
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// Parameters of [`Op::Pool`]; one entry for each spatial axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// What becomes of the elements of a window.
    pub kind: PoolKind,
    /// Size of the window, in taps.
    pub kernel: Vec<usize>,
    /// Distance between windows, in elements.
    pub strides: Vec<usize>,
    /// Distance between taps, in elements.
    pub dilations: Vec<usize>,
    /// Padding before the first and after the last element.
    pub pads: Vec<(usize, usize)>,
    /// Does a last window that is not whole count?
    pub ceil_mode: bool,
}

/// What pooling computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest element; padding never wins.
    Max,
    /// The mean.
    Average {
        /// Does the padding count as zeros, or is it left out of the mean?
        count_include_pad: bool,
    },
}

/// Parameters of [`Op::Arg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Is the largest element sought, or the smallest?
    pub is_max: bool,
    /// The axis.
    pub axis: usize,
    /// Does the axis stay, with size 1?
    pub keepdims: bool,
    /// Of equal elements, is it the last one that counts, or the first?
    pub is_last: bool,
}

/// A range of one axis: elements `start, start + step, …`, `len` of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceAxis {
    /// Which axis.
    pub axis: usize,
    /// The first element; within the axis when `len` is not 0.
    pub start: Dim,
    /// How many elements.
    pub len: Dim,
    /// Distance between them; may be negative, never 0.
    pub step: i64,
}

/// What [`Op::Pad`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// This number, converted to the element type.
    Constant(#[serde(with = "tensor::float_text")] f64),
    /// The element at the edge.
    Edge,
    /// The elements mirrored at the edge, the edge itself not repeated.
    Reflect,
}

impl Op {
    /// The graphs that a node of this operator holds.
    pub const fn bodies(&self) -> usize {
        match self {
            Op::If { .. } => 2,
            Op::Loop(_) => 1,
            _ => 0,
        }
    }

    /// Does it run between the stages of a plan, on whole values?
    pub const fn is_staged(&self) -> bool {
        matches!(self, Op::Dynamic(_) | Op::If { .. } | Op::Loop(_))
    }

    /// The operator's name in the text form, in listings and in messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Unary(_) => "unary",
            Op::Binary(_) => "binary",
            Op::Select => "select",
            Op::Cast(_) => "cast",
            Op::Quantize { .. } => "quantize",
            Op::Dequantize { .. } => "dequantize",
            Op::Conv(_) => "conv",
            Op::MatMul => "mat_mul",
            Op::Pool(_) => "pool",
            Op::Reduce { .. } => "reduce",
            Op::Arg(_) => "arg",
            Op::Softmax { .. } => "softmax",
            Op::LogSoftmax { .. } => "log_softmax",
            Op::LayerNorm { .. } => "layer_norm",
            Op::LocalResponseNorm { .. } => "local_response_norm",
            Op::Reshape { .. } => "reshape",
            Op::Transpose { .. } => "transpose",
            Op::Slice { .. } => "slice",
            Op::Concat { .. } => "concat",
            Op::Expand { .. } => "expand",
            Op::Gather { .. } => "gather",
            Op::Pad { .. } => "pad",
            Op::Dimensions(_) => "dimensions",
            Op::TreeEnsemble { .. } => "tree_ensemble",
            Op::Whole(_) => "whole",
            Op::Dynamic(_) => "dynamic",
            Op::If { .. } => "if",
            Op::Loop(_) => "loop",
        }
    }
}
