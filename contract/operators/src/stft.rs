//! ONNX STFT-17.

use crate::fourier::{Complex, Fourier};
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(signal[N, L, 1 or 2], [window[length]])`: the Fourier transforms `[N, frames, frequencies, 2]`
/// of parts of a signal, each times the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stft {
    /// Elements from the begin of a part to that of the next.
    pub step: Dim,
    /// Elements of a part.
    pub length: Dim,
    /// Only the frequencies up to half the length?
    pub is_onesided: bool,
}

impl Compute for Stft {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let (signal, window) = match inputs {
            [signal] => (signal, None),
            [signal, window] => (signal, Some(window)),
            _ => return Err(RuleError::Arity { expected: "1 or 2", found: inputs.len() }),
        };
        require_type(0, signal, DType::is_float, "floats")?;
        let [batch, size, parts] = signal.shape.as_slice() else {
            let (expected, found) = ("3".to_string(), signal.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        if !matches!(parts.known(), Some(1 | 2)) {
            let (found, expected) = (parts.to_string(), "1 or 2".to_string());
            return Err(RuleError::Parameter { what: "the last axis", found, expected });
        }
        if self.is_onesided && parts.known() == Some(2) {
            let (found, expected) = ("complex".to_string(), "real, for one side".to_string());
            return Err(RuleError::Parameter { what: "the signal", found, expected });
        }
        if let Some(window) = window {
            require_type(1, window, |d| d == signal.dtype, signal.dtype.name())?;
            let [length] = window.shape.as_slice() else {
                let (expected, found) = ("1".to_string(), window.shape.clone());
                return Err(RuleError::Rank { input: 1, expected, found });
            };
            same_size("the window", &self.length, length)?;
        }
        for (what, dim) in [("the step", &self.step), ("the length", &self.length)] {
            if dim.known().is_some_and(|size| size < 1) {
                let (found, expected) = (dim.to_string(), "at least 1".to_string());
                return Err(RuleError::Parameter { what, found, expected });
            }
        }
        let one = Dim::from(1);
        let frames = (size.clone() - self.length.clone()).floor_div(&self.step) + one.clone();
        let frequencies = match self.is_onesided {
            true => self.length.floor_div(&Dim::from(2)) + one,
            false => self.length.clone(),
        };
        let shape = vec![batch.clone(), frames, frequencies, Dim::from(2)];
        Ok(vec![Fact { dtype: signal.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let x = numbers::read_floats(&inputs[0]);
        let window = inputs.get(1).map(numbers::read_floats);
        let [_, size, parts] = [0, 1, 2].map(|axis| inputs[0].shape[axis]);
        let [batch, frames, frequencies] = [0, 1, 2].map(|axis| outputs[0].shape[axis]);
        let sized = |dim: &Dim| dim.known_size().ok_or_else(|| crate::unknown(dim));
        let (step, length) = (sized(&self.step)?, sized(&self.length)?);
        let fourier = Fourier::new(length, false);
        let mut made = Vec::with_capacity(outputs[0].len());
        for (n, frame) in (0..batch).flat_map(|n| (0..frames).map(move |frame| (n, frame))) {
            let element = |at: usize| -> Complex {
                let first = (n * size + frame * step + at) * parts;
                let weight = window.as_ref().map_or(1.0, |window| window[at]);
                [x[first] * weight, if parts == 2 { x[first + 1] * weight } else { 0.0 }]
            };
            let line: Vec<Complex> = (0..length).map(element).collect();
            made.extend(fourier.transform(&line).iter().take(frequencies).flatten());
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Stft, DimError> {
        let [step, length] = [self.step.evaluate(sizes)?, self.length.evaluate(sizes)?];
        Ok(Stft { step: Dim::from(step), length: Dim::from(length), ..self.clone() })
    }
}
