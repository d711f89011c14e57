//! Operators that move elements and change none.

use super::elementwise::broadcast;
use crate::{Fact, RuleError, SliceAxis};
use tensor::rule::{exactly, require_axis, require_type, same_size};
use tensor::{DType, Dim};

/// The rule of [`crate::Op::Reshape`].
pub fn reshape(shape: &[Dim], inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    let product = |dims: &[Dim]| dims.iter().cloned().fold(Dim::from(1), |a, b| a * b);
    same_size("number of elements", &product(&x.shape), &product(shape))?;
    Ok(Fact { dtype: x.dtype, shape: shape.to_vec() })
}

/// The rule of [`crate::Op::Transpose`].
pub fn transpose(perm: &[usize], inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.rank()) {
        let expected = format!("a permutation of the axes of {:?}", x.shape);
        return Err(RuleError::Parameter { what: "perm", found: format!("{perm:?}"), expected });
    }
    Ok(Fact { dtype: x.dtype, shape: perm.iter().map(|&axis| x.shape[axis].clone()).collect() })
}

/// The rule of [`crate::Op::Slice`].
pub fn slice(axes: &[SliceAxis], inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    let mut shape = x.shape.clone();
    for (position, cut) in axes.iter().enumerate() {
        require_axis(cut.axis, x)?;
        if axes[..position].iter().any(|earlier| earlier.axis == cut.axis) {
            let expected = "each once".to_string();
            return Err(RuleError::Parameter {
                what: "axes",
                found: cut.axis.to_string(),
                expected,
            });
        }
        if cut.step == 0 {
            let expected = "a distance other than 0".to_string();
            return Err(RuleError::Parameter { what: "step", found: "0".to_string(), expected });
        }
        check_range(cut, &x.shape[cut.axis])?;
        shape[cut.axis] = cut.len.clone();
    }
    Ok(Fact { dtype: x.dtype, shape })
}

fn check_range(cut: &SliceAxis, size: &Dim) -> Result<(), RuleError> {
    let (Some(start), Some(len), Some(size)) = (cut.start.known(), cut.len.known(), size.known())
    else {
        return Ok(());
    };
    let last = len.checked_sub(1).and_then(|n| n.checked_mul(cut.step)?.checked_add(start));
    let is_inside = |at: i64| (0..size).contains(&at);
    if len == 0 || (len > 0 && is_inside(start) && last.is_some_and(is_inside)) {
        return Ok(());
    }
    let found = format!("{len} elements from {start} at distance {}", cut.step);
    let expected = format!("a range within {size} elements");
    Err(RuleError::Parameter { what: "slice", found, expected })
}

/// The rule of [`crate::Op::Concat`].
pub fn concat(axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [first, rest @ ..] = inputs else {
        return Err(RuleError::Arity { expected: "1 or more", found: 0 });
    };
    require_axis(axis, first)?;
    let mut shape = first.shape.clone();
    for (input, fact) in rest.iter().enumerate() {
        require_type(input + 1, fact, |d| d == first.dtype, first.dtype.name())?;
        if fact.rank() != first.rank() {
            let (input, expected) = (input + 1, first.rank().to_string());
            return Err(RuleError::Rank { input, expected, found: fact.shape.clone() });
        }
        for other in (0..first.rank()).filter(|&a| a != axis) {
            same_size("size beside the joined axis", &first.shape[other], &fact.shape[other])?;
        }
        shape[axis] = shape[axis].clone() + fact.shape[axis].clone();
    }
    Ok(Fact { dtype: first.dtype, shape })
}

/// The rule of [`crate::Op::Expand`].
pub fn expand(shape: &[Dim], inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    let common = broadcast(&x.shape, shape)?;
    if common.len() != shape.len() {
        let expected = format!("at most {}", shape.len());
        return Err(RuleError::Rank { input: 0, expected, found: x.shape.clone() });
    }
    for (expected, found) in common.iter().zip(shape) {
        same_size("expanded size", expected, found)?;
    }
    Ok(Fact { dtype: x.dtype, shape: shape.to_vec() })
}

/// The rule of [`crate::Op::Gather`].
pub fn gather(axis: usize, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x, indices] = exactly::<2>(inputs, "2")?;
    require_axis(axis, x)?;
    require_type(1, indices, |d| matches!(d, DType::I32 | DType::I64), "i32 or i64")?;
    let mut shape = x.shape[..axis].to_vec();
    shape.extend_from_slice(&indices.shape);
    shape.extend_from_slice(&x.shape[axis + 1..]);
    Ok(Fact { dtype: x.dtype, shape })
}

/// The rule of [`crate::Op::Pad`].
pub fn pad(before: &[i64], after: &[i64], inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    if before.len() != x.rank() || after.len() != x.rank() {
        let found = format!("{} and {} entries", before.len(), after.len());
        let expected = format!("one entry for each of {} axes", x.rank());
        return Err(RuleError::Parameter { what: "pads", found, expected });
    }
    let mut shape = Vec::with_capacity(x.rank());
    for axis in 0..x.rank() {
        let size = x.shape[axis].clone() + Dim::from(before[axis]) + Dim::from(after[axis]);
        if size.known().is_some_and(|s| s < 0) {
            let expected = Dim::from(0);
            return Err(RuleError::Size { what: "padded size", expected, found: size });
        }
        shape.push(size);
    }
    Ok(Fact { dtype: x.dtype, shape })
}

/// The rule of [`crate::Op::Dimensions`].
pub fn dimensions(dims: &[Dim], inputs: &[Fact]) -> Result<Fact, RuleError> {
    exactly::<0>(inputs, "0")?;
    Ok(Fact { dtype: DType::I64, shape: vec![Dim::from(dims.len())] })
}
