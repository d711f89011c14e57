//! ONNX HannWindow-17, HammingWindow-17 and BlackmanWindow-17.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `()`: the weights of a part of a signal, a sum of cosines, `[size]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its form.
    pub form: WindowForm,
    /// How many weights.
    pub size: Dim,
    /// Does the first weight follow the last one, or equal it?
    pub is_periodic: bool,
    /// Their type.
    pub dtype: DType,
}

/// The sum of cosines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowForm {
    /// `0.5 - 0.5 cos(x)`
    Hann,
    /// `25/46 - 21/46 cos(x)`
    Hamming,
    /// `0.42 - 0.5 cos(x) + 0.08 cos(2x)`
    Blackman,
}

impl Compute for Window {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [] = exactly(inputs, "no")?;
        let made = Fact { dtype: self.dtype, shape: vec![self.size.clone()] };
        require_type(0, &made, |d| d != DType::Bool, "numbers")?;
        Ok(vec![made])
    }

    fn compute(&self, _: &[View<'_>], outputs: &mut [ViewMut<'_>]) -> Result<(), ComputeError> {
        let size = outputs[0].len();
        let period = if self.is_periodic { size } else { size.saturating_sub(1) };
        let weight = |index: usize| {
            let x = std::f64::consts::TAU * index as f64 / period.max(1) as f64;
            match self.form {
                WindowForm::Hann => 0.5 - 0.5 * x.cos(),
                WindowForm::Hamming => (25.0 - 21.0 * x.cos()) / 46.0,
                WindowForm::Blackman => 0.42 - 0.5 * x.cos() + 0.08 * (2.0 * x).cos(),
            }
        };
        let made: Vec<f64> = (0..size).map(weight).collect();
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Window, DimError> {
        Ok(Window { size: Dim::from(self.size.evaluate(sizes)?), ..self.clone() })
    }
}
