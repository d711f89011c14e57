//! ONNX ConvTranspose-1,11,22.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut, row_major_strides};

/// `(x[N, C, in…], weights[C, O/groups, kernel…], [bias[O]])`: each element of `x` adds the kernel,
/// times itself, to a window of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvTranspose {
    /// Distance between windows of the result.
    pub strides: Vec<usize>,
    /// Distance between taps of the kernel.
    pub dilations: Vec<usize>,
    /// Elements cut off before the first and after the last one; a negative number adds zeros.
    pub pads: Vec<(i64, i64)>,
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Compute for ConvTranspose {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let (x, weights, bias) = match inputs {
            [x, weights] => (x, weights, None),
            [x, weights, bias] => (x, weights, Some(bias)),
            _ => return Err(RuleError::Arity { expected: "2 or 3", found: inputs.len() }),
        };
        require_type(0, x, DType::is_float, "floats")?;
        require_type(1, weights, |d| d == x.dtype, x.dtype.name())?;
        let axes = self.strides.len();
        let is_fitting = x.rank() == axes + 2
            && weights.rank() == axes + 2
            && self.dilations.len() == axes
            && self.pads.len() == axes
            && self.groups > 0
            && weights.shape.iter().all(|size| size.known().is_some())
            && x.shape[1].known().is_some_and(|size| size % self.groups as i64 == 0);
        if !is_fitting {
            let (found, expected) = (
                format!("{:?} and {:?}", x.shape, weights.shape),
                format!(
                    "[N, C, in…] and [C, O/groups, kernel…] of {axes} axes, {} groups",
                    self.groups
                ),
            );
            return Err(RuleError::Parameter { what: "the operands", found, expected });
        }
        same_size("the channels", &x.shape[1], &weights.shape[0])?;
        let channels = weights.shape[1].clone() * Dim::from(self.groups);
        if let Some(bias) = bias {
            let [found] = bias.shape.as_slice() else {
                let (expected, found) = ("1".to_string(), bias.shape.clone());
                return Err(RuleError::Rank { input: 2, expected, found });
            };
            same_size("the bias", &channels, found)?;
        }
        let mut shape = vec![x.shape[0].clone(), channels];
        for axis in 0..axes {
            let size = (x.shape[axis + 2].clone() - Dim::from(1)) * Dim::from(self.strides[axis])
                + (weights.shape[axis + 2].clone() - Dim::from(1))
                    * Dim::from(self.dilations[axis])
                + Dim::from(1)
                - Dim::from(self.pads[axis].0)
                - Dim::from(self.pads[axis].1);
            shape.push(size);
        }
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, weights) = (numbers::read_floats(&inputs[0]), numbers::read_floats(&inputs[1]));
        let bias = inputs.get(2).map(numbers::read_floats);
        let (from, kernel, to) = (inputs[0].shape, inputs[1].shape, outputs[0].shape);
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        let (pixels, taps, places) = (count(&from[2..]), count(&kernel[2..]), count(&to[2..]));
        let (per_group, channels) = (kernel[1], kernel[1] * self.groups);
        let inputs_per_group = from[1] / self.groups;
        let mut made = vec![0.0; outputs[0].len()];
        for (at, place) in made.iter_mut().enumerate() {
            *place = bias.as_ref().map_or(0.0, |bias| bias[at / places % channels]);
        }
        for (pixel, tap) in (0..pixels).flat_map(|p| (0..taps).map(move |t| (p, t))) {
            let Some(target) = self.target([pixel, tap], [&from[2..], &kernel[2..], &to[2..]])
            else {
                continue;
            };
            for (n, c) in (0..from[0]).flat_map(|n| (0..from[1]).map(move |c| (n, c))) {
                let x = x[(n * from[1] + c) * pixels + pixel];
                let first = n * channels + c / inputs_per_group * per_group;
                for o in 0..per_group {
                    let weight = weights[(c * per_group + o) * taps + tap];
                    made[(first + o) * places + target] += x * weight;
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl ConvTranspose {
    /// The place of the result that a pixel adds to through a tap, where there is one.
    fn target(&self, [pixel, tap]: [usize; 2], shapes: [&[usize]; 3]) -> Option<usize> {
        let [from, kernel, to] = shapes;
        let [pixels, taps, places] = shapes.map(row_major_strides);
        let along = |axis: usize| {
            let window = pixel / pixels[axis] % from[axis] * self.strides[axis];
            let tap = tap / taps[axis] % kernel[axis] * self.dilations[axis];
            let place = (window + tap) as i64 - self.pads[axis].0;
            usize::try_from(place).ok().filter(|&place| place < to[axis])
        };
        (0..to.len()).try_fold(0, |at, axis| Some(at + along(axis)? * places[axis]))
    }
}
