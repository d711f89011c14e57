//! The scalar functions of the system, named once: the graph, the naive twin, the plan and the
//! kernels all speak of these. Nothing here computes.

use serde::{Deserialize, Serialize};

/// A function of one element.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unary {
    /// `|x|`
    Abs,
    /// `-x`
    Neg,
    /// `e^x`
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1 / x`
    Reciprocal,
    /// Rounded towards minus infinity.
    Floor,
    /// Rounded towards plus infinity.
    Ceil,
    /// Rounded to the nearest integer, halves to even.
    Round,
    /// -1, 0 or 1; NaN stays NaN.
    Sign,
    /// Gauss error function.
    Erf,
    /// Sine of an angle in radians.
    Sin,
    /// Cosine of an angle in radians.
    Cos,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `log(1 + e^x)`
    Softplus,
    /// `max(x, 0)`
    Relu,
    /// `x` for positive `x`, else `alpha * x`.
    LeakyRelu {
        /// Slope for negative elements.
        #[serde(with = "crate::float_text")]
        alpha: f32,
    },
    /// `x` for positive `x`, else `alpha * (e^x - 1)`.
    Elu {
        /// Scale of the negative side.
        #[serde(with = "crate::float_text")]
        alpha: f32,
    },
    /// `max(0, min(1, alpha * x + beta))`
    HardSigmoid {
        /// Slope.
        #[serde(with = "crate::float_text")]
        alpha: f32,
        /// Offset.
        #[serde(with = "crate::float_text")]
        beta: f32,
    },
    /// `x * max(0, min(1, x / 6 + 1/2))`
    HardSwish,
    /// `x * sigmoid(x)`
    Silu,
    /// `x / 2 * (1 + erf(x / sqrt(2)))`
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))`
    GeluTanh,
    /// `min(max(x, min), max)`
    Clip {
        /// Lower bound; minus infinity for none.
        #[serde(with = "crate::float_text")]
        min: f32,
        /// Upper bound; plus infinity for none.
        #[serde(with = "crate::float_text")]
        max: f32,
    },
    /// Boolean negation.
    Not,
    /// Is the element not a number? The result is boolean.
    IsNan,
}

/// A function of two elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binary {
    /// `a + b`; integers wrap.
    Add,
    /// `a - b`; integers wrap.
    Sub,
    /// `a * b`; integers wrap.
    Mul,
    /// `a / b`; integers round towards zero, a division of integers by zero gives 0.
    Div,
    /// `a` to the power of `b`.
    Pow,
    /// The larger; NaN if either is NaN.
    Max,
    /// The smaller; NaN if either is NaN.
    Min,
    /// `a - floor(a / b) * b`: the sign of the divisor, as in Python.
    Mod,
    /// `a - trunc(a / b) * b`: the sign of the dividend, as in C.
    Fmod,
    /// `a == b`, boolean.
    Equal,
    /// `a < b`, boolean.
    Less,
    /// `a <= b`, boolean.
    LessOrEqual,
    /// `a > b`, boolean.
    Greater,
    /// `a >= b`, boolean.
    GreaterOrEqual,
    /// Both, boolean.
    And,
    /// Either, boolean.
    Or,
    /// Exactly one, boolean.
    Xor,
}

impl Binary {
    /// Is the result boolean, whatever the operands are?
    pub const fn is_predicate(self) -> bool {
        match self {
            Binary::Equal
            | Binary::Less
            | Binary::LessOrEqual
            | Binary::Greater
            | Binary::GreaterOrEqual
            | Binary::And
            | Binary::Or
            | Binary::Xor => true,
            Binary::Add
            | Binary::Sub
            | Binary::Mul
            | Binary::Div
            | Binary::Pow
            | Binary::Max
            | Binary::Min
            | Binary::Mod
            | Binary::Fmod => false,
        }
    }
}

/// A function that makes one element of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Sum.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Largest element.
    Max,
    /// Smallest element.
    Min,
    /// Product.
    Prod,
    /// Sum of absolute values.
    L1,
    /// Square root of the sum of squares.
    L2,
    /// Sum of squares.
    SumSquare,
    /// Logarithm of the sum.
    LogSum,
    /// Logarithm of the sum of exponentials, computed without overflow.
    LogSumExp,
}
