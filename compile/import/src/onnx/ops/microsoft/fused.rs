//! Products and convolutions with what was done to their results.

use super::super::conv::convolution;
use super::super::matmul::gemm;
use super::super::{Row, microsoft};
use super::activation::activated;
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::scalar::Binary;

const MAT_MUL: &[&str] = &["alpha", "transA", "transB", "transBatchA", "transBatchB"];

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    microsoft(
        "FusedConv",
        &[
            "activation",
            "activation_params",
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ],
        fused_conv,
    ),
    microsoft(
        "FusedGemm",
        &["activation", "activation_alpha", "activation_beta", "alpha", "beta", "transA", "transB"],
        fused_gemm,
    ),
    microsoft("FusedMatMul", MAT_MUL, fused_mat_mul),
    microsoft("TransposeMatMul", MAT_MUL, fused_mat_mul),
];

/// ONNX com.microsoft.FusedConv-1: `activation(conv(x) + z)`.
fn fused_conv(call: &mut Call<'_>) -> Made {
    let (x, weights, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    let mut made = convolution(call, &x, (&weights, 1), bias.as_ref())?;
    if let Some(residual) = call.optional(3) {
        made = call.build.binary(Binary::Add, &made, &residual)?;
    }
    let parameters = call.floats("activation_params")?.unwrap_or(&[]).to_vec();
    Ok(vec![activated(call, &made, &parameters)?])
}

/// ONNX com.microsoft.FusedGemm-1.
fn fused_gemm(call: &mut Call<'_>) -> Made {
    let made = gemm(call)?;
    let given = [call.float("activation_alpha")?, call.float("activation_beta")?];
    let parameters: Vec<f32> = given.into_iter().map_while(|parameter| parameter).collect();
    made.iter().map(|x| activated(call, x, &parameters)).collect()
}

/// ONNX com.microsoft.FusedMatMul-1 and com.microsoft.TransposeMatMul-1: `alpha * A' * B'`.
fn fused_mat_mul(call: &mut Call<'_>) -> Made {
    let a = turned(call, 0, "transA", "transBatchA")?;
    let b = turned(call, 1, "transB", "transBatchB")?;
    let product = call.build.emit(Op::MatMul, &[&a, &b])?;
    let alpha = call.float("alpha")?.unwrap_or(1.0);
    if alpha == 1.0 {
        return Ok(vec![product]);
    }
    let alpha = call.build.number(call.build.fact(&product).dtype, f64::from(alpha))?;
    Ok(vec![call.build.binary(Binary::Mul, &product, &alpha)?])
}

/// An operand with its last two axes swapped, when it is transposed; when its batch is, the first
/// axis is that of rows and those between are the batch.
fn turned(
    call: &mut Call<'_>,
    index: usize,
    is_transposed: &str,
    is_batch_transposed: &str,
) -> Result<Operand, Reason> {
    let (x, rank) = (call.input(index)?, call.fact(index)?.rank());
    let mut order: Vec<usize> = (0..rank).collect();
    if rank >= 2 && call.flag(is_batch_transposed, false)? {
        order[..rank - 1].rotate_left(1);
    }
    if rank >= 2 && call.flag(is_transposed, false)? {
        order.swap(rank - 2, rank - 1);
    }
    call.build.transpose(&x, order)
}
