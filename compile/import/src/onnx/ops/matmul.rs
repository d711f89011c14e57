//! Matrix products.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::scalar::Binary;

pub(super) const OPS: &[Row] =
    &[row("MatMul", &[], mat_mul), row("Gemm", &["alpha", "beta", "transA", "transB"], gemm)];

/// ONNX MatMul-1,9,13.
fn mat_mul(call: &mut Call<'_>) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::MatMul, &[&a, &b])
}

/// ONNX Gemm-7,9,11,13: `alpha * A' * B' + beta * C`. Refused: operands that are not matrices.
fn gemm(call: &mut Call<'_>) -> Made {
    let a = matrix(call, 0, "transA")?;
    let b = matrix(call, 1, "transB")?;
    let product = call.build.emit(Op::MatMul, &[&a, &b])?;
    let product = scaled(call, product, "alpha")?;
    let Some(c) = call.optional(2) else { return Ok(vec![product]) };
    let c = scaled(call, c, "beta")?;
    Ok(vec![call.build.binary(Binary::Add, &product, &c)?])
}

fn matrix(call: &mut Call<'_>, index: usize, transposed: &str) -> Result<Operand, Reason> {
    let (x, fact) = (call.input(index)?, call.fact(index)?);
    if fact.rank() != 2 {
        let (expected, found) = ("a matrix".to_string(), format!("{:?}", fact.shape));
        return Err(Reason::Input { input: index, expected, found });
    }
    if call.flag(transposed, false)? {
        return call.build.transpose(&x, vec![1, 0]);
    }
    Ok(x)
}

fn scaled(call: &mut Call<'_>, x: Operand, factor: &str) -> Result<Operand, Reason> {
    let factor = call.float(factor)?.unwrap_or(1.0);
    if factor == 1.0 {
        return Ok(x);
    }
    let dtype = call.build.fact(&x).dtype;
    let factor = call.build.number(dtype, f64::from(factor))?;
    call.build.binary(Binary::Mul, &x, &factor)
}
