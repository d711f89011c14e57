//! Matrix product.

use super::elementwise::broadcast;
use crate::{Fact, RuleError};
use tensor::rule::{exactly, require_type, same_size};

/// The rule of [`crate::Op::MatMul`].
pub fn mat_mul(inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [a, b] = exactly::<2>(inputs, "2")?;
    require_type(0, a, tensor::DType::is_number, "a number type")?;
    require_type(1, b, |d| d == a.dtype, a.dtype.name())?;
    for (input, fact) in inputs.iter().enumerate() {
        if fact.rank() == 0 {
            let expected = "at least 1".to_string();
            return Err(RuleError::Rank { input, expected, found: Vec::new() });
        }
    }
    let inner_b = if b.rank() == 1 { 0 } else { b.rank() - 2 };
    same_size("inner size", &a.shape[a.rank() - 1], &b.shape[inner_b])?;
    let leading_a = &a.shape[..a.rank().saturating_sub(2)];
    let leading_b = &b.shape[..b.rank().saturating_sub(2)];
    let mut shape = broadcast(leading_a, leading_b)?;
    if a.rank() > 1 {
        shape.push(a.shape[a.rank() - 2].clone());
    }
    if b.rank() > 1 {
        shape.push(b.shape[b.rank() - 1].clone());
    }
    Ok(Fact { dtype: a.dtype, shape })
}
