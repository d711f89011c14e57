//! The naive twins against cases worked out by hand and against those of the ONNX operator
//! specification.

mod conv;
mod elementwise;
mod matmul;
mod movement;
mod norm;
mod pool;
mod reduce;
mod run;

use ir::Op;
use reference::ReferenceError;
use tensor::{Bindings, DType, Element, Tensor};

/// A tensor with these elements.
fn t<T: Element>(shape: &[usize], elements: &[T]) -> Tensor {
    Tensor::from_slice(shape, elements).unwrap()
}

/// An `f32` tensor of 0, 1, 2, ….
fn counting(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    t(shape, &(0..count).map(|i| i as f32).collect::<Vec<_>>())
}

/// A boolean tensor.
fn bools(shape: &[usize], elements: &[bool]) -> Tensor {
    let bytes: Vec<u8> = elements.iter().map(|&b| u8::from(b)).collect();
    Tensor::from_bytes(DType::Bool, shape, &bytes).unwrap()
}

fn evaluate(op: &Op, inputs: &[&Tensor]) -> Result<Tensor, ReferenceError> {
    reference::evaluate(op, inputs, &Bindings::new())
}

/// Evaluates and compares: type, shape, and elements. Floats of 32 bits may differ by one unit
/// in the last place, half for the rounding of the result and half for that of the literal.
#[track_caller]
fn check(op: Op, inputs: &[&Tensor], expected: &Tensor) {
    let found = evaluate(&op, inputs).unwrap_or_else(|error| panic!("{op:?}: {error}"));
    assert_eq!(found.shape(), expected.shape(), "{op:?}");
    assert_eq!(found.dtype(), expected.dtype(), "{op:?}");
    if expected.dtype() != DType::F32 {
        assert_eq!(found.bytes(), expected.bytes(), "{op:?}");
        return;
    }
    let (f, e) = (found.as_slice::<f32>().unwrap(), expected.as_slice::<f32>().unwrap());
    let is_near = |(f, e): (&f32, &f32)| {
        f == e || (f.is_nan() && e.is_nan()) || (f - e).abs() <= f32::EPSILON * e.abs()
    };
    assert!(f.iter().zip(e).all(is_near), "{op:?}\n expected {e:?}\n found    {f:?}");
}

/// Evaluates and compares the message of the refusal.
#[track_caller]
fn check_refused(op: Op, inputs: &[&Tensor], message: &str) {
    let error = evaluate(&op, inputs).expect_err("a refusal");
    assert_eq!(error.to_string(), message, "{op:?}");
}

#[test]
fn a_result_beyond_the_bound_is_refused_before_it_is_allocated() {
    let op = Op::Expand { shape: vec![tensor::Dim::from(1i64 << 40)] };
    let message = "expand would make [1099511627776], expected at most 268435456 elements";
    check_refused(op, &[&t(&[1], &[0u8])], message);
}
