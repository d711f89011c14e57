//! The second output of ONNX MaxPool-8,10,11,12,22.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut, row_major_strides};

/// `(x[N, C, in…])`: for each window `[N, C, windows…]` where in the whole of `x` its largest
/// element lies, of equal ones the first; -1 when the window lies in the padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxIndices {
    /// How many windows lie along each axis.
    pub windows: Vec<Dim>,
    /// Sizes of a window, in taps.
    pub kernel: Vec<usize>,
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Padding before the first element.
    pub pads: Vec<usize>,
    /// Is an index counted along the columns of an image, that is with the first of the last two
    /// axes innermost and the others after it, or along its rows?
    pub is_column_major: bool,
}

impl Compute for MaxIndices {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        let axes = self.windows.len();
        require_rank(0, x, axes + 2)?;
        let counts = [&self.kernel, &self.strides, &self.dilations, &self.pads];
        let is_whole =
            |sizes: &&Vec<usize>| sizes.len() == axes && sizes.iter().all(|&size| size < 1 << 31);
        if !counts.iter().all(is_whole) || tensor::element_count(&self.kernel).is_none() {
            let (found, expected) = (format!("{self:?}"), format!("{axes} entries below 2^31"));
            return Err(RuleError::Parameter { what: "the window", found, expected });
        }
        let shape = [&x.shape[..2], &self.windows].concat();
        Ok(vec![Fact { dtype: DType::I64, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let x = numbers::read_floats(&inputs[0]);
        let (sizes, windows) = (&inputs[0].shape[2..], &outputs[0].shape[2..]);
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        let (plane, taps) = (count(sizes), count(&self.kernel));
        let strides = row_major_strides(sizes);
        let weights = self.weights(sizes);
        let mut made = Vec::with_capacity(outputs[0].len());
        let each = count(windows);
        for (channel, window) in
            (0..count(&inputs[0].shape[..2])).flat_map(|c| (0..each).map(move |w| (c, w)))
        {
            let mut largest: Option<(f64, i128)> = None;
            for index in (0..taps).filter_map(|tap| self.place([window, tap], [windows, sizes])) {
                let along = |by: &[usize]| index.iter().zip(by).map(|(i, s)| i * s).sum::<usize>();
                let element = x[channel * plane + along(&strides)];
                if largest.is_none_or(|(largest, _)| element > largest) {
                    largest = Some((element, (channel * plane + along(&weights)) as i128));
                }
            }
            made.push(largest.map_or(-1, |(_, index)| index));
        }
        numbers::store_integers(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<MaxIndices, DimError> {
        Ok(MaxIndices { windows: crate::bound(&self.windows, sizes)?, ..self.clone() })
    }
}

impl MaxIndices {
    /// What a step along each axis adds to an index.
    fn weights(&self, sizes: &[usize]) -> Vec<usize> {
        if !self.is_column_major {
            return row_major_strides(sizes);
        }
        (0..sizes.len()).map(|axis| sizes[..axis].iter().product()).collect()
    }

    /// The element under a tap of a window; `None` in the padding.
    fn place(&self, [window, tap]: [usize; 2], shapes: [&[usize]; 2]) -> Option<Vec<usize>> {
        let [windows, sizes] = shapes;
        let (by_window, by_tap) = (row_major_strides(windows), row_major_strides(&self.kernel));
        let along = |axis: usize| {
            let window = window / by_window[axis] % windows[axis] * self.strides[axis];
            let tap = tap / by_tap[axis] % self.kernel[axis] * self.dilations[axis];
            let place = (window + tap).checked_sub(self.pads[axis])?;
            (place < sizes[axis]).then_some(place)
        };
        (0..sizes.len()).map(along).collect()
    }
}
