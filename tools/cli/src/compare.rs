//! Two answers held against each other, element by element.

use half::{bf16, f16};
use serde::Serialize;
use std::fmt;
use tensor::{DType, Tensor, Value};

/// How far floats may be apart: `|found - expected| <= atol + rtol * |expected|`. Integers must
/// be equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    /// Relative to the expected element; when it is not given, what [`rtol_of`] says.
    pub(crate) rtol: Option<f64>,
    /// Absolute; when it is not given, the lesser of 1e-4 and 1e-4 of the largest expected
    /// element: the probabilities of a thousand classes would pass any fixed one.
    pub(crate) atol: Option<f64>,
}

/// The relative bound for floats of a type: four digits, what two good f32 engines agree to on
/// deep networks; where neighbors are further apart than that, their distance, since two good
/// engines may round to either.
fn rtol_of(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => f16::EPSILON.to_f64(),
        DType::BF16 => bf16::EPSILON.to_f64(),
        _ => 1e-4,
    }
}

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
    expected: &Value,
    found: &Value,
    tolerance: Tolerance,
) -> Comparison {
    let mut comparison = Comparison {
        output: output.to_string(),
        shape: format!("{found:?}"),
        agrees: true,
        wrong: 0,
        elements: expected.shape().iter().product(),
        atol: 0.0,
        rtol: 0.0,
        worst: None,
        mismatch: None,
    };
    if expected.dtype() != found.dtype() || expected.shape() != found.shape() {
        comparison.mismatch = Some(format!("expected {expected:?}, found {found:?}"));
        comparison.agrees = false;
        return comparison;
    }
    if let (Some(wanted), Some(got)) = (expected.text(), found.text()) {
        let is_wrong = |at: &usize| wanted.element(*at) != got.element(*at);
        let first = (0..wanted.len()).find(is_wrong);
        comparison.mismatch = first.map(|at| {
            let (index, wanted, got) =
                (index_of(at, expected.shape()), wanted.element(at), got.element(at));
            format!("expected {wanted:?} at {index:?}, found {got:?}")
        });
        comparison.wrong = (0..wanted.len()).filter(is_wrong).count();
        comparison.agrees = comparison.wrong == 0;
        return comparison;
    }
    let (wanted, got) = (numbers(expected), numbers(found));
    let largest = wanted.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    let is_exact = !expected.dtype().is_float();
    let (atol, rtol) = if is_exact {
        (0.0, 0.0)
    } else {
        let rtol = tolerance.rtol.unwrap_or_else(|| rtol_of(expected.dtype()));
        (tolerance.atol.unwrap_or_else(|| 1e-4f64.min(1e-4 * largest)), rtol)
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
    comparison
}

fn bytes_of(value: &Value, element: usize) -> &[u8] {
    let Some(tensor) = value.tensor() else { return &[] };
    let size = tensor.dtype().size();
    &tensor.bytes()[element * size..(element + 1) * size]
}

/// The elements as `f64`: exactly those of floats, 64-bit integers to the nearest one; none of what
/// is no tensor of numbers.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.tensor().map_or_else(Vec::new, |tensor| numbers_of(tensor))
}

fn numbers_of(tensor: &Tensor) -> Vec<f64> {
    fn of<T: tensor::Element>(t: &Tensor, to: impl Fn(T) -> f64) -> Vec<f64> {
        let slice = t.as_slice::<T>().expect("the type was matched");
        slice.iter().map(|&v| to(v)).collect()
    }
    fn of_halves(t: &Tensor, to: impl Fn(u16) -> f64) -> Vec<f64> {
        let halves = t.bytes().chunks_exact(2);
        halves.map(|pair| to(u16::from_ne_bytes([pair[0], pair[1]]))).collect()
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
        DType::Bool => tensor.bytes().iter().map(|&b| f64::from(b)).collect(),
        DType::F16 => of_halves(tensor, |bits| f16::from_bits(bits).to_f64()),
        DType::BF16 => of_halves(tensor, |bits| bf16::from_bits(bits).to_f64()),
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => {
            let numbers = tensor::small::table(tensor.dtype());
            tensor.bytes().iter().map(|&byte| numbers[usize::from(byte)]).collect()
        }
        // No tensor holds any.
        DType::String | DType::Object => Vec::new(),
    }
}

/// Does the tensor hold neither NaN nor infinity?
pub(crate) fn is_finite(value: &Value) -> bool {
    !value.dtype().is_float() || numbers(value).iter().all(|v| v.is_finite())
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

    const TOLERANCE: Tolerance = Tolerance { rtol: Some(1e-4), atol: Some(0.0) };

    fn check(expected: &[f32], found: &[f32]) -> Comparison {
        let tensor = |v: &[f32]| Value::from(Tensor::from_slice(&[v.len()], v).unwrap());
        compare("y", &tensor(expected), &tensor(found), TOLERANCE)
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
    fn halves_are_widened_exactly_and_may_be_neighbors() {
        let default = Tolerance { rtol: None, atol: Some(0.0) };
        let check = |dtype, expected: u16, found: u16| {
            let tensor = |bits: u16| -> Value {
                Tensor::from_bytes(dtype, &[1], &bits.to_ne_bytes()).unwrap().into()
            };
            compare("y", &tensor(expected), &tensor(found), default)
        };
        // One is 0x3c00 in F16 and 0x3f80 in BF16.
        for (dtype, one) in [(DType::F16, 0x3c00), (DType::BF16, 0x3f80)] {
            assert!(check(dtype, one, one + 1).agrees, "{dtype}");
            let comparison = check(dtype, one, one + 2);
            assert_eq!(comparison.wrong, 1, "{dtype}");
            assert_eq!(comparison.worst.unwrap().expected, 1.0, "{dtype}");
        }
        let smallest = check(DType::F16, 1, 2).worst.unwrap();
        assert_eq!((smallest.expected, smallest.found), (2f64.powi(-24), 2f64.powi(-23)));
    }

    #[test]
    fn integers_must_be_equal_and_shapes_too() {
        let tensor = |v: &[i64]| Value::from(Tensor::from_slice(&[v.len()], v).unwrap());
        let far = Tolerance { rtol: Some(1.0), atol: Some(9.0) };
        let large = 1 << 60;
        for (expected, found) in [(100, 101), (large, large + 1)] {
            let comparison = compare("y", &tensor(&[expected]), &tensor(&[found]), far);
            assert_eq!(comparison.wrong, 1, "{expected} {found}");
        }
        let comparison = compare("y", &tensor(&[1]), &tensor(&[1, 2]), far);
        assert_eq!(comparison.to_string(), "y: expected i64[1], found i64[2]");
    }

    #[test]
    fn text_must_be_equal() {
        let text = |words: [&str; 2]| Value::from(tensor::Text::new(&[2], words).unwrap());
        let (expected, found) = (text(["a", "b"]), text(["a", "c"]));
        assert!(compare("y", &expected, &expected, TOLERANCE).agrees);
        let comparison = compare("y", &expected, &found, TOLERANCE);
        assert_eq!((comparison.agrees, comparison.wrong), (false, 1));
        assert_eq!(comparison.to_string(), r#"y: expected "b" at [1], found "c""#);
    }

    #[test]
    fn places_have_one_index_for_each_axis() {
        assert_eq!(index_of(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(index_of(0, &[]), [] as [usize; 0]);
    }
}
