//! Two answers held against each other, element by element.

use crate::error::Error;
use serde::Serialize;
use std::fmt;
use tensor::{DType, Tensor};

/// How far floats may be apart: `|found - expected| <= atol + rtol * |expected|`. Integers must
/// be equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    /// Relative to the expected element.
    pub(crate) rtol: f64,
    /// Absolute; when it is not given, the lesser of 1e-4 and 1e-4 of the largest expected
    /// element: the probabilities of a thousand classes would pass any fixed one.
    pub(crate) atol: Option<f64>,
}

/// Four digits, what two good f32 engines agree to on deep networks.
pub(crate) const RTOL: f64 = 1e-4;

/// One output held against what was expected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    /// The output.
    pub(crate) output: String,
    /// Type and shape.
    pub(crate) shape: String,
    /// Do all elements agree?
    pub(crate) agrees: bool,
    /// Elements that do not.
    pub(crate) wrong: usize,
    /// Elements in all.
    pub(crate) elements: usize,
    /// The absolute bound that was used.
    pub(crate) atol: f64,
    /// The relative bound that was used.
    pub(crate) rtol: f64,
    /// The element that is furthest beyond, or nearest to, its bound.
    pub(crate) worst: Option<Worst>,
    /// Why the two cannot be compared at all.
    pub(crate) mismatch: Option<String>,
}

/// One element of a comparison.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Worst {
    /// Its place, one index for each axis.
    pub(crate) index: Vec<usize>,
    /// What it should be.
    pub(crate) expected: f64,
    /// What it is.
    pub(crate) found: f64,
    /// `|found - expected|`.
    pub(crate) absolute_error: f64,
    /// The same, relative to the expected one.
    pub(crate) relative_error: f64,
}

/// Holds `found` against `expected`.
pub(crate) fn compare(
    output: &str,
    expected: &Tensor,
    found: &Tensor,
    tolerance: Tolerance,
) -> Result<Comparison, Error> {
    let mut comparison = Comparison {
        output: output.to_string(),
        shape: format!("{found:?}"),
        agrees: true,
        wrong: 0,
        elements: expected.len(),
        atol: 0.0,
        rtol: tolerance.rtol,
        worst: None,
        mismatch: None,
    };
    if expected.dtype() != found.dtype() || expected.shape() != found.shape() {
        comparison.mismatch = Some(format!("expected {expected:?}, found {found:?}"));
        comparison.agrees = false;
        return Ok(comparison);
    }
    let (wanted, got) = (numbers(expected)?, numbers(found)?);
    let largest = wanted.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    let is_exact = !expected.dtype().is_float();
    let (atol, rtol) = if is_exact {
        (0.0, 0.0)
    } else {
        (tolerance.atol.unwrap_or_else(|| 1e-4f64.min(1e-4 * largest)), tolerance.rtol)
    };
    (comparison.atol, comparison.rtol) = (atol, rtol);
    let mut worst_excess = f64::NEG_INFINITY;
    for (i, (&e, &g)) in wanted.iter().zip(&got).enumerate() {
        let is_same = e == g || (e.is_nan() && g.is_nan());
        let error = if is_same { 0.0 } else { (g - e).abs() };
        let bound = if e.is_finite() { rtol.mul_add(e.abs(), atol) } else { 0.0 };
        // A NaN on one side only is as wrong as it gets; it also compares false. Integers are
        // compared by their bytes: beyond 2^53 different ones have one `f64`.
        let is_right =
            if is_exact { bytes_of(expected, i) == bytes_of(found, i) } else { error <= bound };
        let excess = if error.is_nan() { f64::INFINITY } else { error - bound };
        comparison.wrong += usize::from(!is_right);
        if excess > worst_excess {
            worst_excess = excess;
            comparison.worst = Some(Worst {
                index: index_of(i, expected.shape()),
                expected: e,
                found: g,
                absolute_error: error,
                relative_error: if error == 0.0 { 0.0 } else { error / e.abs() },
            });
        }
    }
    comparison.agrees = comparison.wrong == 0;
    Ok(comparison)
}

fn bytes_of(tensor: &Tensor, element: usize) -> &[u8] {
    let size = tensor.dtype().size();
    &tensor.bytes()[element * size..(element + 1) * size]
}

/// The elements as `f64`, to the nearest one.
pub(crate) fn numbers(tensor: &Tensor) -> Result<Vec<f64>, Error> {
    fn of<T: tensor::Element>(t: &Tensor, to: impl Fn(T) -> f64) -> Result<Vec<f64>, Error> {
        let slice = t.as_slice::<T>().map_err(|e| Error::Failure(e.to_string()))?;
        Ok(slice.iter().map(|&v| to(v)).collect())
    }
    match tensor.dtype() {
        DType::F32 => of::<f32>(tensor, f64::from),
        DType::F64 => of::<f64>(tensor, |v| v),
        DType::I8 => of::<i8>(tensor, f64::from),
        DType::I16 => of::<i16>(tensor, f64::from),
        DType::I32 => of::<i32>(tensor, f64::from),
        DType::I64 => of::<i64>(tensor, |v| v as f64),
        DType::U8 => of::<u8>(tensor, f64::from),
        DType::U16 => of::<u16>(tensor, f64::from),
        DType::U32 => of::<u32>(tensor, f64::from),
        DType::U64 => of::<u64>(tensor, |v| v as f64),
        DType::Bool => Ok(tensor.bytes().iter().map(|&b| f64::from(b)).collect()),
        DType::F16 | DType::BF16 => {
            Err(Error::Failure(format!("outputs of type {} cannot be compared", tensor.dtype())))
        }
    }
}

fn index_of(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let here = at % size.max(1);
            at /= size.max(1);
            here
        })
        .collect();
    index.reverse();
    index
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mismatch) = &self.mismatch {
            return write!(f, "{}: {mismatch}", self.output);
        }
        write!(f, "{} {}: ", self.output, self.shape)?;
        match self.wrong {
            0 => write!(f, "agrees")?,
            wrong => write!(f, "{wrong} of {} elements differ", self.elements)?,
        }
        if let Some(w) = &self.worst {
            write!(
                f,
                "; worst at {:?}: expected {}, found {}, absolute error {:.3e}, relative {:.3e} \
                 (bounds {:.1e} + {:.1e} * |expected|)",
                w.index,
                w.expected,
                w.found,
                w.absolute_error,
                w.relative_error,
                self.atol,
                self.rtol
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { rtol: 1e-4, atol: Some(0.0) };

    fn check(expected: &[f32], found: &[f32]) -> Comparison {
        let tensor = |v: &[f32]| Tensor::from_slice(&[v.len()], v).unwrap();
        compare("y", &tensor(expected), &tensor(found), TOLERANCE).unwrap()
    }

    #[test]
    fn elements_within_their_bound_agree() {
        assert!(check(&[1.0, -2.0], &[1.00009, -2.0001]).agrees);
        assert!(check(&[f32::NAN, f32::INFINITY], &[f32::NAN, f32::INFINITY]).agrees);
    }

    #[test]
    fn the_worst_element_is_named() {
        let comparison = check(&[1.0, 2.0, 3.0], &[1.001, 2.1, 3.0]);
        assert_eq!((comparison.agrees, comparison.wrong), (false, 2));
        assert_eq!(comparison.worst.unwrap().index, [1]);
        for (expected, found) in [(1.0, f32::NAN), (f32::NAN, 1.0), (f32::INFINITY, 1.0)] {
            let comparison = check(&[5.0, expected], &[5.0, found]);
            assert_eq!(comparison.wrong, 1, "{expected} {found}");
            assert_eq!(comparison.worst.unwrap().index, [1]);
        }
    }

    #[test]
    fn integers_must_be_equal_and_shapes_too() {
        let tensor = |v: &[i64]| Tensor::from_slice(&[v.len()], v).unwrap();
        let far = Tolerance { rtol: 1.0, atol: Some(9.0) };
        let large = 1 << 60;
        for (expected, found) in [(100, 101), (large, large + 1)] {
            let comparison = compare("y", &tensor(&[expected]), &tensor(&[found]), far).unwrap();
            assert_eq!(comparison.wrong, 1, "{expected} {found}");
        }
        let comparison = compare("y", &tensor(&[1]), &tensor(&[1, 2]), far).unwrap();
        assert_eq!(comparison.to_string(), "y: expected i64[1], found i64[2]");
    }

    #[test]
    fn places_have_one_index_for_each_axis() {
        assert_eq!(index_of(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(index_of(0, &[]), [] as [usize; 0]);
    }
}
