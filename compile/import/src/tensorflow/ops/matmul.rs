//! Products of matrices.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::error::Reason;
use ir::Op;

pub(super) const ROWS: &[Row] = &[
    row("MatMul", |call| product(call, ["transpose_a", "transpose_b"])),
    row("BatchMatMul", |call| product(call, ["adj_x", "adj_y"])),
    row("BatchMatMulV2", |call| product(call, ["adj_x", "adj_y"])),
    row("BatchMatMulV3", |call| product(call, ["adj_x", "adj_y"])),
    row("Einsum", einsum),
];

fn product(call: &mut Call<'_, '_>, turned: [&str; 2]) -> Made {
    let mut sides = Vec::with_capacity(2);
    for (index, name) in turned.into_iter().enumerate() {
        let x = call.input(index)?;
        let rank = call.fact(index)?.rank();
        if rank < 2 {
            call.of_rank(index, 2)?;
        }
        sides.push(match call.flag(name, false) {
            true => {
                let mut perm: Vec<usize> = (0..rank).collect();
                perm.swap(rank - 1, rank - 2);
                call.build().transpose(&x, perm)?
            }
            false => x,
        });
    }
    call.emit(Op::MatMul, &[&sides[0], &sides[1]])
}

fn einsum(call: &mut Call<'_, '_>) -> Made {
    let inputs = call.all()?;
    let inputs: Vec<&Operand> = inputs.iter().collect();
    let equation = call.text("equation").unwrap_or("").to_string();
    let made = decompose::einsum(call.build(), &equation, &inputs)?;
    let refused = || -> Reason { call.refuse("equation", "one that fits the inputs", &equation) };
    made.map(|made| vec![made]).ok_or_else(refused)
}
