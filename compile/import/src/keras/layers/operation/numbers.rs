//! Functions of elements, and the types that they compute in.

use super::super::super::call::{Call, Made};
use super::parameters::{like, operand, operand_of};
use crate::build::Operand;
use crate::error::Reason;
use ir::Op;
use tensor::DType;
use tensor::scalar::{Binary, Unary};

/// Signed and unsigned integers, each kind from the narrowest on.
const SIGNED: [DType; 4] = [DType::I8, DType::I16, DType::I32, DType::I64];
const UNSIGNED: [DType; 4] = [DType::U8, DType::U16, DType::U32, DType::U64];

pub(super) fn unary(call: &mut Call<'_, '_>, function: Unary) -> Made {
    let x = operand(call, 0)?;
    Ok(vec![call.walk.build.unary(function, &x)?])
}

pub(super) fn binary(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (operand(call, 0)?, operand(call, 1)?);
    let [a, b] = in_one_type(call, a, b)?;
    Ok(vec![call.walk.build.binary(function, &a, &b)?])
}

/// A quotient, which is a fraction also of integers: TensorFlow's of wide ones are in `f64`.
pub(super) fn quotient(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (operand(call, 0)?, operand(call, 1)?);
    let [mut a, mut b] = in_one_type(call, a, b)?;
    let build = &mut call.walk.build;
    let dtype = build.fact(&a).dtype;
    if !dtype.is_float() {
        let is_wide = matches!(dtype, DType::I32 | DType::I64 | DType::U32 | DType::U64);
        let is_double = is_wide && call.walk.dialect < 3;
        let dtype = if is_double { DType::F64 } else { DType::F32 };
        (a, b) = (build.cast(&a, dtype)?, build.cast(&b, dtype)?);
    }
    Ok(vec![build.binary(Binary::Div, &a, &b)?])
}

/// A function of truths; numbers other than zero are true.
pub(super) fn logical(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (operand(call, 0)?, operand(call, 1)?);
    let build = &mut call.walk.build;
    let (a, b) = (build.cast(&a, DType::Bool)?, build.cast(&b, DType::Bool)?);
    Ok(vec![build.binary(function, &a, &b)?])
}

/// Elements of one value where a condition holds, of another where not.
pub(super) fn choice(call: &mut Call<'_, '_>) -> Made {
    const NAMES: [&[&str]; 3] = [&["condition"], &["x", "x1"], &["y", "x2"]];
    let condition = operand_of(call, 0, NAMES[0], DType::Bool)?;
    // The condition says nothing of the type of numbers that it chooses between.
    let dtype = like(call, &[(1, NAMES[1]), (2, NAMES[2])]);
    let a = operand_of(call, 1, NAMES[1], dtype)?;
    let b = operand_of(call, 2, NAMES[2], dtype)?;
    let [a, b] = in_one_type(call, a, b)?;
    let build = &mut call.walk.build;
    let condition = build.cast(&condition, DType::Bool)?;
    Ok(vec![build.emit(Op::Select, &[&condition, &a, &b])?])
}

/// Two values in the type that numbers of both become.
fn in_one_type(call: &mut Call<'_, '_>, a: Operand, b: Operand) -> Result<[Operand; 2], Reason> {
    let build = &mut call.walk.build;
    let (of_a, of_b) = (build.fact(&a).dtype, build.fact(&b).dtype);
    let dtype = common(of_a, of_b).ok_or_else(|| Reason::Input {
        input: 1,
        expected: format!("numbers that {of_a:?} has a common type with: cast one to the other"),
        found: format!("{of_b:?}"),
    })?;
    Ok([build.cast(&a, dtype)?, build.cast(&b, dtype)?])
}

/// The type of what numbers of two types make, as Keras 3 has it; earlier versions take two of one
/// type only.
fn common(a: DType, b: DType) -> Option<DType> {
    match (a, b) {
        _ if a == b => return Some(a),
        (DType::Bool, other) | (other, DType::Bool) if other != DType::String => {
            return Some(other);
        }
        _ if a.is_float() && b.is_float() => {
            return Some(if [a, b].contains(&DType::F64) { DType::F64 } else { DType::F32 });
        }
        _ if a.is_float() => return place(b).map(|_| a),
        _ if b.is_float() => return place(a).map(|_| b),
        _ => {}
    }
    let ((is_signed, width), (is_other_signed, other)) = (place(a)?, place(b)?);
    match (is_signed, is_other_signed) {
        (true, true) => Some(SIGNED[width.max(other)]),
        (false, false) => Some(UNSIGNED[width.max(other)]),
        (true, false) => SIGNED.get(width.max(other + 1)).copied(),
        (false, true) => SIGNED.get(other.max(width + 1)).copied(),
    }
}

/// Is it a signed integer, and how wide is it among those of its kind?
fn place(dtype: DType) -> Option<(bool, usize)> {
    let among = |kind: [DType; 4]| kind.iter().position(|&known| known == dtype);
    let signed = among(SIGNED).map(|width| (true, width));
    signed.or_else(|| among(UNSIGNED).map(|width| (false, width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_two_types_have_the_type_of_keras() {
        let cases = [
            (DType::I32, DType::I32, Some(DType::I32)),
            (DType::Bool, DType::I32, Some(DType::I32)),
            (DType::U8, DType::F32, Some(DType::F32)),
            (DType::F32, DType::F64, Some(DType::F64)),
            (DType::F16, DType::BF16, Some(DType::F32)),
            (DType::I8, DType::I64, Some(DType::I64)),
            (DType::U8, DType::I8, Some(DType::I16)),
            (DType::U8, DType::I32, Some(DType::I32)),
            (DType::U64, DType::I64, None),
            (DType::String, DType::F32, None),
        ];
        for (a, b, expected) in cases {
            assert_eq!(common(a, b), expected, "{a:?} and {b:?}");
            assert_eq!(common(b, a), expected, "{b:?} and {a:?}");
        }
    }
}
