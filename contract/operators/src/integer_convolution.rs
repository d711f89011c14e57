//! ONNX ConvInteger-10.

use crate::integer_product::{centered, require_bytes};
use crate::sliding::Sliding;
use crate::{Compute, ComputeError};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, same_size};
use tensor::{DType, Dim, View, ViewMut, row_major_strides};

/// `(x[N, C, in…], weights[O, C/groups, kernel…], x_zero[], weights_zero)`: the convolution in
/// `i32` of `u8` or `i8` without their zero points, which are of the types of what they belong to
/// and broadcast to it. Around the image lies its zero point. Sums beyond `i32` wrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerConvolution {
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Distance between taps of the kernel.
    pub dilations: Vec<usize>,
    /// Zero points before the first and after the last element.
    pub pads: Vec<(usize, usize)>,
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Compute for IntegerConvolution {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let operands: &[Fact; 4] = exactly(inputs, "4")?;
        require_bytes(operands)?;
        let [x, weights, x_zero, _] = operands;
        let axes = self.strides.len();
        let in_range = |sizes: &[usize]| sizes.iter().all(|size| (1..1 << 31).contains(size));
        let is_fitting = (x.rank(), weights.rank()) == (axes + 2, axes + 2)
            && x_zero.rank() == 0
            && (self.dilations.len(), self.pads.len()) == (axes, axes)
            && in_range(&self.strides)
            && in_range(&self.dilations)
            && self.pads.iter().all(|pads| pads.0.max(pads.1) < 1 << 31)
            && self.groups > 0
            && weights.shape[1..].iter().all(|size| size.known().is_some_and(|size| size > 0))
            && weights.shape[0].known().is_some_and(|size| size % self.groups as i64 == 0);
        if !is_fitting {
            let found = format!("{:?} and {:?}, {self:?}", x.shape, weights.shape);
            let expected = "[N, C, in…], [O, C/groups, kernel…] of known sizes and one zero point \
                            of the image"
                .to_string();
            return Err(RuleError::Parameter { what: "the operands", found, expected });
        }
        let channels = weights.shape[1].clone() * Dim::from(self.groups);
        same_size("the channels", &channels, &x.shape[1])?;
        let mut shape = vec![x.shape[0].clone(), weights.shape[0].clone()];
        for axis in 0..axes {
            let [size, taps] = [x, weights].map(|fact| &fact.shape[axis + 2]);
            shape.push(self.along(axis).windows(size, taps));
        }
        Ok(vec![Fact { dtype: DType::I32, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let [x, weights] = [0, 1].map(|at| centered(&inputs[at], &inputs[at + 2]));
        let (from, kernel, to) = (inputs[0].shape, inputs[1].shape, outputs[0].shape);
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        let (pixels, taps, places) = (count(&from[2..]), count(&kernel[2..]), count(&to[2..]));
        let (channels, per_group, out_per_group) = (from[1], kernel[1], to[1] / self.groups);
        let made: &mut [i32] = bytemuck::cast_slice_mut(outputs[0].bytes);
        made.fill(0);
        for tap in 0..taps {
            let under = self.under(tap, [&from[2..], &kernel[2..], &to[2..]]);
            for (at, made) in made.chunks_exact_mut(places).enumerate() {
                let (n, o) = (at / to[1], at % to[1]);
                for c in 0..per_group {
                    let weight = weights[(o * per_group + c) * taps + tap];
                    let channel = n * channels + o / out_per_group * per_group + c;
                    let x = &x[channel * pixels..][..pixels];
                    for &(place, pixel) in &under {
                        made[place] = made[place].wrapping_add(weight * x[pixel]);
                    }
                }
            }
        }
        Ok(())
    }
}

impl IntegerConvolution {
    fn along(&self, axis: usize) -> Sliding {
        let (stride, dilation) = (self.strides[axis], self.dilations[axis]);
        Sliding { stride, dilation, pads: self.pads[axis] }
    }

    /// The places of the result that have a pixel under a tap, each with the pixel.
    fn under(&self, tap: usize, shapes: [&[usize]; 3]) -> Vec<(usize, usize)> {
        let [from, kernel, to] = shapes;
        let [by_pixel, by_tap, by_place] = shapes.map(row_major_strides);
        let pixel = |place: usize| -> Option<usize> {
            let along = |axis: usize| {
                let window = place / by_place[axis] % to[axis];
                let tap = tap / by_tap[axis] % kernel[axis];
                Some(self.along(axis).place(window, tap, from[axis])? * by_pixel[axis])
            };
            (0..to.len()).map(along).sum()
        };
        let places = 0..to.iter().product();
        places.filter_map(|place| Some((place, pixel(place)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;
    use tensor::Tensor;

    #[test]
    fn groups_strides_and_zero_points_of_output_channels() {
        let x = Tensor::from_slice(&[1, 2, 1, 4], &[2u8, 3, 4, 5, 1, 1, 9, 2]).unwrap();
        let weights = Tensor::from_slice(&[2, 1, 1, 2], &[1i8, -2, 3, -128]).unwrap();
        let zero = Tensor::scalar(2u8);
        let zeros = Tensor::from_slice(&[2, 1, 1, 1], &[0i8, -1]).unwrap();
        let convolution = Operator::from(IntegerConvolution {
            strides: vec![1, 2],
            dilations: vec![1, 1],
            pads: vec![(0, 0), (1, 1)],
            groups: 2,
        });
        let views = [x.view(), weights.view(), zero.view(), zeros.view()];
        let made = convolution.evaluate(&views).unwrap().remove(0);
        assert_eq!(made.shape(), [1, 2, 1, 3]);
        // Of the image without its zero point: 0 [0 1] [2 3] 0 and 0 [-1 -1] [7 0] 0.
        let expected = [0, 1 - 4, 3, 127, -4 + 7 * -127, 0];
        assert_eq!(made.as_slice::<i32>().unwrap(), expected);
    }
}
