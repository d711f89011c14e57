//! Normalizations.

use crate::{Fact, RuleError};
use tensor::DType;
use tensor::rule::{exactly, require_axis, require_type, same_size};

/// The rule of [`crate::Op::Softmax`] and [`crate::Op::LogSoftmax`].
pub fn softmax(axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    require_type(0, x, DType::is_float, "a float type")?;
    require_axis(axis, x)?;
    Ok(x.clone())
}

/// The rule of [`crate::Op::LayerNorm`].
pub fn layer_norm(axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let x = match inputs {
        [x, _] | [x, _, _] => x,
        _ => return Err(RuleError::Arity { expected: "2 or 3", found: inputs.len() }),
    };
    require_axis(axis, x)?;
    for (input, fact) in inputs.iter().enumerate() {
        require_type(input, fact, |d| d == x.dtype && d.is_float(), "a float type")?;
    }
    for (input, fact) in inputs.iter().enumerate().skip(1) {
        if fact.rank() != x.rank() - axis {
            let expected = (x.rank() - axis).to_string();
            return Err(RuleError::Rank { input, expected, found: fact.shape.clone() });
        }
        for (expected, found) in x.shape[axis..].iter().zip(&fact.shape) {
            same_size("scale or bias", expected, found)?;
        }
    }
    Ok(x.clone())
}

/// The rule of [`crate::Op::LocalResponseNorm`].
pub fn local_response_norm(size: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    require_type(0, x, DType::is_float, "a float type")?;
    require_axis(1, x)?;
    if size == 0 {
        let expected = "at least 1".to_string();
        return Err(RuleError::Parameter { what: "size", found: "0".to_string(), expected });
    }
    Ok(x.clone())
}
