//! ONNX Acos-7,22, Acosh-9,22, Asin-7,22, Asinh-9,22, Atan-7,22, Atanh-9,22, Cosh-9,22, Sinh-9,22,
//! Tan-7,22.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// `(x)`: a function of each element that models seldom use, computed in `f64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// The function.
    pub kind: Kind,
}

/// A function of an angle in radians, of a hyperbola's, or the inverse of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Arc cosine.
    Acos,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Arc sine.
    Asin,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Arc tangent.
    Atan,
    /// Inverse hyperbolic tangent.
    Atanh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic sine.
    Sinh,
    /// Tangent.
    Tan,
}

impl Compute for Function {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_type(0, x, DType::is_float, "floats")?;
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let function = match self.kind {
            Kind::Acos => f64::acos,
            Kind::Acosh => f64::acosh,
            Kind::Asin => f64::asin,
            Kind::Asinh => f64::asinh,
            Kind::Atan => f64::atan,
            Kind::Atanh => f64::atanh,
            Kind::Cosh => f64::cosh,
            Kind::Sinh => f64::sinh,
            Kind::Tan => f64::tan,
        };
        let made: Vec<f64> = numbers::read_floats(&inputs[0]).into_iter().map(function).collect();
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}
