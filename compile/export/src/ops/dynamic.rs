//! Operators whose results have sizes that depend on elements, or that take what is no tensor of
//! numbers.

use super::{index, reduce, resize, sequence, text};
use crate::call::{Call, Written};
use crate::messages::{self, flag, int, size};
use import::onnx::decode::TensorProto;
use operators::Dynamic;
use operators::dynamic::{Axes, Literal, NonMaxSuppression, Pad, PadMode};
use tensor::DType;

pub(super) fn write(call: &mut Call<'_, '_>, operator: &Dynamic) -> Written {
    match operator {
        Dynamic::Axes(Axes::Add) => with_integers(call, "Unsqueeze", &[1], vec![]),
        Dynamic::Axes(Axes::Drop) => with_integers(call, "Squeeze", &[1], vec![]),
        Dynamic::Compress(p) => {
            let (x, condition) = (call.input(0), call.cast(1, DType::Bool));
            let axis = p.axis.map(|axis| size("axis", axis));
            call.last("Compress", &[&x, &condition], axis.into_iter().collect())
        }
        Dynamic::Elements(_) => elements(call),
        Dynamic::Literal(p) => literal(call, p),
        Dynamic::NonMaxSuppression(p) => non_max_suppression(call, p),
        Dynamic::NonZero(_) => call.same("NonZero", vec![]),
        Dynamic::Optional(p) => sequence::optional(call, *p),
        Dynamic::Pad(p) => pad(call, p),
        Dynamic::Range(_) => index::computed_range(call),
        Dynamic::Reduce(p) => {
            let attributes = vec![
                flag("keepdims", p.keepdims),
                flag("noop_with_empty_axes", p.is_noop_without_axes),
            ];
            with_integers(call, reduce::name(p.reduction), &[1], attributes)
        }
        Dynamic::Reshape(p) => {
            with_integers(call, "Reshape", &[1], vec![flag("allowzero", p.allow_zero)])
        }
        Dynamic::ResizeBy(p) => resize::resize_by(call, p),
        Dynamic::Sequence(p) => sequence::sequence(call, *p),
        Dynamic::Slice(_) => with_integers(call, "Slice", &[1, 2, 3, 4], vec![]),
        Dynamic::TextOperator(p) => text::write(call, p),
        Dynamic::Unique(p) => {
            let axis = p.axis.map(|axis| size("axis", axis));
            let sorted = flag("sorted", p.is_sorted);
            call.same("Unique", axis.into_iter().chain([sorted]).collect())
        }
    }
}

/// An operator of whose inputs these have to be integers of 64 bits.
fn with_integers(
    call: &mut Call<'_, '_>,
    op: &str,
    integers: &[usize],
    attributes: Vec<import::onnx::decode::AttributeProto>,
) -> Written {
    for &index in integers {
        call.inputs[index] = call.cast(index, DType::I64);
    }
    call.same(op, attributes)
}

/// The elements as a vector of integers of 64 bits.
fn elements(call: &mut Call<'_, '_>) -> Written {
    let mut x = call.cast(0, DType::I64);
    if call.fact(0).rank() != 1 {
        let all = call.integers(&[-1]);
        x = call.step("Reshape", &[&x, &all], vec![]);
    }
    call.is(&x)
}

fn literal(call: &mut Call<'_, '_>, literal: &Literal) -> Written {
    let tensor = TensorProto {
        data_type: call.element(DType::String) as i32,
        dims: literal.shape.iter().map(|&size| size as i64).collect(),
        string_data: literal.elements.iter().map(|x| x.clone().into_bytes().into()).collect(),
        ..TensorProto::default()
    };
    call.last("Constant", &[], vec![messages::tensor("value", tensor)])
}

/// `(boxes, scores, most, overlap, score)`
fn non_max_suppression(call: &mut Call<'_, '_>, p: &NonMaxSuppression) -> Written {
    let (floats, most) = ([0, 1, 3].map(|i| call.cast(i, DType::F32)), call.cast(2, DType::I64));
    let least = if p.has_least_score { call.cast(4, DType::F32) } else { String::new() };
    let [boxes, scores, overlap] = floats;
    let mut inputs = vec![boxes.as_str(), &scores, &most, &overlap];
    inputs.extend(p.has_least_score.then_some(least.as_str()));
    call.last("NonMaxSuppression", &inputs, vec![int("center_point_box", i64::from(p.is_centered))])
}

/// `(x, pads, value, axes)`
fn pad(call: &mut Call<'_, '_>, pad: &Pad) -> Written {
    let mode = match pad.mode {
        PadMode::Constant => "constant",
        PadMode::Edge => "edge",
        PadMode::Reflect => "reflect",
        PadMode::Wrap => "wrap",
    };
    let (x, value) = (call.input(0), call.input(2));
    let (pads, axes) = (call.cast(1, DType::I64), call.cast(3, DType::I64));
    let value = if pad.mode == PadMode::Constant { value.as_str() } else { "" };
    call.last("Pad", &[&x, &pads, value, &axes], vec![messages::text("mode", mode)])
}
