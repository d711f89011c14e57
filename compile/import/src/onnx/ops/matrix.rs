//! Operators on matrices that models seldom use.

use super::attention::scores::positions;
use super::index::whole;
use super::{Row, row};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use crate::onnx::tensors;
use operators::determinant::Determinant;
use tensor::Dim;
use tensor::scalar::Binary;

pub(super) const OPS: &[Row] = &[
    row("Det", &[], |call| whole(call, Determinant {})),
    row("EyeLike", &["dtype", "k"], eye_like),
];

/// ONNX EyeLike-9,22.
fn eye_like(call: &mut Call<'_>) -> Made {
    let fact = call.fact(0)?;
    let [rows, columns] = fact.shape.as_slice() else {
        let (expected, found) = ("a matrix".to_string(), format!("{:?}", fact.shape));
        return Err(Reason::Input { input: 0, expected, found });
    };
    let dtype = match call.int("dtype")? {
        None => fact.dtype,
        Some(number) => tensors::element_type(number)
            .map_err(|name| call.refuse("dtype", "a number type of 8 bits or more", &name))?,
    };
    let offset = call.int("k")?.unwrap_or(0) as f64;
    let offset = call.build.number(tensor::DType::I64, offset)?;
    let row = positions(call, rows)?;
    let row = call.build.binary(Binary::Add, &row, &offset)?;
    let row = call.build.reshape(&row, vec![rows.clone(), Dim::from(1)])?;
    let column = positions(call, columns)?;
    let is_on = call.build.binary(Binary::Equal, &row, &column)?;
    Ok(vec![call.build.cast(&is_on, dtype)?])
}
