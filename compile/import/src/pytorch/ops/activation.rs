//! The activations of networks.

use super::super::call::{Call, Made};
use super::elementwise::float;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{self, with};
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::{Binary, Unary};

pub(super) const ROWS: &[Row] = &[
    row("relu", "self|input", |call| unary(call, Unary::Relu)),
    row("relu6", "self|input", |call| unary(call, Unary::Clip { min: 0.0, max: 6.0 })),
    row("sigmoid", "self", |call| unary(call, Unary::Sigmoid)),
    row("tanh", "self", |call| unary(call, Unary::Tanh)),
    row("silu", "self|input", |call| unary(call, Unary::Silu)),
    row("hardswish", "self", |call| unary(call, Unary::HardSwish)),
    row("hardsigmoid", "self", |call| {
        unary(call, Unary::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
    }),
    row("hardtanh", "self|input min_val max_val", |call| {
        let (min, max) = (call.float(1, -1.0)? as f32, call.float(2, 1.0)? as f32);
        unary(call, Unary::Clip { min, max })
    }),
    row("gelu", "self|input approximate", gelu),
    row("leaky_relu", "self|input negative_slope", |call| {
        let alpha = call.float(1, 0.01)? as f32;
        unary(call, Unary::LeakyRelu { alpha })
    }),
    row("rrelu", "self lower upper training", |call| {
        let slope = (call.float(1, 0.125)? + call.float(2, 1.0 / 3.0)?) / 2.0;
        if call.flag(3, false)? {
            return Err(call.refuse(3, "inference"));
        }
        unary(call, Unary::LeakyRelu { alpha: slope as f32 })
    }),
    row("elu", "self|input alpha scale input_scale", elu),
    row("selu", "self|input", selu),
    row("celu", "self|input alpha", celu),
    row("softplus", "self beta threshold", softplus),
    row("softsign", "self|input", softsign),
    row("softshrink", "self lambd", |call| shrink(call, true)),
    row("hardshrink", "self lambd", |call| shrink(call, false)),
    row("tanhshrink", "self|input", |call| {
        let x = float(call, 0)?;
        let made = call.build.unary(Unary::Tanh, &x)?;
        call.emit(Op::Binary(Binary::Sub), &[&x, &made])
    }),
    row("threshold", "self threshold value", threshold),
    row("logsigmoid", "self", log_sigmoid),
    row("log_sigmoid", "self", log_sigmoid),
    row("mish", "self|input", |call| {
        let x = float(call, 0)?;
        let made = call.build.unary(Unary::Softplus, &x)?;
        let made = call.build.unary(Unary::Tanh, &made)?;
        call.emit(Op::Binary(Binary::Mul), &[&x, &made])
    }),
    row("prelu", "self|input weight", prelu),
    row("glu", "self dim", glu),
    row("softmax", "self dim dtype", |call| softmax(call, |axis| Op::Softmax { axis })),
    row("_softmax", "self dim half_to_float", |call| softmax(call, |axis| Op::Softmax { axis })),
    row("_safe_softmax", "self dim dtype", |call| softmax(call, |axis| Op::Softmax { axis })),
    row("log_softmax", "self dim dtype", |call| softmax(call, |axis| Op::LogSoftmax { axis })),
    row("_log_softmax", "self dim half_to_float", |call| {
        softmax(call, |axis| Op::LogSoftmax { axis })
    }),
];

fn unary(call: &mut Call<'_>, function: Unary) -> Made {
    let x = match function {
        // These are functions of integers as well.
        Unary::Relu | Unary::Clip { .. } => call.tensor(0)?,
        _ => float(call, 0)?,
    };
    if !call.build.fact(&x).dtype.is_float() {
        let bounds = match function {
            Unary::Clip { min, max } => [Some(min), Some(max)],
            _ => [Some(0.0), None],
        };
        let mut made = x;
        for (bound, function) in bounds.into_iter().zip([Binary::Max, Binary::Min]) {
            if let Some(bound) = bound {
                made = with(call.build, function, &made, f64::from(bound))?;
            }
        }
        return Ok(call.own(made));
    }
    call.emit(Op::Unary(function), &[&x])
}

fn gelu(call: &mut Call<'_>) -> Made {
    let function = match &*call.text(1, "none")? {
        "none" => Unary::Gelu,
        "tanh" => Unary::GeluTanh,
        _ => return Err(call.refuse(1, "none or tanh")),
    };
    unary(call, function)
}

/// `scale * x` for positive `x`, else `scale * alpha * (exp(input_scale * x) - 1)`.
fn elu(call: &mut Call<'_>) -> Made {
    let alpha = call.float(1, 1.0)? as f32;
    let (scale, input_scale) = (call.float(2, 1.0)?, call.float(3, 1.0)?);
    let x = float(call, 0)?;
    let made = match input_scale {
        1.0 => call.build.unary(Unary::Elu { alpha }, &x)?,
        // Negative elements scaled, the others as they are.
        _ => {
            let inner = with(call.build, Binary::Mul, &x, input_scale)?;
            let low = call.build.unary(Unary::Elu { alpha }, &inner)?;
            let is_high = with(call.build, Binary::Greater, &x, 0.0)?;
            call.build.emit(Op::Select, &[&is_high, &x, &low])?
        }
    };
    let made = if scale == 1.0 { made } else { with(call.build, Binary::Mul, &made, scale)? };
    Ok(call.own(made))
}

fn selu(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let made = call.build.unary(Unary::Elu { alpha: 1.673_263_2 }, &x)?;
    let made = with(call.build, Binary::Mul, &made, 1.050_700_987_355_480_5)?;
    Ok(call.own(made))
}

/// `alpha * elu(x / alpha)`, which is `x` for positive `x`.
fn celu(call: &mut Call<'_>) -> Made {
    let (x, alpha) = (float(call, 0)?, call.float(1, 1.0)?);
    let inner = with(call.build, Binary::Div, &x, alpha)?;
    let made = call.build.unary(Unary::Elu { alpha: 1.0 }, &inner)?;
    let made = with(call.build, Binary::Mul, &made, alpha)?;
    Ok(call.own(made))
}

/// `log(1 + exp(beta * x)) / beta`; beyond the threshold the two forms are the same in floats.
fn softplus(call: &mut Call<'_>) -> Made {
    let (x, beta, threshold) = (float(call, 0)?, call.float(1, 1.0)?, call.float(2, 20.0)?);
    let inner = if beta == 1.0 { x.clone() } else { with(call.build, Binary::Mul, &x, beta)? };
    let made = call.build.unary(Unary::Softplus, &inner)?;
    let made = if beta == 1.0 { made } else { with(call.build, Binary::Div, &made, beta)? };
    if threshold >= 20.0 {
        return Ok(call.own(made));
    }
    let is_beyond = with(call.build, Binary::Greater, &inner, threshold)?;
    call.emit(Op::Select, &[&is_beyond, &x, &made])
}

/// `x / (1 + |x|)`
fn softsign(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let size = call.build.unary(Unary::Abs, &x)?;
    let sum = with(call.build, Binary::Add, &size, 1.0)?;
    call.emit(Op::Binary(Binary::Div), &[&x, &sum])
}

/// Zero within `lambd` of zero; beyond it less by as much where it is soft.
fn shrink(call: &mut Call<'_>, is_soft: bool) -> Made {
    let (x, lambd) = (float(call, 0)?, call.float(1, 0.5)?);
    let size = call.build.unary(Unary::Abs, &x)?;
    let is_beyond = with(call.build, Binary::Greater, &size, lambd)?;
    let kept = match is_soft {
        false => x.clone(),
        true => {
            let sign = call.build.unary(Unary::Sign, &x)?;
            let less = with(call.build, Binary::Mul, &sign, lambd)?;
            call.build.binary(Binary::Sub, &x, &less)?
        }
    };
    let zero = call.build.number(call.build.fact(&x).dtype, 0.0)?;
    call.emit(Op::Select, &[&is_beyond, &kept, &zero])
}

fn threshold(call: &mut Call<'_>) -> Made {
    let (x, limit, value) = (call.tensor(0)?, call.float(1, 0.0)?, call.float(2, 0.0)?);
    let is_beyond = with(call.build, Binary::Greater, &x, limit)?;
    let value = call.build.number(call.build.fact(&x).dtype, value)?;
    call.emit(Op::Select, &[&is_beyond, &x, &value])
}

/// `-log(1 + exp(-x))`
fn log_sigmoid(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let made = call.build.unary(Unary::Neg, &x)?;
    let made = call.build.unary(Unary::Softplus, &made)?;
    call.emit(Op::Unary(Unary::Neg), &[&made])
}

/// A vector along axis 1 in the shape that broadcasts to a rank.
pub(super) fn along_channels(
    call: &mut Call<'_>,
    vector: &Operand,
    rank: usize,
) -> Result<Operand, Reason> {
    let size = call.build.fact(vector).shape.iter().cloned().fold(Dim::from(1), |a, b| a * b);
    let mut shape = vec![Dim::from(1); rank.max(1)];
    shape[usize::from(rank > 1)] = size;
    call.build.reshape(vector, shape)
}

fn prelu(call: &mut Call<'_>) -> Made {
    let (x, slope) = (float(call, 0)?, call.tensor(1)?);
    let rank = call.build.fact(&x).rank();
    let slope = along_channels(call, &slope, rank)?;
    let low = call.build.binary(Binary::Mul, &x, &slope)?;
    let is_high = with(call.build, Binary::GreaterOrEqual, &x, 0.0)?;
    call.emit(Op::Select, &[&is_high, &x, &low])
}

fn glu(call: &mut Call<'_>) -> Made {
    let x = float(call, 0)?;
    let shape = call.build.fact(&x).shape;
    let axis = call.axis(1, -1, shape.len())?;
    let size = shape.get(axis).ok_or(Reason::UnknownRank)?;
    let half = size.floor_div(&Dim::from(2));
    let a = arithmetic::slice(call.build, &x, axis, Dim::default(), half.clone())?;
    let b = arithmetic::slice(call.build, &x, axis, half.clone(), half)?;
    let gate = call.build.unary(Unary::Sigmoid, &b)?;
    call.emit(Op::Binary(Binary::Mul), &[&a, &gate])
}

fn softmax(call: &mut Call<'_>, op: fn(usize) -> Op) -> Made {
    let mut x = float(call, 0)?;
    if call.parameters.ends_with("dtype")
        && let Some(dtype) = call.dtype(2)?
    {
        x = call.build.cast(&x, dtype)?;
    }
    let rank = call.build.fact(&x).rank();
    let axis = call.axis(1, -1, rank)?;
    if rank == 0 {
        return Err(call.refuse_input(&x, "a tensor with axes"));
    }
    call.emit(op(axis), &[&x])
}
