//! Functions of what 8-bit integers stand for: `quantize(f(dequantize(x)))` in f32. ONNX Runtime
//! rounds some of them in other places, so that results may lie one step apart.

use super::super::pool::pooled;
use super::super::quantize::{dequantized, float, stored};
use super::super::{Row, microsoft};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, PoolKind};
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    microsoft(
        "NhwcMaxPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"],
        nhwc_max_pool,
    ),
    microsoft("QLinearAdd", &[], |call| pair(call, Binary::Add)),
    microsoft(
        "QLinearAveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "channels_last",
            "count_include_pad",
            "kernel_shape",
            "pads",
            "strides",
        ],
        average_pool,
    ),
    microsoft("QLinearConcat", &["axis"], concat),
    microsoft("QLinearGlobalAveragePool", &["channels_last"], global_average_pool),
    microsoft("QLinearLeakyRelu", &["alpha"], leaky_relu),
    microsoft("QLinearMul", &[], |call| pair(call, Binary::Mul)),
    microsoft("QLinearSigmoid", &[], |call| single(call, Unary::Sigmoid)),
    microsoft("QLinearSoftmax", &["axis", "opset"], softmax),
    microsoft("QLinearWhere", &[], select),
];

/// ONNX com.microsoft.QLinearAdd-1 and com.microsoft.QLinearMul-1, broadcasting.
fn pair(call: &mut Call<'_>, function: Binary) -> Made {
    let dtype = call.fact(0)?.dtype;
    let a = dequantized(call, 0, 1, Some(2), 0)?;
    let b = dequantized(call, 3, 4, Some(5), 0)?;
    let made = call.build.binary(function, &a, &b)?;
    Ok(vec![stored(call, &made, [6, 7], dtype)?])
}

/// ONNX com.microsoft.QLinearSigmoid-1.
fn single(call: &mut Call<'_>, function: Unary) -> Made {
    let dtype = call.fact(0)?.dtype;
    let x = dequantized(call, 0, 1, Some(2), 0)?;
    let made = call.build.unary(function, &x)?;
    Ok(vec![stored(call, &made, [3, 4], dtype)?])
}

/// ONNX com.microsoft.QLinearLeakyRelu-1.
fn leaky_relu(call: &mut Call<'_>) -> Made {
    let alpha = call.float("alpha")?.unwrap_or(0.01);
    single(call, Unary::LeakyRelu { alpha })
}

/// ONNX com.microsoft.QLinearSoftmax-1: of all axes from `axis` on together when `opset`, that of
/// the Softmax it came from, is before 13.
fn softmax(call: &mut Call<'_>) -> Made {
    let fact = call.fact(0)?;
    let is_old = call.int("opset")?.unwrap_or(0) < 13;
    let axis = call.axis("axis", if is_old { 1 } else { -1 }, fact.rank())?;
    let x = dequantized(call, 0, 1, Some(2), 0)?;
    let made = if is_old {
        let product = |dims: &[Dim]| dims.iter().cloned().fold(Dim::from(1), |a, b| a * b);
        let flat = vec![product(&fact.shape[..axis]), product(&fact.shape[axis..])];
        let flat = call.build.reshape(&x, flat)?;
        let made = call.build.emit(Op::Softmax { axis: 1 }, &[&flat])?;
        call.build.reshape(&made, fact.shape)?
    } else {
        call.build.emit(Op::Softmax { axis }, &[&x])?
    };
    Ok(vec![stored(call, &made, [3, 4], fact.dtype)?])
}

/// ONNX com.microsoft.QLinearConcat-1: scale and zero point of the result, then each part with its
/// own.
fn concat(call: &mut Call<'_>) -> Made {
    let (dtype, rank) = (call.fact(2)?.dtype, call.fact(2)?.rank());
    let axis = call.axis("axis", 0, rank)?;
    let mut parts = Vec::new();
    for index in (2..call.inputs.len()).step_by(3) {
        parts.push(dequantized(call, index, index + 1, Some(index + 2), 0)?);
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    let made = call.build.emit(Op::Concat { axis }, &parts)?;
    Ok(vec![stored(call, &made, [0, 1], dtype)?])
}

/// ONNX com.microsoft.QLinearWhere-1.
fn select(call: &mut Call<'_>) -> Made {
    let (condition, dtype) = (call.input(0)?, call.fact(1)?.dtype);
    let a = dequantized(call, 1, 2, Some(3), 0)?;
    let b = dequantized(call, 4, 5, Some(6), 0)?;
    let made = call.build.emit(Op::Select, &[&condition, &a, &b])?;
    Ok(vec![stored(call, &made, [7, 8], dtype)?])
}

/// What `f` makes of channels-first `x`, when `x` and the result are channels-last.
fn channels_last(
    call: &mut Call<'_>,
    x: &Operand,
    f: impl FnOnce(&mut Call<'_>, &Operand) -> Result<Operand, Reason>,
) -> Result<Operand, Reason> {
    let rank = call.build.fact(x).rank();
    if rank < 3 {
        let (expected, found) = ("[N, spatial…, C]".to_string(), format!("{rank} axes"));
        return Err(Reason::Input { input: 0, expected, found });
    }
    if matches!(call.text("auto_pad")?, Some("SAME_UPPER" | "SAME_LOWER")) {
        return Err(call.refuse("auto_pad", "explicit pads for channels-last", "SAME"));
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order[1..].rotate_right(1);
    let first = call.build.transpose(x, order)?;
    let made = f(call, &first)?;
    let mut back: Vec<usize> = (0..rank).collect();
    back[1..].rotate_left(1);
    call.build.transpose(&made, back)
}

/// ONNX com.microsoft.QLinearAveragePool-1. Refused: `SAME_*` on channels-last.
fn average_pool(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let count_include_pad = call.flag("count_include_pad", false)?;
    let kind = PoolKind::Average { count_include_pad };
    let x = dequantized(call, 0, 1, Some(2), 0)?;
    let made = if call.flag("channels_last", false)? {
        channels_last(call, &x, |call, x| pooled(call, x, kind))?
    } else {
        pooled(call, &x, kind)?
    };
    Ok(vec![stored(call, &made, [3, 4], dtype)?])
}

/// ONNX com.microsoft.QLinearGlobalAveragePool-1.
fn global_average_pool(call: &mut Call<'_>) -> Made {
    let fact = call.fact(0)?;
    let x = dequantized(call, 0, 1, Some(2), 0)?;
    let first = if call.flag("channels_last", false)? { 1 } else { 2 };
    let axes: Vec<usize> = (first..(fact.rank() + first).saturating_sub(2)).collect();
    let op = Op::Reduce { reduction: Reduction::Mean, axes, keepdims: true };
    let made = call.build.emit(op, &[&x])?;
    Ok(vec![stored(call, &made, [3, 4], fact.dtype)?])
}

/// ONNX com.microsoft.NhwcMaxPool-1, computed in f32, which has all integers of 8 bits. Refused:
/// `SAME_*`.
fn nhwc_max_pool(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let x = float(call, 0)?;
    let made = channels_last(call, &x, |call, x| pooled(call, x, PoolKind::Max))?;
    Ok(vec![call.build.cast(&made, dtype)?])
}
