//! Integers that stand for numbers: affine quantization.

use crate::{Fact, RuleError};
use tensor::DType;
use tensor::rule::{exactly, require_axis, require_type, same_size};

/// The rule of [`crate::Op::Quantize`].
pub fn quantize(dtype: DType, axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x, scale, zero] = exactly::<3>(inputs, "3")?;
    if !matches!(dtype, DType::U8 | DType::I8) {
        let (what, found) = ("type", dtype.name().to_string());
        return Err(RuleError::Parameter { what, found, expected: "u8 or i8".to_string() });
    }
    require_type(0, x, |d| d == DType::F32, "f32")?;
    require_type(2, zero, |d| d == dtype, dtype.name())?;
    require_parameters(axis, x, scale, zero)?;
    Ok(Fact { dtype, shape: x.shape.clone() })
}

/// The rule of [`crate::Op::Dequantize`].
pub fn dequantize(axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x, scale, zero] = exactly::<3>(inputs, "3")?;
    let is_integer = |d| matches!(d, DType::U8 | DType::I8 | DType::U4 | DType::I4);
    require_type(0, x, is_integer, "u8, i8, u4 or i4")?;
    require_type(2, zero, |d| d == x.dtype, x.dtype.name())?;
    require_parameters(axis, x, scale, zero)?;
    Ok(Fact { dtype: DType::F32, shape: x.shape.clone() })
}

/// Requires a scale and a zero point of all elements, or of each along an axis.
fn require_parameters(axis: usize, x: &Fact, scale: &Fact, zero: &Fact) -> Result<(), RuleError> {
    require_type(1, scale, |d| d == DType::F32, "f32")?;
    if scale.rank() != zero.rank() {
        let expected = format!("{}, as the scale", scale.rank());
        return Err(RuleError::Rank { input: 2, expected, found: zero.shape.clone() });
    }
    for (input, fact) in [(1, scale), (2, zero)] {
        match fact.shape.as_slice() {
            [] => {}
            [size] => {
                require_axis(axis, x)?;
                same_size("scale or zero point", &x.shape[axis], size)?;
            }
            _ => {
                let (expected, found) = ("0 or 1".to_string(), fact.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
        }
    }
    Ok(())
}
