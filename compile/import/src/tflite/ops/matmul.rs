//! Products of matrices.

use super::super::step::{Made, Step};
use super::conv::biased;
use super::{Row, row};
use crate::decompose::{product, quotient};
use crate::tensorflow::nodes::Attribute;
use ir::Op;

pub(super) const ROWS: &[Row] = &[
    row("FULLY_CONNECTED", fully_connected),
    row("BATCH_MATMUL", |step| {
        let (x, y) = (step.flag(0), step.flag(1));
        let attributes = [("adj_x", Attribute::Flag(x)), ("adj_y", Attribute::Flag(y))];
        step.apply_all("BatchMatMulV2", &attributes)
    }),
];

/// `(x[…, I], kernel[O, I], [bias])`; the axes before the last become one unless the options keep
/// them.
fn fully_connected(step: &mut Step<'_, '_, '_>) -> Made {
    if step.choice(1) != 0 {
        return Err(step.refuse("weights_format", "weights in order", "shuffled ones"));
    }
    let kernel = step.kernel(1, &[1, 0])?;
    let mut x = step.input(0)?;
    let shape = step.nodes().fact(&x).shape;
    let width = step.nodes().fact(&kernel).shape[0].clone();
    let is_kept = step.flag(2);
    if !is_kept && shape.len() != 2 || shape.last() != Some(&width) {
        let rows = quotient(&shape, std::slice::from_ref(&width));
        let rows = rows.unwrap_or_else(|| product(&shape));
        x = step.build().reshape(&x, vec![rows, width])?;
    }
    let made = step.build().emit(Op::MatMul, &[&x, &kernel])?;
    biased(step, made, 2, 0)
}
