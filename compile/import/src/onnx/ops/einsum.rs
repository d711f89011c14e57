//! Sums of products over labeled axes.

use super::{Row, row};
use crate::decompose;
use crate::onnx::call::{Call, Made};

pub(super) const OPS: &[Row] = &[row("Einsum", &["equation"], einsum)];

/// ONNX Einsum-12. Accepted: any number of operands, repeated letters, ellipses. Sums of f32 become
/// products of matrices, pair after pair from the left; f16 and bf16 are computed in f32, other
/// types as written. Refused: a diagonal of symbolic size in floats.
fn einsum(call: &mut Call<'_>) -> Made {
    let text = call.text("equation")?.unwrap_or("").to_string();
    let inputs = call.variadic()?;
    let made = decompose::einsum(call.build, &text, &inputs.iter().collect::<Vec<_>>())?;
    made.map(|made| vec![made]).ok_or_else(|| {
        let ranks: Vec<usize> = inputs.iter().map(|x| call.build.fact(x).rank()).collect();
        call.refuse("equation", &format!("an equation of operands of {ranks:?} axes"), &text)
    })
}
