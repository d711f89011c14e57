//! Convolution.

use crate::ReferenceError;
use crate::numbers::{read_floats, store_floats};
use ir::Conv;
use std::ops::Range;
use tensor::Tensor;

/// `y[n, o, p] = bias[o] + sum over c, k of w[o, c, k] * x[n, g(o) + c, p * stride + k * dilation
/// - pad]`, where `x` is zero outside its axes and `g(o)` is the first channel of `o`'s group.
pub(crate) fn conv(
    conv: &Conv,
    inputs: &[&Tensor],
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let (x, weights) = (read_floats(inputs[0])?, read_floats(inputs[1])?);
    let bias = inputs.get(2).map(|bias| read_floats(bias)).transpose()?;
    let (x_shape, w_shape) = (inputs[0].shape(), inputs[1].shape());
    let axes = axes(conv, x_shape, w_shape, shape);
    let (batch, in_channels) = (x_shape[0], x_shape[1]);
    let (out_channels, group_in) = (w_shape[0], w_shape[1]);
    let group_out = out_channels / conv.groups;
    let volume = |shape: &[usize]| shape[2..].iter().product::<usize>();
    let (x_plane, w_plane, y_plane) = (volume(x_shape), volume(w_shape), volume(shape));
    let mut y = vec![0.0; shape.iter().product()];
    for n in 0..batch {
        for o in 0..out_channels {
            let y = &mut y[(n * out_channels + o) * y_plane..][..y_plane];
            y.fill(bias.as_ref().map_or(0.0, |b| b[o]));
            for c in 0..group_in {
                let channel = n * in_channels + o / group_out * group_in + c;
                let x = &x[channel * x_plane..][..x_plane];
                let w = &weights[(o * group_in + c) * w_plane..][..w_plane];
                correlate(x, w, y, &axes);
            }
        }
    }
    store_floats(inputs[0].dtype(), shape, &y)
}

/// One spatial axis: where windows lie on it, and how far apart neighbours on it are.
struct Axis {
    input: usize,
    taps: usize,
    output: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    /// Elements per step along this axis, of input, kernel and output.
    inner: [usize; 3],
}

impl Axis {
    /// The windows whose tap number `tap` lies inside the input.
    fn windows(&self, tap: usize) -> Range<usize> {
        let shift = tap * self.dilation;
        let first = self.pad.saturating_sub(shift).div_ceil(self.stride);
        // The last window with window * stride + shift - pad <= input - 1, and one more.
        let end = (self.input + self.pad).saturating_sub(shift).div_ceil(self.stride);
        first..end.min(self.output)
    }
}

fn axes(conv: &Conv, x: &[usize], w: &[usize], y: &[usize]) -> Vec<Axis> {
    let inner = |shape: &[usize], axis: usize| shape[axis + 3..].iter().product();
    let axis = |axis: usize| Axis {
        input: x[axis + 2],
        taps: w[axis + 2],
        output: y[axis + 2],
        stride: conv.strides[axis],
        dilation: conv.dilations[axis],
        pad: conv.pads[axis].0,
        inner: [inner(x, axis), inner(w, axis), inner(y, axis)],
    };
    (0..x.len() - 2).map(axis).collect()
}

/// Adds the correlation of one channel to one output plane, axis by axis from the outermost.
fn correlate(x: &[f64], w: &[f64], y: &mut [f64], axes: &[Axis]) {
    let Some((axis, rest)) = axes.split_first() else {
        y[0] += w[0] * x[0];
        return;
    };
    let [x_inner, w_inner, y_inner] = axis.inner;
    for tap in 0..axis.taps {
        let w = &w[tap * w_inner..][..w_inner];
        for window in axis.windows(tap) {
            let at = window * axis.stride + tap * axis.dilation - axis.pad;
            if rest.is_empty() {
                y[window] += w[0] * x[at];
            } else {
                let x = &x[at * x_inner..][..x_inner];
                let y = &mut y[window * y_inner..][..y_inner];
                correlate(x, w, y, rest);
            }
        }
    }
}
