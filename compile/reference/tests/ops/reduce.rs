use crate::{check, check_refused, counting, t};
use ir::{Arg, Op};
use tensor::scalar::Reduction;

fn reduce(reduction: Reduction, axes: &[usize], keepdims: bool) -> Op {
    Op::Reduce { reduction, axes: axes.to_vec(), keepdims }
}

#[test]
fn every_reduction_of_a_row() {
    let x = t(&[1, 3], &[-1.0f32, 2.0, 3.0]);
    let cases = [
        (Reduction::Sum, 4.0f32),
        (Reduction::Mean, 4.0 / 3.0),
        (Reduction::Max, 3.0),
        (Reduction::Min, -1.0),
        (Reduction::Prod, -6.0),
        (Reduction::L1, 6.0),
        (Reduction::L2, 3.741_657_4),
        (Reduction::SumSquare, 14.0),
        (Reduction::LogSum, 1.386_294_4),
        (Reduction::LogSumExp, 3.326_563),
    ];
    for (reduction, y) in cases {
        check(reduce(reduction, &[1], false), &[&x], &t(&[1], &[y]));
    }
}

#[test]
fn axes_anywhere_kept_or_not() {
    let x = counting(&[2, 3, 2]);
    let sums = t(&[2, 1, 2], &[6.0f32, 9.0, 24.0, 27.0]);
    check(reduce(Reduction::Sum, &[1], true), &[&x], &sums);
    check(reduce(Reduction::Sum, &[0, 2], false), &[&x], &t(&[3], &[14.0f32, 22.0, 30.0]));
    check(reduce(Reduction::Sum, &[0, 1, 2], false), &[&x], &t(&[], &[66.0f32]));
    check(reduce(Reduction::Sum, &[], false), &[&x], &x);
    let message = "reduce: axes is [2, 0], expected ascending, each once";
    check_refused(reduce(Reduction::Sum, &[2, 0], false), &[&x], message);
}

#[test]
fn integers_and_empty_groups() {
    let x = t(&[3], &[-7i32, 2, 3]);
    check(reduce(Reduction::Mean, &[0], false), &[&x], &t(&[], &[0i32]));
    check(reduce(Reduction::SumSquare, &[0], false), &[&x], &t(&[], &[62i32]));
    let empty = t::<f32>(&[0, 2], &[]);
    check(reduce(Reduction::Sum, &[0], false), &[&empty], &t(&[2], &[0.0f32; 2]));
    check(reduce(Reduction::Prod, &[0], false), &[&empty], &t(&[2], &[1.0f32; 2]));
    check(reduce(Reduction::Max, &[0], false), &[&empty], &t(&[2], &[f32::NEG_INFINITY; 2]));
    let empty = t::<u8>(&[0], &[]);
    check(reduce(Reduction::Min, &[0], false), &[&empty], &t(&[], &[255u8]));
}

#[test]
fn arg_finds_the_first_or_the_last() {
    let x = t(&[2, 3], &[3.0f32, 1.0, 3.0, 2.0, 2.0, f32::NAN]);
    let arg = |is_max, is_last| Op::Arg(Arg { is_max, axis: 1, keepdims: false, is_last });
    check(arg(true, false), &[&x], &t(&[2], &[0i64, 2]));
    check(arg(true, true), &[&x], &t(&[2], &[2i64, 2]));
    check(arg(false, false), &[&x], &t(&[2], &[1i64, 2]));
    let along_0 = Op::Arg(Arg { is_max: false, axis: 0, keepdims: true, is_last: true });
    let x = t(&[2, 2], &[5i32, 1, 5, 9]);
    check(along_0, &[&x], &t(&[1, 2], &[1i64, 0]));
}
