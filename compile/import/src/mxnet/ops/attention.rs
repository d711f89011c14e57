//! Attention with the projections of all heads in one value, as GluonNLP writes it.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{slice, with};
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[
    row("_contrib_div_sqrt_dim", div_sqrt_dim),
    row("_contrib_interleaved_matmul_selfatt_qk", scores),
    row("_contrib_interleaved_matmul_selfatt_valatt", values),
];

/// `x / sqrt(size of the last axis)`
fn div_sqrt_dim(call: &mut Call<'_, '_>) -> Made {
    let (x, shape) = (call.of_rank(0, 1)?, call.fact(0)?.shape);
    let width = known(&shape[shape.len() - 1])?;
    Ok(vec![with(call.build(), Binary::Div, &x, (width as f64).sqrt())?])
}

fn known(size: &Dim) -> Result<usize, Reason> {
    size.known_size().filter(|&size| size > 0).ok_or_else(|| Reason::DataDependent {
        input: 0,
        what: "the width of the heads".to_string(),
    })
}

/// One of queries, keys and values of `[T, N, heads * 3 * width]`, as `[N * heads, T, width]`, and
/// the width.
fn part(call: &mut Call<'_, '_>, which: usize) -> Result<(Operand, usize), Reason> {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let [steps, batch, joined] = shape.as_slice() else {
        let (expected, found) = ("[steps, batch, features]".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 0, expected, found });
    };
    let heads = call.count("heads", 1)?.max(1);
    let width = known(joined)? / (3 * heads);
    let split = [steps.clone(), batch.clone() * Dim::from(heads), Dim::from(3), Dim::from(width)];
    let build = call.build();
    let split = build.reshape(&x, split.to_vec())?;
    let own = slice(build, &split, 2, Dim::from(which), Dim::from(1))?;
    let shape = vec![steps.clone(), batch.clone() * Dim::from(heads), Dim::from(width)];
    let own = build.reshape(&own, shape)?;
    Ok((build.transpose(&own, vec![1, 0, 2])?, width))
}

/// `[N * heads, T, T]`
fn scores(call: &mut Call<'_, '_>) -> Made {
    let ((queries, width), (keys, _)) = (part(call, 0)?, part(call, 1)?);
    let build = call.build();
    let queries = with(build, Binary::Div, &queries, (width as f64).sqrt())?;
    let keys = build.transpose(&keys, vec![0, 2, 1])?;
    call.emit(Op::MatMul, &[&queries, &keys])
}

/// `[T, N, heads * width]`
fn values(call: &mut Call<'_, '_>) -> Made {
    let (values, width) = part(call, 2)?;
    let (weights, given) = (call.input(1)?, call.fact(0)?.shape);
    let heads = call.count("heads", 1)?.max(1);
    let build = call.build();
    let made = build.emit(Op::MatMul, &[&weights, &values])?;
    let made = build.transpose(&made, vec![1, 0, 2])?;
    let width = Dim::from(heads) * Dim::from(width);
    Ok(vec![build.reshape(&made, vec![given[0].clone(), given[1].clone(), width])?])
}
