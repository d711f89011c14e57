use crate::{check, counting, t};
use ir::{Op, Pool, PoolKind};

fn pool(kind: PoolKind, kernel: usize, stride: usize, pad: usize, ceil_mode: bool) -> Op {
    Op::Pool(Pool {
        kind,
        kernel: vec![kernel; 2],
        strides: vec![stride; 2],
        dilations: vec![1; 2],
        pads: vec![(pad, pad); 2],
        ceil_mode,
    })
}

const MEAN: PoolKind = PoolKind::Average { count_include_pad: false };
const MEAN_WITH_PAD: PoolKind = PoolKind::Average { count_include_pad: true };

/// The precomputed cases of the ONNX specification of AveragePool and MaxPool, whose elements
/// are 1 to 25.
#[test]
fn cases_of_the_specification() {
    let x = t(&[1, 1, 5, 5], &(1..=25).map(|i| i as f32).collect::<Vec<_>>());
    let mean = [
        7.0f32, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0,
        14.5, 15.0, 15.5, 16.0, 16.5, 17.0, 17.5, 18.0, 18.5, 19.0,
    ];
    check(pool(MEAN, 5, 1, 2, false), &[&x], &t(&[1, 1, 5, 5], &mean));
    let with_pad = [
        2.52f32, 3.6, 4.8, 4.08, 3.24, 4.56, 6.4, 8.4, 7.04, 5.52, 7.2, 10.0, 13.0, 10.8, 8.4,
        6.96, 9.6, 12.4, 10.24, 7.92, 6.12, 8.4, 10.8, 8.88, 6.84,
    ];
    check(pool(MEAN_WITH_PAD, 5, 1, 2, false), &[&x], &t(&[1, 1, 5, 5], &with_pad));
    let largest = [
        13.0f32, 14.0, 15.0, 15.0, 15.0, 18.0, 19.0, 20.0, 20.0, 20.0, 23.0, 24.0, 25.0, 25.0,
        25.0, 23.0, 24.0, 25.0, 25.0, 25.0, 23.0, 24.0, 25.0, 25.0, 25.0,
    ];
    check(pool(PoolKind::Max, 5, 1, 2, false), &[&x], &t(&[1, 1, 5, 5], &largest));
    let y = t(&[1, 1, 2, 2], &[4.0f32, 6.0, 14.0, 16.0]);
    check(pool(MEAN, 2, 2, 0, false), &[&x], &y);
}

/// `maxpool_2d_ceil` and `averagepool_2d_ceil` of the ONNX specification.
#[test]
fn a_last_window_that_is_not_whole_counts_in_ceil_mode() {
    let x = t(&[1, 1, 4, 4], &(1..=16).map(|i| i as f32).collect::<Vec<_>>());
    let y = t(&[1, 1, 2, 2], &[11.0f32, 12.0, 15.0, 16.0]);
    check(pool(PoolKind::Max, 3, 2, 0, true), &[&x], &y);
    let y = t(&[1, 1, 2, 2], &[6.0f32, 7.5, 12.0, 13.5]);
    check(pool(MEAN, 3, 2, 0, true), &[&x], &y);
    // Taps behind the padded input do not count, even where padding does.
    check(pool(MEAN_WITH_PAD, 3, 2, 0, true), &[&x], &y);
}

#[test]
fn dilated_windows() {
    let Op::Pool(mut parameters) = pool(PoolKind::Max, 2, 1, 0, false) else { unreachable!() };
    parameters.dilations = vec![2, 2];
    let y = t(&[1, 1, 2, 2], &[10.0f32, 11.0, 14.0, 15.0]);
    check(Op::Pool(parameters), &[&counting(&[1, 1, 4, 4])], &y);
}
