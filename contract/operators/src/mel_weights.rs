//! ONNX MelWeightMatrix-17.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(sample_rate, lower, upper)`, the last two in Hz: the matrix `[length / 2 + 1, bins]` that
/// makes a spectrum of equal steps one of equal steps on the mel scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MelWeights {
    /// Steps on the mel scale.
    pub bins: Dim,
    /// Elements of the signal that the spectrum is of.
    pub length: Dim,
    /// Type of the result.
    pub dtype: DType,
}

impl Compute for MelWeights {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [_, lower, upper] = exactly(inputs, "3")?;
        require_type(1, lower, DType::is_float, "floats")?;
        require_type(2, upper, DType::is_float, "floats")?;
        for (input, fact) in inputs.iter().enumerate() {
            if fact.shape.iter().any(|size| size.known() != Some(1)) {
                let (expected, found) = ("0".to_string(), fact.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
        }
        let rows = self.length.floor_div(&Dim::from(2)) + Dim::from(1);
        let made = Fact { dtype: self.dtype, shape: vec![rows, self.bins.clone()] };
        require_type(0, &made, |d| d != DType::Bool, "numbers")?;
        Ok(vec![made])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let [rate, lower, upper] = [0, 1, 2].map(|at| numbers::read_floats(&inputs[at])[0]);
        let [rows, bins] = [0, 1].map(|axis| outputs[0].shape[axis]);
        let length = self.length.known_size().ok_or_else(|| crate::unknown(&self.length))?;
        let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
        let step = (mel(upper) - mel(lower)) / (bins as f64 + 2.0);
        let edge = |bin: usize| {
            let hertz = 700.0 * (10f64.powf((bin as f64 * step + mel(lower)) / 2595.0) - 1.0);
            ((length as f64 + 1.0) * hertz / rate).floor()
        };
        let mut made = vec![0.0; rows * bins];
        for bin in 0..bins {
            let [left, center, right] = [0, 1, 2].map(|at| edge(bin + at));
            for row in 0..rows {
                let place = row as f64;
                let weight = if place == center && left == center {
                    1.0
                } else if (left..=center).contains(&place) && (place < center || right <= center) {
                    (place - left) / (center - left)
                } else if (center..right).contains(&place) {
                    (right - place) / (right - center)
                } else {
                    0.0
                };
                made[row * bins + bin] = weight;
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<MelWeights, DimError> {
        let [bins, length] = [self.bins.evaluate(sizes)?, self.length.evaluate(sizes)?];
        Ok(MelWeights { bins: Dim::from(bins), length: Dim::from(length), dtype: self.dtype })
    }
}
