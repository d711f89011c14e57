//! The activations of networks: element-wise functions with parameters.

use super::super::{Row, row};
use super::unary;
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::DType;
use tensor::scalar::{Binary, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    row("Relu", &[], |call| unary(call, Unary::Relu)),
    row("Sigmoid", &[], |call| unary(call, Unary::Sigmoid)),
    row("Tanh", &[], |call| unary(call, Unary::Tanh)),
    row("Softplus", &[], |call| unary(call, Unary::Softplus)),
    row("HardSwish", &[], |call| unary(call, Unary::HardSwish)),
    row("LeakyRelu", &["alpha"], leaky_relu),
    row("Elu", &["alpha"], elu),
    row("HardSigmoid", &["alpha", "beta"], hard_sigmoid),
    row("Gelu", &["approximate"], gelu),
    row("Swish", &["alpha"], swish),
    row("Softsign", &[], softsign),
    row("PRelu", &[], p_relu),
    row("Clip", &["min", "max"], clip),
];

// Relu, Sigmoid, Tanh, Softplus and HardSwish are `unary`:
// ONNX Relu-6,13,14, Sigmoid-6,13, Tanh-6,13, Softplus-1,22, HardSwish-14,22.

/// ONNX LeakyRelu-6,16.
fn leaky_relu(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(0.01);
    unary(call, Unary::LeakyRelu { alpha })
}

/// ONNX Elu-6,22.
fn elu(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(1.0);
    unary(call, Unary::Elu { alpha })
}

/// ONNX HardSigmoid-6,22.
fn hard_sigmoid(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(0.2);
    let beta = call.float("beta")?.unwrap_or(0.5);
    unary(call, Unary::HardSigmoid { alpha, beta })
}

/// ONNX Gelu-20.
fn gelu(call: &mut Call<'_>) -> Made {
    match call.text("approximate")?.unwrap_or("none") {
        "none" => unary(call, Unary::Gelu),
        "tanh" => unary(call, Unary::GeluTanh),
        other => Err(call.refuse("approximate", "none or tanh", other)),
    }
}

/// ONNX Swish-24: `x * sigmoid(alpha * x)`.
fn swish(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(1.0);
    if alpha == 1.0 {
        return unary(call, Unary::Silu);
    }
    let x = call.input(0)?;
    let factor = call.build.number(call.fact(0)?.dtype, f64::from(alpha))?;
    let scaled = call.build.binary(Binary::Mul, &x, &factor)?;
    let gate = call.build.unary(Unary::Sigmoid, &scaled)?;
    Ok(vec![call.build.binary(Binary::Mul, &x, &gate)?])
}

/// ONNX Softsign-1,22: `x / (1 + |x|)`.
fn softsign(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let size = call.build.unary(Unary::Abs, &x)?;
    let one = call.build.number(call.fact(0)?.dtype, 1.0)?;
    let divisor = call.build.binary(Binary::Add, &one, &size)?;
    Ok(vec![call.build.binary(Binary::Div, &x, &divisor)?])
}

/// ONNX PRelu-1,6,7,9,16: `x` where it is not negative, else `slope * x`.
fn p_relu(call: &mut Call<'_>) -> Made {
    let (x, slope) = (call.input(0)?, call.input(1)?);
    let dtype = call.fact(0)?.dtype;
    if let Some(slope) = slope.known()
        && let Ok(&[alpha]) = slope.as_slice::<f32>()
    {
        return unary(call, Unary::LeakyRelu { alpha });
    }
    let zero = call.build.number(dtype, 0.0)?;
    let is_negative = call.build.binary(Binary::Less, &x, &zero)?;
    let scaled = call.build.binary(Binary::Mul, &x, &slope)?;
    call.emit(Op::Select, &[&is_negative, &scaled, &x])
}

/// ONNX Clip-6,11,12,13. Accepted: bounds as attributes or inputs, either absent or computed.
fn clip(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let low = bound(call, 1, "min", dtype)?;
    let high = bound(call, 2, "max", dtype)?;
    let number = |bound: &Option<Operand>, absent: f32| match bound {
        None => Some(absent),
        Some(bound) => match bound.known()?.as_slice::<f32>() {
            Ok(&[value]) => Some(value),
            Ok(_) | Err(_) => None,
        },
    };
    if dtype == DType::F32
        && let Some(min) = number(&low, f32::NEG_INFINITY)
        && let Some(max) = number(&high, f32::INFINITY)
    {
        if low.is_none() && high.is_none() {
            return Ok(vec![x]);
        }
        return unary(call, Unary::Clip { min, max });
    }
    let mut made = x;
    for (function, bound) in [(Binary::Max, low), (Binary::Min, high)] {
        if let Some(bound) = bound {
            made = call.build.binary(function, &made, &bound)?;
        }
    }
    Ok(vec![made])
}

fn bound(
    call: &mut Call<'_>,
    index: usize,
    name: &str,
    dtype: DType,
) -> Result<Option<Operand>, Reason> {
    match call.float(name)? {
        Some(value) => call.build.number(dtype, f64::from(value)).map(Some),
        None => Ok(call.optional(index)),
    }
}
