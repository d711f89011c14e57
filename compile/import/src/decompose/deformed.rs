//! Convolutions whose taps are moved.

use crate::build::{Builder, Operand};
use crate::decompose::product;
use crate::error::Reason;
use ir::Op;
use operators::deform_columns::DeformColumns;
use tensor::Dim;
use tensor::scalar::Binary;

/// What lies under the windows, times the weights, whose sizes are known, in as many `groups` of
/// channels; `inputs` are those of the windows.
pub(crate) fn deformed(
    build: &mut Builder,
    windows: DeformColumns,
    inputs: &[Operand],
    weights: &Operand,
    groups: usize,
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let shape = build.fact(weights).shape;
    let groups = Dim::from(groups);
    let (filters, taps) = (shape[0].clone(), product(&shape[1..]));
    let inputs: Vec<&Operand> = inputs.iter().collect();
    let columns = build.emit(Op::Whole(windows.into()), &inputs)?;
    let out = build.fact(&columns).shape;
    let rows = vec![groups.clone(), filters.floor_div(&groups), taps.clone()];
    let weights = build.reshape(weights, rows)?;
    let split = vec![out[0].clone(), groups, taps, product(&out[3..])];
    let columns = build.reshape(&columns, split)?;
    let made = build.emit(Op::MatMul, &[&weights, &columns])?;
    let mut joined = vec![out[0].clone(), filters.clone()];
    joined.extend_from_slice(&out[3..]);
    let made = build.reshape(&made, joined)?;
    let Some(bias) = bias else { return Ok(made) };
    let mut along = vec![Dim::from(1); out.len() - 1];
    along[1] = filters;
    let bias = build.reshape(bias, along)?;
    build.binary(Binary::Add, &made, &bias)
}
