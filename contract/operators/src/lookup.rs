//! What ONNX ml.LabelEncoder-2,4 and ml.OneHotEncoder-1 do with numbers.

use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type};
use tensor::{DType, Dim, View, ViewMut};

/// `(x, keys[K], values[K + 1])`: for each element of `x` the value of the key that equals it, the
/// last value where none does. Keys are `i64` or `f64`, of the type of `x`, ascending, with NaN at
/// the end, which equals NaN here; values are of any type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Is an element that is no key an error?
    pub is_strict: bool,
}

impl Compute for Lookup {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, keys, values] = exactly(inputs, "3")?;
        require_type(0, x, |dtype| matches!(dtype, DType::I64 | DType::F64), "i64 or f64")?;
        require_type(1, keys, |dtype| dtype == x.dtype, x.dtype.name())?;
        for (input, fact) in [(1, keys), (2, values)] {
            require_rank(input, fact, 1)?;
        }
        let expected = keys.shape[0].clone() + Dim::from(1);
        if values.shape[0] != expected {
            let found = values.shape[0].clone();
            return Err(RuleError::Size { what: "the number of values", expected, found });
        }
        Ok(vec![Fact { dtype: values.dtype, shape: x.shape.clone() }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let [x, keys, values] = inputs else { return Ok(()) };
        if x.dtype == DType::I64 {
            let keys: &[i64] = bytemuck::cast_slice(keys.bytes);
            let find = |x: &i64| keys.binary_search(x).ok();
            self.look_up::<i64>(x, find, values, &mut outputs[0])
        } else {
            let keys: &[f64] = bytemuck::cast_slice(keys.bytes);
            let find = |x: &f64| keys.binary_search_by(|key| order(*key, *x)).ok();
            self.look_up::<f64>(x, find, values, &mut outputs[0])
        }
    }
}

impl Lookup {
    fn look_up<T: bytemuck::Pod + ToString>(
        &self,
        x: &View<'_>,
        find: impl Fn(&T) -> Option<usize>,
        values: &View<'_>,
        out: &mut ViewMut<'_>,
    ) -> Result<(), ComputeError> {
        let size = values.dtype.size();
        let default = values.shape[0] - 1;
        let places = out.bytes.chunks_exact_mut(size);
        for (x, place) in bytemuck::cast_slice::<u8, T>(x.bytes).iter().zip(places) {
            let found = find(x);
            if self.is_strict && found.is_none() {
                let (found, expected) = (x.to_string(), "one of its categories".to_string());
                return Err(ComputeError::Element { what: "an element", found, expected });
            }
            place.copy_from_slice(&values.bytes[found.unwrap_or(default) * size..][..size]);
        }
        Ok(())
    }
}

/// The order of keys: that of numbers, the two zeros being one, and NaN at the end.
pub fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
