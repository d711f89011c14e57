//! Activations, with what is added before them.

use super::super::{Row, microsoft};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use tensor::scalar::{Binary, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    microsoft("BiasAdd", &[], bias_add),
    microsoft("BiasGelu", &[], |call| biased(call, Unary::Gelu)),
    microsoft("FastGelu", &[], |call| biased(call, Unary::GeluTanh)),
    microsoft("Gelu", &[], |call| biased(call, Unary::Gelu)),
    microsoft("QuickGelu", &["alpha"], quick_gelu),
];

/// ONNX com.microsoft.BiasAdd-1: `x + bias + skip`.
fn bias_add(call: &mut Call<'_>) -> Made {
    let (x, bias, skip) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let sum = call.build.binary(Binary::Add, &x, &bias)?;
    Ok(vec![call.build.binary(Binary::Add, &sum, &skip)?])
}

/// ONNX com.microsoft.Gelu-1, com.microsoft.BiasGelu-1 and com.microsoft.FastGelu-1: of the sum
/// with the bias, where there is one.
fn biased(call: &mut Call<'_>, function: Unary) -> Made {
    let mut x = call.input(0)?;
    if let Some(bias) = call.optional(1) {
        x = call.build.binary(Binary::Add, &x, &bias)?;
    }
    Ok(vec![call.build.unary(function, &x)?])
}

/// ONNX com.microsoft.QuickGelu-1: `x * sigmoid(alpha * x)`.
fn quick_gelu(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let alpha = f64::from(call.float("alpha")?.unwrap_or(1.702));
    let alpha = call.build.number(dtype, alpha)?;
    let scaled = call.build.binary(Binary::Mul, &x, &alpha)?;
    let gate = call.build.unary(Unary::Sigmoid, &scaled)?;
    Ok(vec![call.build.binary(Binary::Mul, &x, &gate)?])
}

/// The function that the attribute `activation` names, with its parameters in order.
pub(super) fn activated(
    call: &mut Call<'_>,
    x: &Operand,
    parameters: &[f32],
) -> Result<Operand, Reason> {
    let parameter = |at: usize, default: f32| parameters.get(at).copied().unwrap_or(default);
    let name = call.text("activation")?.unwrap_or("").to_string();
    let function = match name.as_str() {
        "" => return Ok(x.clone()),
        "Relu" => Unary::Relu,
        "Tanh" => Unary::Tanh,
        "Sigmoid" => Unary::Sigmoid,
        "Softplus" => Unary::Softplus,
        "HardSwish" => Unary::HardSwish,
        "LeakyRelu" => Unary::LeakyRelu { alpha: parameter(0, 0.01) },
        "Elu" => Unary::Elu { alpha: parameter(0, 1.0) },
        "Clip" => {
            Unary::Clip { min: parameter(0, f32::NEG_INFINITY), max: parameter(1, f32::INFINITY) }
        }
        "HardSigmoid" => Unary::HardSigmoid { alpha: parameter(0, 0.2), beta: parameter(1, 0.5) },
        other => {
            let expected = "Relu, Tanh, Sigmoid, Softplus, HardSwish, LeakyRelu, Elu, Clip or \
                            HardSigmoid";
            return Err(call.refuse("activation", expected, other));
        }
    };
    call.build.unary(function, x)
}
