//! Products of matrices.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with;
use crate::decompose::einsum;
use crate::error::Reason;
use ir::Op;
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[
    row("matmul", "self other", product),
    row("mm", "self mat2", product),
    row("bmm", "self mat2", product),
    row("mv", "self vec", product),
    row("dot", "self tensor", product),
    row("addmm", "self mat1 mat2 beta alpha", added),
    row("addmv", "self mat vec beta alpha", added),
    row("baddbmm", "self batch1 batch2 beta alpha", added),
    row("linear", "input weight bias", linear),
    row("bilinear", "input1 input2 weight bias", bilinear),
    row("outer", "self vec2", |call| equation(call, "i,j->ij", &[0, 1])),
    row("einsum", "equation tensors path", |call| {
        let equation = call.text(0, "")?;
        let x = call.tensors(1)?;
        let x: Vec<&Operand> = x.iter().collect();
        let made = einsum(call.build, &equation, &x)?;
        let made = made.ok_or_else(|| call.refuse(0, "an equation that fits the tensors"))?;
        Ok(call.own(made))
    }),
];

fn product(call: &mut Call<'_>) -> Made {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    call.emit(Op::MatMul, &[&a, &b])
}

fn scaled(call: &mut Call<'_>, x: Operand, index: usize) -> Result<Operand, Reason> {
    let factor = call.float(index, 1.0)?;
    if factor == 1.0 { Ok(x) } else { with(call.build, Binary::Mul, &x, factor) }
}

/// `beta * self + alpha * a @ b`
fn added(call: &mut Call<'_>) -> Made {
    let (a, b) = (call.tensor(1)?, call.tensor(2)?);
    let made = call.build.emit(Op::MatMul, &[&a, &b])?;
    let made = scaled(call, made, 4)?;
    if call.float(3, 1.0)? == 0.0 {
        return Ok(call.own(made));
    }
    let own = call.tensor(0)?;
    let own = scaled(call, own, 3)?;
    call.emit(Op::Binary(Binary::Add), &[&made, &own])
}

/// `x @ weights^T + bias`
pub(super) fn projected(
    call: &mut Call<'_>,
    x: &Operand,
    weights: &Operand,
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let weights = match call.build.fact(weights).rank() {
        2 => call.build.transpose(weights, vec![1, 0])?,
        _ => weights.clone(),
    };
    let made = call.build.emit(Op::MatMul, &[x, &weights])?;
    match bias {
        Some(bias) => call.build.binary(Binary::Add, &made, bias),
        None => Ok(made),
    }
}

fn linear(call: &mut Call<'_>) -> Made {
    let (x, weights, bias) = (call.tensor(0)?, call.tensor(1)?, call.tensor_if(2)?);
    let made = projected(call, &x, &weights, bias.as_ref())?;
    Ok(call.own(made))
}

fn equation(call: &mut Call<'_>, equation: &str, indices: &[usize]) -> Made {
    let x = indices.iter().map(|&at| call.tensor(at)).collect::<Result<Vec<_>, _>>()?;
    let x: Vec<&Operand> = x.iter().collect();
    let made = einsum(call.build, equation, &x)?;
    let made = made.ok_or_else(|| call.refuse(indices[0], "tensors that fit each other"))?;
    Ok(call.own(made))
}

/// `sum over i, j of x1[i] * weight[o, i, j] * x2[j]`
fn bilinear(call: &mut Call<'_>) -> Made {
    let made = equation(call, "...i,oij,...j->...o", &[0, 2, 1])?;
    let bias = call.tensor_if(3)?;
    match (bias, &made) {
        (Some(bias), Value::Tensor(_)) => {
            let made = call.operand_of(0, &made)?;
            call.emit(Op::Binary(Binary::Add), &[&made, &bias])
        }
        _ => Ok(made),
    }
}
