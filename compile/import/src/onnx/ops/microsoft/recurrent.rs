//! A recurrent layer with weights of 8 bits.

use super::super::quantize::dynamically_rounded;
use super::super::recurrent::long_short_term_memory;
use super::super::{Row, microsoft};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(in crate::onnx::ops) const OPS: &[Row] = &[microsoft(
    "DynamicQuantizeLSTM",
    &[
        "activation_alpha",
        "activation_beta",
        "activations",
        "clip",
        "direction",
        "hidden_size",
        "input_forget",
    ],
    dynamic_quantize_lstm,
)];

/// ONNX com.microsoft.DynamicQuantizeLSTM-1: LSTM with weights `[D, I, 4*H]` of 8 bits. The input
/// is rounded to 256 steps over its range, and the state of each sequence in each step; ONNX
/// Runtime rounds the states of several sequences together, as many as its threads take at once.
fn dynamic_quantize_lstm(call: &mut Call<'_>) -> Made {
    let x = dynamically_rounded(call)?;
    let (w, r) = (weights(call, 1, 8)?, weights(call, 2, 10)?);
    call.inputs.truncate(8);
    for (index, operand) in [x, w, r].into_iter().enumerate() {
        call.inputs[index] = Some(operand);
    }
    long_short_term_memory(call, true)
}

/// What the weights at `index` stand for, as `[D, 4*H, I]`. Their scales and zero points, at
/// `scale` and behind it, are one for each direction, or one for each of its rows.
fn weights(call: &mut Call<'_>, index: usize, scale: usize) -> Result<Operand, Reason> {
    let x = call.input(index)?;
    let mut made = call.build.cast(&x, DType::F32)?;
    if call.build.fact(&made).rank() != 3 {
        let (expected, found) = ("rank 3".to_string(), format!("{:?}", call.fact(index)?));
        return Err(Reason::Input { input: index, expected, found });
    }
    let steps = [(scale + 1, Binary::Sub), (scale, Binary::Mul)];
    for (at, function) in steps {
        let Some(given) = call.optional(at) else {
            if at == scale {
                call.input(at)?;
            }
            continue;
        };
        let given = call.build.cast(&given, DType::F32)?;
        let mut shape = call.build.fact(&given).shape;
        if shape.len() < 3 {
            shape.insert(shape.len().min(1), Dim::from(1));
        }
        shape.resize(3, Dim::from(1));
        let given = call.build.reshape(&given, shape)?;
        made = call.build.binary(function, &made, &given)?;
    }
    call.build.transpose(&made, vec![0, 2, 1])
}
