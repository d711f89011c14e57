//! Reductions.

use crate::{Arg, Fact, RuleError};
use tensor::rule::{exactly, require_axis, require_type};
use tensor::{DType, Dim};

/// The rule of [`crate::Op::Reduce`].
pub fn reduce(axes: &[usize], keepdims: bool, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    require_type(0, x, DType::is_number, "a number type")?;
    for &axis in axes {
        require_axis(axis, x)?;
    }
    if !axes.is_sorted_by(|a, b| a < b) {
        let expected = "ascending, each once".to_string();
        return Err(RuleError::Parameter { what: "axes", found: format!("{axes:?}"), expected });
    }
    Ok(Fact { dtype: x.dtype, shape: without(&x.shape, axes, keepdims) })
}

/// The rule of [`crate::Op::Arg`].
pub fn arg(arg: &Arg, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    require_type(0, x, DType::is_number, "a number type")?;
    require_axis(arg.axis, x)?;
    Ok(Fact { dtype: DType::I64, shape: without(&x.shape, &[arg.axis], arg.keepdims) })
}

fn without(shape: &[Dim], axes: &[usize], keepdims: bool) -> Vec<Dim> {
    let kept = |axis: usize| !axes.contains(&axis);
    (0..shape.len())
        .filter(|&axis| keepdims || kept(axis))
        .map(|axis| if kept(axis) { shape[axis].clone() } else { Dim::from(1) })
        .collect()
}
