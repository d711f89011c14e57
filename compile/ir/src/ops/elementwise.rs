//! Functions of single elements.

use crate::{Fact, RuleError};
use tensor::DType;
pub use tensor::rule::broadcast;
use tensor::rule::{exactly, require_type};
use tensor::scalar::{Binary, Unary};

/// The rule of [`crate::Op::Unary`].
pub fn unary(function: Unary, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    let dtype = match function {
        Unary::Not => {
            require_type(0, x, |d| d == DType::Bool, "bool")?;
            DType::Bool
        }
        Unary::IsNan => {
            require_type(0, x, DType::is_float, "a float type")?;
            DType::Bool
        }
        Unary::Abs | Unary::Neg | Unary::Sign | Unary::Relu => {
            require_type(0, x, DType::is_number, "a number type")?;
            x.dtype
        }
        Unary::Exp
        | Unary::Log
        | Unary::Sqrt
        | Unary::Reciprocal
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::Erf
        | Unary::Sin
        | Unary::Cos
        | Unary::Tanh
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::LeakyRelu { .. }
        | Unary::Elu { .. }
        | Unary::HardSigmoid { .. }
        | Unary::HardSwish
        | Unary::Silu
        | Unary::Gelu
        | Unary::GeluTanh
        | Unary::Clip { .. } => {
            require_type(0, x, DType::is_float, "a float type")?;
            x.dtype
        }
    };
    Ok(Fact { dtype, shape: x.shape.clone() })
}

/// The rule of [`crate::Op::Binary`].
pub fn binary(function: Binary, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [a, b] = exactly::<2>(inputs, "2")?;
    let is_logic = matches!(function, Binary::And | Binary::Or | Binary::Xor);
    if is_logic {
        require_type(0, a, |d| d == DType::Bool, "bool")?;
    } else {
        let is_equality = function == Binary::Equal;
        let is_taken = |d: DType| d.is_number() || is_equality && d == DType::Bool;
        require_type(0, a, is_taken, "a number type")?;
    }
    require_type(1, b, |d| d == a.dtype, a.dtype.name())?;
    let dtype = if function.is_predicate() { DType::Bool } else { a.dtype };
    Ok(Fact { dtype, shape: broadcast(&a.shape, &b.shape)? })
}

/// The rule of [`crate::Op::Select`].
pub fn select(inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [condition, a, b] = exactly::<3>(inputs, "3")?;
    require_type(0, condition, |d| d == DType::Bool, "bool")?;
    require_type(2, b, |d| d == a.dtype, a.dtype.name())?;
    let shape = broadcast(&condition.shape, &broadcast(&a.shape, &b.shape)?)?;
    Ok(Fact { dtype: a.dtype, shape })
}

/// The rule of [`crate::Op::Cast`].
pub fn cast(dtype: DType, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    Ok(Fact { dtype, shape: x.shape.clone() })
}
