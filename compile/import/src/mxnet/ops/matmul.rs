//! Products of matrices.

use super::super::call::{Call, Made};
use super::activation::flattened;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with;
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[
    row("FullyConnected", fully_connected),
    row("dot", dot),
    row("batch_dot", batch_dot),
    row("_linalg_gemm2", gemm2),
    row("linalg_gemm2", gemm2),
];

/// `x * weights^T + bias`; all axes but the first are one, unless `flatten` is off.
fn fully_connected(call: &mut Call<'_, '_>) -> Made {
    let (mut x, weights) = (call.of_rank(0, 1)?, call.input(1)?);
    if call.flag("flatten", true)? && call.rank(0)? != 2 {
        x = flattened(call.build(), &x)?;
    }
    let (shape, own) = (call.walk.build.fact(&x).shape, call.fact(1)?.shape);
    if own.len() != 2 {
        let (expected, found) = ("a matrix of weights".to_string(), format!("{own:?}"));
        return Err(Reason::Input { input: 1, expected, found });
    }
    // What the sizes of the input have to be follows from the weights.
    let width = &shape[shape.len() - 1];
    if let (None, Some(known)) = (width.known(), own[1].known_size()) {
        call.walk.want(width.clone(), known);
    }
    let build = call.build();
    let weights = build.transpose(&weights, vec![1, 0])?;
    let made = build.emit(Op::MatMul, &[&x, &weights])?;
    if call.flag("no_bias", false)? {
        return Ok(vec![made]);
    }
    let bias = call.input(2)?;
    Ok(vec![call.build().binary(Binary::Add, &made, &bias)?])
}

/// An operand with its last two axes exchanged where an attribute says so.
fn turned(call: &mut Call<'_, '_>, index: usize, name: &str) -> Result<Operand, Reason> {
    let (x, rank) = (call.of_rank(index, 1)?, call.rank(index)?);
    if !call.flag(name, false)? || rank < 2 {
        return Ok(x);
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 1, rank - 2);
    call.build().transpose(&x, perm)
}

/// Sums over the last axis of the first value and the first of the second.
fn dot(call: &mut Call<'_, '_>) -> Made {
    let ranks = [call.rank(0)?, call.rank(1)?];
    if ranks.iter().any(|&rank| rank > 2) {
        let flags = [call.flag("transpose_a", false)?, call.flag("transpose_b", false)?];
        if flags != [false; 2] {
            return Err(call.refuse("transpose_a", "False of more than two axes", "True"));
        }
    }
    let (a, b) = (turned(call, 0, "transpose_a")?, turned(call, 1, "transpose_b")?);
    let build = call.build();
    let (left, right) = (build.fact(&a).shape, build.fact(&b).shape);
    if right.len() <= 2 {
        return call.emit(Op::MatMul, &[&a, &b]);
    }
    let rows = vec![right[0].clone(), product(&right[1..])];
    let b = build.reshape(&b, rows)?;
    let made = build.emit(Op::MatMul, &[&a, &b])?;
    let shape = [&left[..left.len() - 1], &right[1..]].concat();
    Ok(vec![build.reshape(&made, shape)?])
}

fn batch_dot(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (turned(call, 0, "transpose_a")?, turned(call, 1, "transpose_b")?);
    let is_batch = |x: &[Dim]| x.len() >= 3;
    if !is_batch(&call.fact(0)?.shape) || !is_batch(&call.fact(1)?.shape) {
        let (expected, found) = ("at least three axes".to_string(), "fewer".to_string());
        return Err(Reason::Input { input: 0, expected, found });
    }
    call.emit(Op::MatMul, &[&a, &b])
}

fn gemm2(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (turned(call, 0, "transpose_a")?, turned(call, 1, "transpose_b")?);
    let alpha = call.float("alpha", 1.0)?;
    let made = call.build().emit(Op::MatMul, &[&a, &b])?;
    match alpha == 1.0 {
        true => Ok(vec![made]),
        false => Ok(vec![with(call.build(), Binary::Mul, &made, alpha)?]),
    }
}
