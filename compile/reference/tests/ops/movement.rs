use crate::{check, check_refused, counting, t};
use ir::{Op, PadMode, SliceAxis};
use tensor::{Bindings, Dim};

fn cut(axis: usize, start: i64, len: i64, step: i64) -> SliceAxis {
    SliceAxis { axis, start: Dim::from(start), len: Dim::from(len), step }
}

#[test]
fn reshape_keeps_the_elements() {
    let shape = vec![Dim::from(3), Dim::from(2)];
    let elements = [0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0];
    check(Op::Reshape { shape }, &[&counting(&[2, 3])], &t(&[3, 2], &elements));
    let message = "reshape: number of elements: expected 6, found 4";
    check_refused(Op::Reshape { shape: vec![Dim::from(4)] }, &[&counting(&[6])], message);
}

#[test]
fn symbols_in_parameters_take_their_sizes() {
    let n = Dim::symbol("n");
    let op = Op::Reshape { shape: vec![n.clone() * Dim::from(2), Dim::from(3)] };
    let x = counting(&[6]);
    let sizes = Bindings::from([("n".to_string(), 1)]);
    assert_eq!(reference::evaluate(&op, &[&x], &sizes).unwrap().shape(), [2, 3]);
    let error = reference::evaluate(&op, &[&x], &Bindings::new()).unwrap_err();
    assert_eq!(error.to_string(), "the size of dimension `n` is not known");
    let sizes = Bindings::from([("n".to_string(), 7)]);
    let made = reference::evaluate(&Op::Dimensions(vec![n, Dim::from(4)]), &[], &sizes).unwrap();
    assert_eq!(made.as_slice::<i64>().unwrap(), [7, 4]);
}

#[test]
fn transpose_permutes_the_axes() {
    let op = Op::Transpose { perm: vec![1, 2, 0] };
    let y = t(&[2, 1, 3], &[0.0f32, 2.0, 4.0, 1.0, 3.0, 5.0]);
    check(op, &[&counting(&[3, 2, 1])], &y);
}

#[test]
fn slice_takes_ranges_in_both_directions() {
    let x = counting(&[3, 4]);
    let op = Op::Slice { axes: vec![cut(0, 2, 3, -1), cut(1, 1, 2, 2)] };
    check(op, &[&x], &t(&[3, 2], &[9.0f32, 11.0, 5.0, 7.0, 1.0, 3.0]));
    check(Op::Slice { axes: vec![cut(1, 4, 0, 1)] }, &[&x], &t::<f32>(&[3, 0], &[]));
    let one = Op::Slice { axes: vec![cut(1, 3, 1, i64::MIN)] };
    check(one, &[&x], &t(&[3, 1], &[3.0f32, 7.0, 11.0]));
    let message = "slice: slice is 3 elements from 2 at distance 1, expected a range within 4 \
                   elements";
    check_refused(Op::Slice { axes: vec![cut(1, 2, 3, 1)] }, &[&x], message);
    let twice = Op::Slice { axes: vec![cut(1, 0, 1, 1), cut(1, 0, 1, 1)] };
    check_refused(twice, &[&x], "slice: axes is 1, expected each once");
}

#[test]
fn concat_joins_along_an_axis() {
    let (a, b) = (t(&[2, 1], &[1u8, 2]), t(&[2, 2], &[3u8, 4, 5, 6]));
    check(Op::Concat { axis: 1 }, &[&a, &b], &t(&[2, 3], &[1u8, 3, 4, 2, 5, 6]));
    check(Op::Concat { axis: 0 }, &[&a, &a], &t(&[4, 1], &[1u8, 2, 1, 2]));
    let empty = t::<u8>(&[0, 1], &[]);
    check(Op::Concat { axis: 0 }, &[&empty, &a], &a);
}

#[test]
fn expand_repeats() {
    let op = Op::Expand { shape: vec![Dim::from(2), Dim::from(2), Dim::from(3)] };
    let y = t(&[2, 2, 3], &[1i32, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
    check(op, &[&t(&[2, 1], &[1i32, 2])], &y);
}

#[test]
fn gather_picks_rows_and_counts_negative_ones_from_the_end() {
    let x = counting(&[2, 3]);
    let indices = t(&[2, 1], &[-1i64, 0]);
    let y = t(&[2, 2, 1], &[2.0f32, 0.0, 5.0, 3.0]);
    check(Op::Gather { axis: 1 }, &[&x, &indices], &y);
    check(Op::Gather { axis: 0 }, &[&x, &t(&[], &[1i32])], &t(&[3], &[3.0f32, 4.0, 5.0]));
    let message = "gather: index -4 is outside an axis of 3 elements";
    check_refused(Op::Gather { axis: 1 }, &[&x, &t(&[1], &[-4i64])], message);
}

/// The examples of the ONNX specification of Pad.
#[test]
fn pad_adds_and_removes() {
    let x = t(&[3, 2], &[1.0f32, 1.2, 2.3, 3.4, 4.5, 5.7]);
    let pad = |mode| Op::Pad { before: vec![0, 2], after: vec![0, 0], mode };
    let constant = [0.0f32, 0.0, 1.0, 1.2, 0.0, 0.0, 2.3, 3.4, 0.0, 0.0, 4.5, 5.7];
    check(pad(PadMode::Constant(0.0)), &[&x], &t(&[3, 4], &constant));
    let edge = [1.0f32, 1.0, 1.0, 1.2, 2.3, 2.3, 2.3, 3.4, 4.5, 4.5, 4.5, 5.7];
    check(pad(PadMode::Edge), &[&x], &t(&[3, 4], &edge));
    let reflect = [1.0f32, 1.2, 1.0, 1.2, 2.3, 3.4, 2.3, 3.4, 4.5, 5.7, 4.5, 5.7];
    check(pad(PadMode::Reflect), &[&x], &t(&[3, 4], &reflect));
    let crop = Op::Pad { before: vec![-1], after: vec![1], mode: PadMode::Constant(9.0) };
    check(crop, &[&t(&[3], &[1u8, 2, 3])], &t(&[3], &[2u8, 3, 9]));
    let edge = Op::Pad { before: vec![1], after: vec![0], mode: PadMode::Edge };
    check_refused(edge, &[&t::<u8>(&[0], &[])], "pad: axis 0 has no element to repeat");
}
