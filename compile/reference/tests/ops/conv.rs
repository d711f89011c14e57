use crate::{check, check_refused, counting, t};
use ir::{Conv, Op};

fn conv(stride: usize, pads: (usize, usize), dilation: usize, groups: usize) -> Op {
    let (strides, dilations, pads) = (vec![stride; 2], vec![dilation; 2], vec![pads; 2]);
    Op::Conv(Conv { strides, dilations, pads, groups })
}

fn ones(shape: &[usize]) -> tensor::Tensor {
    t(shape, &vec![1.0f32; shape.iter().product()])
}

/// The examples of the ONNX specification of Conv: 0, 1, 2, … under a 3x3 kernel of ones.
#[test]
fn cases_of_the_specification() {
    let (x, w) = (counting(&[1, 1, 5, 5]), ones(&[1, 1, 3, 3]));
    let padded = [
        12.0f32, 21.0, 27.0, 33.0, 24.0, 33.0, 54.0, 63.0, 72.0, 51.0, 63.0, 99.0, 108.0, 117.0,
        81.0, 93.0, 144.0, 153.0, 162.0, 111.0, 72.0, 111.0, 117.0, 123.0, 84.0,
    ];
    check(conv(1, (1, 1), 1, 1), &[&x, &w], &t(&[1, 1, 5, 5], &padded));
    let whole = [54.0f32, 63.0, 72.0, 99.0, 108.0, 117.0, 144.0, 153.0, 162.0];
    check(conv(1, (0, 0), 1, 1), &[&x, &w], &t(&[1, 1, 3, 3], &whole));
    let x = counting(&[1, 1, 7, 5]);
    let strided =
        [12.0f32, 27.0, 24.0, 63.0, 108.0, 81.0, 123.0, 198.0, 141.0, 112.0, 177.0, 124.0];
    check(conv(2, (1, 1), 1, 1), &[&x, &w], &t(&[1, 1, 4, 3], &strided));
    let one_sided = Op::Conv(Conv {
        strides: vec![2, 2],
        dilations: vec![1, 1],
        pads: vec![(1, 1), (0, 0)],
        groups: 1,
    });
    let y = [21.0f32, 33.0, 99.0, 117.0, 189.0, 207.0, 171.0, 183.0];
    check(one_sided, &[&x, &w], &t(&[1, 1, 4, 2], &y));
}

#[test]
fn groups_see_their_own_channels_only() {
    let x = counting(&[1, 4, 1, 1]);
    let w = t(&[2, 2, 1, 1], &[1.0f32, 10.0, 100.0, 1000.0]);
    let y = t(&[1, 2, 1, 1], &[10.0f32, 3200.0]);
    check(conv(1, (0, 0), 1, 2), &[&x, &w], &y);
    let bias = t(&[2], &[0.5f32, -200.0]);
    let y = t(&[1, 2, 1, 1], &[10.5f32, 3000.0]);
    check(conv(1, (0, 0), 1, 2), &[&x, &w, &bias], &y);
}

#[test]
fn dilation_spreads_the_taps() {
    let (x, w) = (counting(&[1, 1, 5, 5]), t(&[1, 1, 2, 2], &[1.0f32, 0.0, 0.0, 1.0]));
    let y: Vec<f32> = [0, 1, 5, 6].iter().map(|&i| (i + i + 18) as f32).collect();
    check(conv(1, (0, 0), 3, 1), &[&x, &w], &t(&[1, 1, 2, 2], &y));
}

#[test]
fn one_axis_and_three_axes() {
    let along = |rank| {
        let (strides, pads) = (vec![1; rank], vec![(1, 0); rank]);
        Op::Conv(Conv { strides, dilations: vec![1; rank], pads, groups: 1 })
    };
    let w = t(&[1, 1, 2], &[1.0f32, 10.0]);
    check(along(1), &[&counting(&[1, 1, 3]), &w], &t(&[1, 1, 3], &[0.0f32, 10.0, 21.0]));
    let y = t(&[1, 1, 1, 1, 2], &[0.0f32, 1.0]);
    let w = t(&[1, 1, 2, 2, 2], &[0.0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    check(along(3), &[&counting(&[1, 1, 1, 1, 2]), &w], &y);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (x, w) = (counting(&[1, 2, 2, 2]), ones(&[1, 1, 3, 3]));
    let message = "conv: input channels: expected 1, found 2";
    check_refused(conv(1, (0, 0), 1, 1), &[&x, &w], message);
    let w = ones(&[1, 2, 3, 3]);
    let message = "conv: spatial size: expected 3, found 2";
    check_refused(conv(1, (0, 0), 1, 1), &[&x, &w], message);
    let message = "conv: padding is (3, 1, 1, (9223372036854775807, 9223372036854775807)), \
                   expected taps, stride, dilation and pads that fit in 32 bits";
    check_refused(conv(1, (usize::MAX / 2, usize::MAX / 2), 1, 1), &[&x, &w], message);
}
