//! Shapes that reshapes and repetitions ask for.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use tensor::Dim;

/// The product of sizes.
pub(crate) fn product(dims: &[Dim]) -> Dim {
    dims.iter().cloned().fold(Dim::from(1), |a, b| a * b)
}

/// The product of `dims` over that of `divisors`, sizes that stand on both sides cancelled
/// first, so that they need not be divided as polynomials. `None` when it is no integer.
pub(crate) fn quotient(dims: &[Dim], divisors: &[Dim]) -> Option<Dim> {
    let mut dims = dims.to_vec();
    let mut divisor = Dim::from(1);
    for other in divisors {
        let same = dims.iter().position(|d| d == other && d.known() != Some(0));
        match same {
            Some(at) => drop(dims.swap_remove(at)),
            None => divisor = divisor * other.clone(),
        }
    }
    let dividend = product(&dims);
    match (dividend.known(), divisor.known()) {
        (_, Some(0)) => None,
        (Some(a), Some(b)) if a % b != 0 => None,
        _ => Some(dividend.floor_div(&divisor)),
    }
}

/// The shape that `target` asks for of a tensor of these sizes: one -1 stands for the rest, 0 for
/// the size that the tensor has there where `keeps_zeros`. `None` when it asks for what cannot be.
pub(crate) fn target_shape(sizes: &[Dim], target: &[Dim], keeps_zeros: bool) -> Option<Vec<Dim>> {
    let mut shape = Vec::with_capacity(target.len());
    let mut rest = None;
    for (axis, dim) in target.iter().enumerate() {
        match dim.known() {
            Some(0) if keeps_zeros => shape.push(sizes.get(axis)?.clone()),
            Some(-1) if rest.is_none() => {
                rest = Some(axis);
                shape.push(Dim::from(1));
            }
            Some(..0) => return None,
            Some(_) | None => shape.push(dim.clone()),
        }
    }
    if let Some(axis) = rest {
        shape[axis] = quotient(sizes, &shape)?;
    }
    Some(shape)
}

/// A value as often along each axis as is said: an axis of 1 before each repeated one, broadcast
/// and merged with it.
pub(crate) fn tiled(build: &mut Builder, x: &Operand, repeats: &[Dim]) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let is_negative = repeats.iter().any(|r| r.known().is_some_and(|r| r < 0));
    if repeats.len() != shape.len() || is_negative {
        return Err(Reason::Input {
            input: 1,
            expected: format!("{} repeats of at least 0", shape.len()),
            found: format!("{repeats:?}"),
        });
    }
    let (mut split, mut wide, mut merged) = (vec![], vec![], vec![]);
    for (size, repeat) in shape.iter().zip(repeats) {
        if repeat.known() != Some(1) {
            split.push(Dim::from(1));
            wide.push(repeat.clone());
        }
        split.push(size.clone());
        wide.push(size.clone());
        merged.push(size.clone() * repeat.clone());
    }
    let split = build.reshape(x, split)?;
    let wide = build.expand(&split, wide)?;
    build.reshape(&wide, merged)
}
