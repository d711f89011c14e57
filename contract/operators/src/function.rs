//! ONNX Acos-7,22, Acosh-9,22, Asin-7,22, Asinh-9,22, Atan-7,22, Atanh-9,22, Cosh-9,22, Sinh-9,22,
//! Tan-7,22, and the `PROBIT` of `ai.onnx.ml`.

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

/// A function of an angle in radians, of a hyperbola's, the inverse of one, or [`probit`].
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
    /// Quantile of the normal distribution, approximated: [`probit`].
    Probit,
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
            Kind::Probit => probit,
            Kind::Sinh => f64::sinh,
            Kind::Tan => f64::tan,
        };
        let made: Vec<f64> = numbers::read_floats(&inputs[0]).into_iter().map(function).collect();
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

/// The quantile of the normal distribution as `ai.onnx.ml` computes it: `sqrt(2) erfinv(2 x - 1)`
/// with the inverse of Winitzki, "A handy approximation for the error function and its inverse"
/// (2008), `a = 0.147`, whose relative error is below 2e-3. Not a number outside of 0 to 1.
pub fn probit(x: f64) -> f64 {
    const A: f64 = 0.147;
    let x = 2.0 * x - 1.0;
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (std::f64::consts::PI * A) + 0.5 * log;
    let inverse = (-half + (half * half - log / A).sqrt()).sqrt();
    std::f64::consts::SQRT_2 * inverse.copysign(x)
}
