//! ONNX Col2Im-18.

use crate::sliding::Sliding;
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type, same_size};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut, row_major_strides};

/// `(x[N, C * taps, windows])`: an image `[N, C, sizes…]` of which each element is the sum of what
/// `x` has for it in the windows of a kernel that slides over the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Col2Im {
    /// Sizes of the image.
    pub sizes: Vec<Dim>,
    /// Sizes of the kernel.
    pub kernel: Vec<Dim>,
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Distance between taps of the kernel.
    pub dilations: Vec<usize>,
    /// Zeros before the first and after the last element.
    pub pads: Vec<(usize, usize)>,
}

impl Compute for Col2Im {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_type(0, x, DType::is_float, "floats")?;
        let [batch, rows, columns] = x.shape.as_slice() else {
            let (expected, found) = ("3".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        let axes = self.sizes.len();
        let counts = [self.kernel.len(), self.strides.len(), self.dilations.len(), self.pads.len()];
        let in_range = |sizes: &[usize]| sizes.iter().all(|size| (1..1 << 31).contains(size));
        let has_taps = self.kernel.iter().all(|taps| taps.known().is_none_or(|taps| taps > 0));
        if counts != [axes; 4]
            || !in_range(&self.strides)
            || !in_range(&self.dilations)
            || self.pads.iter().any(|pads| pads.0.max(pads.1) >= 1 << 31)
            || !has_taps
        {
            let (found, expected) = (format!("{self:?}"), format!("{axes} entries of 1 or more"));
            return Err(RuleError::Parameter { what: "the kernel", found, expected });
        }
        let product = |sizes: Vec<Dim>| sizes.into_iter().fold(Dim::from(1), |a, b| a * b);
        let windows = (0..axes).map(|axis| self.windows(axis)).collect();
        same_size("the windows", &product(windows), columns)?;
        let taps = product(self.kernel.clone());
        let channels = rows.floor_div(&taps);
        same_size("the channels times the taps", &(channels.clone() * taps), rows)?;
        let shape = [batch.clone(), channels].into_iter().chain(self.sizes.clone()).collect();
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let x = numbers::read_floats(&inputs[0]);
        let sizes = &outputs[0].shape[2..];
        let windows = known((0..sizes.len()).map(|axis| self.windows(axis)))?;
        let kernel = known(self.kernel.iter().cloned())?;
        let (columns, taps, places) = (count(&windows), count(&kernel), count(sizes));
        let mut made = vec![0.0; outputs[0].len()];
        let pairs = (0..taps).flat_map(|tap| (0..columns).map(move |column| (tap, column)));
        for (tap, column) in pairs {
            let Some(place) = self.place([column, tap], [&windows, &kernel, sizes]) else {
                continue;
            };
            for (channel, image) in made.chunks_exact_mut(places).enumerate() {
                image[place] += x[(channel * taps + tap) * columns + column];
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<Col2Im, DimError> {
        let kernel = crate::bound(&self.kernel, sizes)?;
        Ok(Col2Im { sizes: crate::bound(&self.sizes, sizes)?, kernel, ..self.clone() })
    }
}

impl Col2Im {
    /// How many windows lie along an axis.
    fn windows(&self, axis: usize) -> Dim {
        self.along(axis).windows(&self.sizes[axis], &self.kernel[axis])
    }

    fn along(&self, axis: usize) -> Sliding {
        let (stride, dilation) = (self.strides[axis], self.dilations[axis]);
        Sliding { stride, dilation, pads: self.pads[axis] }
    }

    /// The place of the image that a tap of a window lies at, where there is one.
    fn place(&self, [window, tap]: [usize; 2], shapes: [&[usize]; 3]) -> Option<usize> {
        let [windows, kernel, sizes] = shapes;
        let [by_window, by_tap, by_place] = shapes.map(row_major_strides);
        let along = |axis: usize| {
            let window = window / by_window[axis] % windows[axis];
            let tap = tap / by_tap[axis] % kernel[axis];
            Some(self.along(axis).place(window, tap, sizes[axis])? * by_place[axis])
        };
        (0..sizes.len()).map(along).sum()
    }
}

fn count(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

fn known(dims: impl Iterator<Item = Dim>) -> Result<Vec<usize>, ComputeError> {
    dims.map(|dim| dim.known_size().ok_or_else(|| crate::unknown(&dim))).collect()
}
