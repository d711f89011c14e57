//! The windows of ONNX DeformConv-19,22, which the products with the weights follow.

use crate::interpolation::{Taps, combine, linear, sum};
use crate::sliding::Sliding;
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_rank, require_type, same_size};
use tensor::{Dim, View, ViewMut, row_major_strides};

/// `(x[N, C, in…], offsets[N, groups * taps * A, out…], [mask[N, groups * taps, out…]])`: for each
/// window and tap of a kernel of `A` axes the element under it, moved by the offset and times the
/// mask: `[N, C, taps, out…]`. Elements between others are interpolated, those outside are zero.
/// MXNet has an older form, in which images end at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeformColumns {
    /// Sizes of the kernel.
    pub kernel: Vec<usize>,
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Distance between taps of the kernel.
    pub dilations: Vec<usize>,
    /// Zeros before the first and after the last element.
    pub pads: Vec<(usize, usize)>,
    /// Groups of channels, each of which has offsets and a mask of its own.
    pub groups: usize,
    /// Is a place before the first element zero, and one behind the last element equal to it, or
    /// do elements fade to the zeros outside?
    pub ends_at_once: bool,
}

impl Compute for DeformColumns {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let (x, offsets, mask) = match inputs {
            [x, offsets] => (x, offsets, None),
            [x, offsets, mask] => (x, offsets, Some(mask)),
            _ => return Err(RuleError::Arity { expected: "2 or 3", found: inputs.len() }),
        };
        let axes = self.kernel.len();
        for (input, fact) in inputs.iter().enumerate() {
            require_type(input, fact, |d| d == x.dtype && d.is_float(), "floats of one type")?;
            require_rank(input, fact, axes + 2)?;
            same_size("the batch", &x.shape[0], &fact.shape[0])?;
        }
        let parameters = [&self.kernel, &self.strides, &self.dilations];
        let is_whole = |sizes: &&Vec<usize>| {
            sizes.len() == axes && sizes.iter().all(|size| (1..1 << 31).contains(size))
        };
        let taps = tensor::element_count(&self.kernel);
        let is_fitting = parameters.iter().all(is_whole)
            && self.pads.len() == axes
            && self.groups > 0
            && x.shape[1].known().is_none_or(|size| size % self.groups as i64 == 0);
        let Some(taps) = taps.filter(|_| is_fitting) else {
            let (found, expected) = (format!("{self:?}"), format!("{axes} entries of 1 or more"));
            return Err(RuleError::Parameter { what: "the kernel", found, expected });
        };
        let per_group = Dim::from(self.groups) * Dim::from(taps);
        same_size("the offsets", &(per_group.clone() * Dim::from(axes)), &offsets.shape[1])?;
        if let Some(mask) = mask {
            same_size("the mask", &per_group, &mask.shape[1])?;
        }
        for axis in 0..axes {
            let (stride, dilation) = (self.strides[axis], self.dilations[axis]);
            let sliding = Sliding { stride, dilation, pads: self.pads[axis] };
            let windows = sliding.windows(&x.shape[axis + 2], &Dim::from(self.kernel[axis]));
            for fact in &inputs[1..] {
                same_size("the windows", &windows, &fact.shape[axis + 2])?;
            }
        }
        let mut shape = vec![x.shape[0].clone(), x.shape[1].clone(), Dim::from(taps)];
        shape.extend_from_slice(&offsets.shape[2..]);
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, offsets) = (numbers::read_floats(&inputs[0]), numbers::read_floats(&inputs[1]));
        let mask = inputs.get(2).map(numbers::read_floats);
        let [batch, channels] = [0, 1].map(|axis| inputs[0].shape[axis]);
        let (sizes, out) = (&inputs[0].shape[2..], &outputs[0].shape[3..]);
        let (plane, places) = (sizes.iter().product::<usize>(), out.iter().product::<usize>());
        let (axes, taps) = (sizes.len(), outputs[0].shape[2]);
        let per_group = channels / self.groups;
        let [strides, by_place, by_tap] = [sizes, out, &self.kernel].map(row_major_strides);
        let (mut each, mut under) = (vec![Taps::new(); axes], Taps::new());
        let mut made = vec![0.0; outputs[0].len()];
        for row in 0..batch * self.groups * taps {
            let (n, group, tap) = (row / taps / self.groups, row / taps % self.groups, row % taps);
            let first = n * channels + group * per_group;
            for place in 0..places {
                for (axis, taps) in each.iter_mut().enumerate() {
                    let offset = offsets[(row * axes + axis) * places + place];
                    let at = self.start(axis, [tap, place], [&by_place, &by_tap, out]) as f64;
                    taps.clear();
                    taps.extend(linear(self.within(at + offset, sizes[axis]), sizes[axis]));
                }
                combine(&each, &strides, &mut under);
                let factor = mask.as_ref().map_or(1.0, |mask| mask[row * places + place]);
                for channel in first..first + per_group {
                    let element = sum(&x[channel * plane..][..plane], &under);
                    made[(channel * taps + tap) * places + place] = element * factor;
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl DeformColumns {
    /// Where a place is read: one that counts as zero is outside by more than an element.
    fn within(&self, place: f64, size: usize) -> f64 {
        match self.ends_at_once {
            true if place < 0.0 || place >= size as f64 => -2.0,
            true => place.min(size as f64 - 1.0),
            false => place,
        }
    }

    /// Where a tap of a window lies on an axis without an offset.
    fn start(&self, axis: usize, [tap, place]: [usize; 2], shapes: [&[usize]; 3]) -> i64 {
        let [by_place, by_tap, out] = shapes;
        let window = place / by_place[axis] % out[axis] * self.strides[axis];
        let tap = tap / by_tap[axis] % self.kernel[axis];
        (window + tap * self.dilations[axis]) as i64 - self.pads[axis].0 as i64
    }
}
