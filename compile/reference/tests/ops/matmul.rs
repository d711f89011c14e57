use crate::{check, check_refused, counting, t};
use ir::Op;

#[test]
fn matrices_rows_and_columns() {
    let (a, b) = (counting(&[2, 3]), counting(&[3, 2]));
    check(Op::MatMul, &[&a, &b], &t(&[2, 2], &[10.0f32, 13.0, 28.0, 40.0]));
    let v = counting(&[3]);
    check(Op::MatMul, &[&a, &v], &t(&[2], &[5.0f32, 14.0]));
    check(Op::MatMul, &[&v, &b], &t(&[2], &[10.0f32, 13.0]));
    check(Op::MatMul, &[&v, &v], &t(&[], &[5.0f32]));
}

#[test]
fn leading_axes_are_broadcast() {
    let (a, b) = (counting(&[2, 1, 1, 2]), counting(&[3, 2, 1]));
    // Row [0, 1] and row [2, 3] with the columns [0, 1], [2, 3] and [4, 5].
    let y = t(&[2, 3, 1, 1], &[1.0f32, 3.0, 5.0, 3.0, 13.0, 23.0]);
    check(Op::MatMul, &[&a, &b], &y);
}

#[test]
fn integers_wrap() {
    let (a, b) = (t(&[1, 2], &[100i8, 100]), t(&[2, 1], &[2i8, 1]));
    check(Op::MatMul, &[&a, &b], &t(&[1, 1], &[44i8]));
}

#[test]
fn an_empty_sum_is_zero() {
    let (a, b) = (t::<f32>(&[2, 0], &[]), t::<f32>(&[0, 1], &[]));
    check(Op::MatMul, &[&a, &b], &t(&[2, 1], &[0.0f32, 0.0]));
    let message = "mat_mul: inner size: expected 0, found 3";
    check_refused(Op::MatMul, &[&a, &counting(&[3])], message);
}
