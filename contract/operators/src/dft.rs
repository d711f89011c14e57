//! ONNX DFT-17,20.

use crate::fourier::{Complex, Fourier};
use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(x[…, 1 or 2], [axis])`: the discrete Fourier transform along an axis; the last one holds real
/// numbers, or complex ones as real and imaginary part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dft {
    /// The axis; without it, it is an input.
    pub axis: Option<usize>,
    /// Elements that are transformed: the axis is cut or filled up with zeros. Without it, as many
    /// as there are.
    pub length: Option<Dim>,
    /// From frequencies to a signal, divided by the length?
    pub is_inverse: bool,
    /// Is the signal real, and are only the frequencies up to half the length there?
    pub is_onesided: bool,
}

impl Compute for Dft {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let x = match (inputs, self.axis) {
            ([x], Some(_)) => x,
            ([x, axis], None) => {
                require_indices(1, axis)?;
                x
            }
            _ => {
                let expected = if self.axis.is_some() { "1" } else { "2" };
                return Err(RuleError::Arity { expected, found: inputs.len() });
            }
        };
        require_type(0, x, DType::is_float, "floats")?;
        let parts = x.shape.last().and_then(Dim::known);
        let Some(parts @ (1 | 2)) = parts.filter(|_| x.rank() >= 2) else {
            let expected = "2 or more, the last axis of size 1 or 2".to_string();
            return Err(RuleError::Rank { input: 0, expected, found: x.shape.clone() });
        };
        let mut shape = x.shape.clone();
        let last = x.rank() - 1;
        let is_real = self.is_inverse && self.is_onesided;
        shape[last] = Dim::from(if is_real { 1 } else { 2 });
        let refused = |what, found: String, expected: &str| {
            Err(RuleError::Parameter { what, found, expected: expected.to_string() })
        };
        if self.is_onesided && !self.is_inverse && parts == 2 {
            return refused("the signal", "complex".to_string(), "real, for one side");
        }
        let Some(axis) = self.axis else {
            if self.is_onesided || self.length.is_some() {
                return refused("the axis", "computed".to_string(), "known, as sizes follow");
            }
            return Ok(vec![Fact { dtype: x.dtype, shape }]);
        };
        if axis >= last {
            return refused("the axis", axis.to_string(), "one before the last");
        }
        let length = self.length_on(&x.shape[axis]);
        shape[axis] = if self.is_onesided && !self.is_inverse {
            length.floor_div(&Dim::from(2)) + Dim::from(1)
        } else {
            length
        };
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let last = inputs[0].shape.len() - 1;
        let axis = match (self.axis, inputs.get(1)) {
            (None, Some(axis)) => match *numbers::read_integers(axis) {
                [index] => match crate::place(index, last + 1)? {
                    axis if axis < last => axis,
                    _ => return Err(ComputeError::Index { index, size: last }),
                },
                _ => return Err(ComputeError::Index { index: 0, size: 0 }),
            },
            (axis, _) => axis.unwrap_or(0),
        };
        let x = numbers::read_floats(&inputs[0]);
        let [from, to] = [inputs[0].shape, outputs[0].shape];
        let [outer, given, inner] = crate::around(&from[..last], axis);
        let length = self.length_on(&Dim::from(given));
        let length = length.known_size().ok_or_else(|| crate::unknown(&length))?;
        let fourier = Fourier::new(length, self.is_inverse);
        let mut made = vec![0.0; outputs[0].len()];
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            let element = |at: usize| {
                let first = ((o * given + at) * inner + i) * from[last];
                [x[first], if from[last] == 2 { x[first + 1] } else { 0.0 }]
            };
            let line = self.line(given, length, element);
            for (at, complex) in fourier.transform(&line).iter().take(to[axis]).enumerate() {
                let first = ((o * to[axis] + at) * inner + i) * to[last];
                let scale = if self.is_inverse { length as f64 } else { 1.0 };
                for (place, part) in made[first..first + to[last]].iter_mut().zip(complex) {
                    *place = part / scale;
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Dft, DimError> {
        let length = self.length.as_ref().map(|length| length.evaluate(sizes)).transpose()?;
        Ok(Dft { length: length.map(Dim::from), ..self.clone() })
    }
}

impl Dft {
    /// Elements of the signal.
    fn length_on(&self, size: &Dim) -> Dim {
        match &self.length {
            Some(length) => length.clone(),
            None if self.is_inverse && self.is_onesided => {
                (size.clone() - Dim::from(1)) * Dim::from(2)
            }
            None => size.clone(),
        }
    }

    /// What is transformed: of `given` elements the first, then zeros; of one side both.
    fn line(
        &self,
        given: usize,
        length: usize,
        element: impl Fn(usize) -> Complex,
    ) -> Vec<Complex> {
        let or_zero = |at: usize| if at < given { element(at) } else { [0.0; 2] };
        if !(self.is_inverse && self.is_onesided) {
            return (0..length).map(or_zero).collect();
        }
        // The frequencies of a real signal: those beyond half the length mirror those before, and
        // what is its own mirror is real.
        let both = |at: usize| match (at, length - at) {
            (0, _) => [or_zero(0)[0], 0.0],
            (at, mirror) if at == mirror => [or_zero(at)[0], 0.0],
            (at, mirror) if at < mirror => or_zero(at),
            (_, mirror) => {
                let [real, imaginary] = or_zero(mirror);
                [real, -imaginary]
            }
        };
        (0..length).map(both).collect()
    }
}
