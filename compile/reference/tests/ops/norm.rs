use crate::{check, counting, t};
use ir::Op;

/// The example of the ONNX specification of Softmax, and rows of large numbers.
#[test]
fn softmax_sums_to_one() {
    let x = t(&[1, 3], &[-1.0f32, 0.0, 1.0]);
    let y = t(&[1, 3], &[0.090_030_57f32, 0.244_728_48, 0.665_240_94]);
    check(Op::Softmax { axis: 1 }, &[&x], &y);
    let y = t(&[1, 3], &[-2.407_606f32, -1.407_606, -0.407_605_98]);
    check(Op::LogSoftmax { axis: 1 }, &[&x], &y);
    let x = t(&[2, 2], &[1000.0f32, -1000.0, 1000.0, -1000.0]);
    check(Op::Softmax { axis: 0 }, &[&x], &t(&[2, 2], &[0.5f32; 4]));
    check(Op::Softmax { axis: 1 }, &[&x], &t(&[2, 2], &[1.0f32, 0.0, 1.0, 0.0]));
}

#[test]
fn layer_norm_has_mean_zero_and_variance_one() {
    // Of 0, 1, 2, 3 the mean is 3/2 and the variance 5/4; with epsilon 1 the deviation is 3/2.
    let x = counting(&[1, 2, 2]);
    let scale = t(&[2, 2], &[1.0f32, 1.0, 3.0, 3.0]);
    let op = Op::LayerNorm { axis: 1, epsilon: 1.0 };
    let y = t(&[1, 2, 2], &[-1.0f32, -1.0 / 3.0, 1.0, 3.0]);
    check(op.clone(), &[&x, &scale], &y);
    let bias = t(&[2, 2], &[0.0f32, 0.0, 1.0, 1.0]);
    check(op, &[&x, &scale, &bias], &t(&[1, 2, 2], &[-1.0f32, -1.0 / 3.0, 2.0, 4.0]));
}

#[test]
fn local_response_norm_looks_at_neighboring_channels() {
    let x = t(&[1, 4, 1], &[1.0f32, 2.0, 3.0, 4.0]);
    let op = |size| Op::LocalResponseNorm { size, alpha: 1.0, beta: 1.0, bias: 1.0 };
    // Of size 3, one channel to either side; of size 2, the channel and the one above it.
    let y = [1.0 / (1.0 + 5.0 / 3.0), 2.0 / (1.0 + 14.0 / 3.0), 3.0 / (1.0 + 29.0 / 3.0)];
    let y = t(&[1, 4, 1], &[y[0], y[1], y[2], 4.0 / (1.0 + 25.0 / 3.0f32)]);
    check(op(3), &[&x], &y);
    let y = t(&[1, 4, 1], &[1.0 / 3.5f32, 2.0 / 7.5, 3.0 / 13.5, 4.0 / 9.0]);
    check(op(2), &[&x], &y);
}
