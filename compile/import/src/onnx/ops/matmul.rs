//! Matrix products.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use tensor::DType;
use tensor::scalar::Binary;

pub(super) const OPS: &[Row] =
    &[row("MatMul", &[], mat_mul), row("Gemm", &["alpha", "beta", "transA", "transB"], gemm)];

/// ONNX MatMul-1,9,13.
fn mat_mul(call: &mut Call<'_>) -> Made {
    let (a, b) = (call.input(0)?, call.input(1)?);
    call.emit(Op::MatMul, &[&a, &b])
}

/// ONNX Gemm-1,6,7,9,11,13: `alpha * A' * B' + beta * C`; of integers by factors that are none, in
/// f64 and rounded towards zero. Refused: operands that are not matrices.
pub(super) fn gemm(call: &mut Call<'_>) -> Made {
    let a = matrix(call, 0, "transA")?;
    let b = matrix(call, 1, "transB")?;
    let product = call.build.emit(Op::MatMul, &[&a, &b])?;
    let dtype = call.build.fact(&product).dtype;
    let mut is_whole = true;
    for name in ["alpha", "beta"] {
        is_whole &= call.float(name)?.unwrap_or(1.0).fract() == 0.0;
    }
    let computed = if is_whole || dtype.is_float() { dtype } else { DType::F64 };
    let mut made = scaled(call, &product, "alpha", computed)?;
    if let Some(c) = call.optional(2) {
        let c = scaled(call, &c, "beta", computed)?;
        made = call.build.binary(Binary::Add, &made, &c)?;
    }
    Ok(vec![call.build.cast(&made, dtype)?])
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

fn scaled(call: &mut Call<'_>, x: &Operand, factor: &str, dtype: DType) -> Result<Operand, Reason> {
    let factor = call.float(factor)?.unwrap_or(1.0);
    let x = call.build.cast(x, dtype)?;
    if factor == 1.0 {
        return Ok(x);
    }
    let factor = call.build.number(dtype, f64::from(factor))?;
    call.build.binary(Binary::Mul, &x, &factor)
}
