//! What a step does. Each operation is carried out by one family of kernels.

use crate::{Body, Precision};
use operators::Operator;
use operators::dynamic::control::Iteration;
use operators::resize::Resize;
use serde::{Deserialize, Serialize};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

/// What a step does, with the order of its inputs; `[…]` marks one that may be absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// `(a, packed, [scales], [bias], [residual])`: rows of `a` times packed weights.
    MatMul(MatMul),
    /// `(a, b)`: products of matrices that are both made at run time, or are not of f32.
    BatchMatMul(BatchMatMul),
    /// `(x[N,H,W,C], packed, [scales], [bias], [residual])`: convolution to `[N,H,W,O]`. In f64,
    /// the weights are `[O,KH,KW,C/groups]`, and there is neither residual nor activation.
    Convolution(Convolution),
    /// `(x[N,H,W,C], packed, [bias], [residual])`: convolution by kernels of 3x3 without strides,
    /// dilations and groups to `[N,H,W,O]`, with weights that are transformed for tiles of output
    /// pixels and multiply less often.
    Winograd {
        /// The tiles that the weights are transformed for.
        tile: WinogradTile,
        /// As of any convolution.
        convolution: Convolution,
    },
    /// `(x[N,H,W,C], weights[taps][C], [scales], [bias], [residual])`: each channel with its own
    /// kernel.
    Depthwise(Convolution),
    /// `(x[N,H,W,C], then of each stage its packed weights, [bias])`, at the end `[residual]`:
    /// convolutions of which each takes what the one before it gives. What lies between them is
    /// never whole in memory.
    Chain(Vec<ChainStage>),
    /// `(x[N,H,W,C])`: pooling to `[N,H,W,C]`.
    Pool(Pool),
    /// `(x[N,H,W,C])`: rows and columns, axes 1 and 2, interpolated to another number of them.
    Resize(Resize),
    /// `(x)`: a function of each element.
    Unary(Unary),
    /// `(a, b)`: a function of each pair, broadcasting.
    Binary(Binary),
    /// `(condition, a, b)`: one of two, broadcasting.
    Select,
    /// `(x)`: each element converted to the output's type.
    Cast,
    /// `(x, scale, zero)`: f32 as integers of 8 bits that stand for them:
    /// `saturate(round(x / scale) + zero)`.
    Quantize {
        /// The axis that vectors of scales and zero points run along.
        axis: usize,
    },
    /// `(x, scale, zero)`: what integers of 8 bits stand for: `(x - zero) * scale`.
    Dequantize {
        /// The axis that vectors of scales and zero points run along.
        axis: usize,
    },
    /// `(a, b)`: bytes that stand for the sum of two values of bytes.
    ByteSum(ByteSum),
    /// `(x)`: `axes` adjacent axes from `axis` made one element.
    Reduce {
        /// The function.
        reduction: Reduction,
        /// First of the reduced axes.
        axis: usize,
        /// How many adjacent axes are reduced.
        axes: usize,
    },
    /// `(x)`: index of the largest or smallest element along an axis, as `i64`.
    Arg {
        /// Is the largest sought, or the smallest?
        is_max: bool,
        /// The axis.
        axis: usize,
        /// Of equal elements, is it the last that counts, or the first?
        is_last: bool,
    },
    /// `(x)`: softmax along an axis, or its logarithm.
    Softmax {
        /// The axis.
        axis: usize,
        /// Is the logarithm wanted?
        is_log: bool,
    },
    /// `(x, scale, [bias])`: normalization of the axes from `axis` to the last.
    LayerNorm {
        /// First normalized axis.
        axis: usize,
        /// Added to the variance.
        epsilon: f32,
    },
    /// `(x)`: local response normalization over the last axis.
    LocalResponseNorm {
        /// Channels in one sum.
        size: usize,
        /// Scale of the sum.
        alpha: f32,
        /// Exponent.
        beta: f32,
        /// Offset.
        bias: f32,
    },
    /// `(x)`: elements copied from one strided view to another. Several copies may fill one
    /// output.
    Copy(Copy),
    /// `()`: every byte group of the output set to these bytes, one element long.
    Fill(Vec<u8>),
    /// `(x, indices)`: slices of `x` along `axis`.
    Gather {
        /// The axis that the indices replace.
        axis: usize,
    },
    /// `()`: the sizes themselves, as `i64`.
    Dimensions(Vec<Dim>),
    /// `(query, key, value, [mask])`: `softmax(scale * query key + mask) value`.
    Attention(Attention),
    /// `(x[N, F], roots, thresholds, nodes, leaves, targets, weights, base[C])`: what the leaves of
    /// decision trees give that each row reaches, joined to `[N, C]`; the tables are those of
    /// `kernels::trees::Forest`.
    TreeEnsemble {
        /// How the numbers of several leaves are joined.
        reduction: Reduction,
    },
    /// An operator that is computed as written, on whole tensors.
    Whole(Operator),
    /// An operator that runs between stages; the elements of its first output become the values
    /// of the symbols.
    Dynamic {
        /// What is computed.
        operator: operators::Dynamic,
        /// The symbols, which may be none.
        elements: Vec<String>,
    },
    /// `(condition, captured…)`: the first body where the one boolean is true, else the second;
    /// both take the captured values. Runs between stages.
    If([Body; 2]),
    /// `([trip count], [condition], state…, captured…)`: a body again and again. Runs between
    /// stages.
    Loop(Loop),
}

/// Parameters of [`Operation::Loop`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loop {
    /// What is taken, made and passed on.
    pub iteration: Iteration,
    /// What an iteration does.
    pub body: Body,
}

/// What is done to each element of a product before it is stored:
/// `activation(sum + bias + residual)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Epilogue {
    /// Is there an input with one element for each output channel?
    pub has_bias: bool,
    /// Is there an input of the output's shape?
    pub has_residual: bool,
    /// A function of the sum.
    pub activation: Option<Unary>,
    /// Of a product of integers of 8 bits, `u8` by `i8`: there is an input of f32 in front of bias
    /// and residual then, one factor of the sums for each output channel.
    pub integers: Option<Integers>,
}

/// How a product of integers treats those beside its sums. Sums are exact. Where the result is
/// bytes, factors, bias and bounds are in their steps already.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Integers {
    /// The byte of the left operand that stands for zero. A convolution by depths subtracts it from
    /// what it reads; in all others it is part of the bias, and what padding is made of.
    pub zero: u8,
    /// Factor of the residual.
    pub residual_scale: f32,
    /// Of a sum that is bytes of its own before the residual is added.
    pub rounding: Option<Rounding>,
    /// Factor and offset of what becomes bytes behind an activation that is more than bounds.
    pub steps: Option<(f32, f32)>,
}

/// What a sum `y` becomes that is rounded to bytes and counts as what they stand for:
/// `round(clamp(y)) * factor + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rounding {
    /// The least and the greatest byte.
    pub bounds: [f32; 2],
    /// From its steps to those of the result.
    pub factor: f32,
    /// Added last.
    pub offset: f32,
}

impl Epilogue {
    /// Inputs that it takes.
    pub const fn operands(&self) -> usize {
        self.integers.is_some() as usize + self.has_bias as usize + self.has_residual as usize
    }

    /// Where the bias stands among the inputs of a step whose weights are input `weights`, if it
    /// has one.
    pub const fn bias_at(&self, weights: usize) -> usize {
        weights + 1 + self.integers.is_some() as usize
    }

    /// Where the residual stands, as [`Epilogue::bias_at`].
    pub const fn residual_at(&self, weights: usize) -> usize {
        self.bias_at(weights) + self.has_bias as usize
    }
}

/// Parameters of [`Operation::ByteSum`]: `round(clamp(a * factors[0] + b * factors[1] + offset))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ByteSum {
    /// Of the parts.
    pub factors: [f32; 2],
    /// Added last.
    pub offset: f32,
    /// The least and the greatest result, before it is rounded.
    pub bounds: [f32; 2],
}

/// Parameters of [`Operation::MatMul`]: `a[rows, k] × b[k, n]`; `b` is packed in panels of 16
/// columns, zero-filled: `[ceil(n / 16)][k][16]` of f32, `[ceil(n / 16)][ceil(k / 2)][16][2]` of
/// bf16, to which `a` is rounded then, or `[ceil(n / 16)][ceil(k / 4)][16][4]` of `i8`, beside
/// bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatMul {
    /// Size of the inner axis.
    pub k: usize,
    /// Columns of the product.
    pub n: usize,
    /// What is done to each element.
    pub epilogue: Epilogue,
}

/// Parameters of [`Operation::BatchMatMul`]: `a[batch…, m, k] × b[batch…, k, n]`, each operand a
/// view of its buffer, so that transposes and broadcasts cost nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchMatMul {
    /// Sizes of the batch axes.
    pub batch: Vec<Dim>,
    /// Rows of the product.
    pub m: Dim,
    /// Size of the inner axis.
    pub k: Dim,
    /// Columns of the product.
    pub n: Dim,
    /// Strides of `a` along `batch…, m, k`.
    pub a: View,
    /// Strides of `b` along `batch…, k, n`.
    pub b: View,
}

/// Parameters of [`Operation::Attention`]; each operand and the result is a view of its buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Sizes of the batch axes.
    pub batch: Vec<Dim>,
    /// Rows of the queries and of the result.
    pub rows: Dim,
    /// Keys, and values.
    pub keys: Dim,
    /// Elements of a query and of a key.
    pub depth: Dim,
    /// Elements of a value and of a row of the result.
    pub width: Dim,
    /// Factor of the products.
    pub scale: f32,
    /// What the products multiply.
    pub precision: Precision,
    /// Strides along `batch…, rows, depth`, the last one 1.
    pub query: View,
    /// Strides along `batch…, depth, keys`.
    pub key: View,
    /// Strides along `batch…, keys, width`.
    pub value: View,
    /// Strides along `batch…, rows, keys`, the last one 1.
    pub mask: Option<View>,
    /// Strides along `batch…, rows, width`, the last one 1.
    pub output: View,
}

/// Parameters of [`Operation::Convolution`] and its other forms. Sizes of image and
/// channels are those of the buffers.
///
/// Packed weights are `[group][panel of 16 outputs][tap][C/groups][16]` of f32, the last panel of
/// each group zero-filled, `[group][panel][run][ceil(k / 2)][16][2]` of bf16, or with 4 in place of
/// 2 of `i8`: `k` products of a tap, or of a row of taps. Those by depths are f32. They are a
/// constant, or made at run time by a fill and copies in front of the convolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convolution {
    /// Taps: height, width.
    pub kernel: [usize; 2],
    /// Distance between windows: height, width.
    pub strides: [usize; 2],
    /// Distance between taps: height, width.
    pub dilations: [usize; 2],
    /// Zeros around the image: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// What is done to each element.
    pub epilogue: Epilogue,
}

/// One convolution of [`Operation::Chain`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainStage {
    /// As of [`Operation::Depthwise`], or as of [`Operation::Convolution`]?
    pub is_depthwise: bool,
    /// Its parameters; only the last stage may have a residual.
    pub convolution: Convolution,
    /// What it gives: `[N, H, W, O]`; for the last stage that is the shape of the output.
    pub output: Vec<Dim>,
    /// The type of what it gives, f32 or bf16; for the last stage that of the output.
    pub dtype: DType,
}

impl ChainStage {
    /// Inputs that are its own: not what it takes from the stage before.
    pub const fn operands(&self) -> usize {
        self.convolution.epilogue.operands() + 1
    }
}

/// Output pixels that [`Operation::Winograd`] makes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WinogradTile {
    /// 2x2, with weights of 4x4.
    Two,
    /// 4x4, with weights of 6x6.
    Four,
}

/// Parameters of [`Operation::Pool`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// What becomes of the elements of a window.
    pub kind: PoolKind,
    /// Taps: height, width.
    pub kernel: [usize; 2],
    /// Distance between windows: height, width.
    pub strides: [usize; 2],
    /// Distance between taps: height, width.
    pub dilations: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
}

/// What pooling computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolKind {
    /// The largest element.
    Max,
    /// The mean.
    Average {
        /// Does the padding count as zeros?
        count_include_pad: bool,
    },
}

/// Parameters of [`Operation::Copy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// Sizes of the copied block.
    pub extents: Vec<Dim>,
    /// Where it is read.
    pub from: View,
    /// Where it is written.
    pub to: View,
}

/// A strided view of a buffer, in elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The first element.
    pub offset: Dim,
    /// Distance between neighbours along each axis; 0 repeats, negative goes backwards.
    pub strides: Vec<Dim>,
}

impl Operation {
    /// The operation's name in listings.
    pub const fn name(&self) -> &'static str {
        match self {
            Operation::MatMul(_) => "mat_mul",
            Operation::BatchMatMul(_) => "batch_mat_mul",
            Operation::Convolution(_) => "convolution",
            Operation::Winograd { .. } => "winograd",
            Operation::Depthwise(_) => "depthwise",
            Operation::Chain(_) => "chain",
            Operation::Pool(_) => "pool",
            Operation::Resize(_) => "resize",
            Operation::Unary(_) => "unary",
            Operation::Binary(_) => "binary",
            Operation::Select => "select",
            Operation::Cast => "cast",
            Operation::Quantize { .. } => "quantize",
            Operation::Dequantize { .. } => "dequantize",
            Operation::ByteSum(_) => "byte_sum",
            Operation::Reduce { .. } => "reduce",
            Operation::Arg { .. } => "arg",
            Operation::Softmax { .. } => "softmax",
            Operation::LayerNorm { .. } => "layer_norm",
            Operation::LocalResponseNorm { .. } => "local_response_norm",
            Operation::Copy(_) => "copy",
            Operation::Fill(_) => "fill",
            Operation::Gather { .. } => "gather",
            Operation::Dimensions(_) => "dimensions",
            Operation::TreeEnsemble { .. } => "tree_ensemble",
            Operation::Whole(operator) => operator.name(),
            Operation::Attention(_) => "attention",
            Operation::Dynamic { operator, .. } => operator.name(),
            Operation::If(_) => "if",
            Operation::Loop(_) => "loop",
        }
    }

    /// Does it run between stages, on whole values?
    pub const fn is_staged(&self) -> bool {
        matches!(self, Operation::Dynamic { .. } | Operation::If(_) | Operation::Loop(_))
    }

    /// The plans that it runs.
    pub fn bodies(&self) -> &[Body] {
        match self {
            Operation::If(bodies) => bodies,
            Operation::Loop(p) => std::slice::from_ref(&p.body),
            _ => &[],
        }
    }

    /// The plans that it runs, to be changed.
    pub fn bodies_mut(&mut self) -> &mut [Body] {
        match self {
            Operation::If(bodies) => bodies,
            Operation::Loop(p) => std::slice::from_mut(&mut p.body),
            _ => &mut [],
        }
    }

    /// The fewest and the most inputs that it takes.
    pub fn arity(&self) -> (usize, usize) {
        match self {
            Operation::MatMul(MatMul { epilogue, .. })
            | Operation::Convolution(Convolution { epilogue, .. })
            | Operation::Winograd { convolution: Convolution { epilogue, .. }, .. }
            | Operation::Depthwise(Convolution { epilogue, .. }) => {
                let inputs = 2 + epilogue.operands();
                (inputs, inputs)
            }
            Operation::Chain(stages) => {
                let inputs = 1 + stages.iter().map(ChainStage::operands).sum::<usize>();
                (inputs, inputs)
            }
            Operation::BatchMatMul(_)
            | Operation::Binary(_)
            | Operation::ByteSum(_)
            | Operation::Gather { .. } => (2, 2),
            Operation::Select | Operation::Quantize { .. } | Operation::Dequantize { .. } => (3, 3),
            Operation::Attention(p) => {
                let inputs = 3 + usize::from(p.mask.is_some());
                (inputs, inputs)
            }
            Operation::LayerNorm { .. } => (2, 3),
            Operation::TreeEnsemble { .. } => (8, 8),
            Operation::Fill(_) | Operation::Dimensions(_) => (0, 0),
            // Its rule says when the plan is bound, or it says itself when it runs.
            Operation::Whole(_) | Operation::Dynamic { .. } => (0, usize::MAX),
            Operation::If(_) => (1, usize::MAX),
            Operation::Loop(p) => {
                (p.iteration.own_inputs().saturating_add(p.iteration.states), usize::MAX)
            }
            Operation::Pool(_)
            | Operation::Resize(_)
            | Operation::Unary(_)
            | Operation::Cast
            | Operation::Reduce { .. }
            | Operation::Arg { .. }
            | Operation::Softmax { .. }
            | Operation::LocalResponseNorm { .. }
            | Operation::Copy(_) => (1, 1),
        }
    }
}
