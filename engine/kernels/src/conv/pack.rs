//! The packed form of convolution weights.

use super::{ConvShape, Gather};
use crate::matmul::{PANEL, pack_lanes};
use half::bf16;

/// Floats that the packed weights take.
///
/// # Panics
/// When the shape is impossible.
pub fn packed_len(shape: &ConvShape) -> usize {
    shape.check_sizes();
    let panels = shape.group_out().div_ceil(PANEL);
    let [rows, columns] = shape.kernel;
    tensor::element_count(&[shape.groups, panels, rows, columns, shape.group_in(), PANEL])
        .expect("the weights fit in memory")
}

/// Packs weights `[out_c][in_c / groups][kernel rows][kernel columns]` into
/// `[group][panel of 16 output channels][tap][in_c / groups][16]`, the last panel of each group
/// filled with zeros.
///
/// # Panics
/// When a length does not fit the shape.
pub fn pack_weights(oihw: &[f32], shape: &ConvShape, out: &mut [f32]) {
    assert_eq!(out.len(), packed_len(shape), "packed weights: wrong length");
    let (group_in, group_out, taps) = (shape.group_in(), shape.group_out(), shape.taps());
    assert_eq!(oihw.len(), shape.out_c * group_in * taps, "weights: wrong length");
    let panels = group_out.div_ceil(PANEL);
    for (row, lanes) in out.chunks_exact_mut(PANEL).enumerate() {
        let (panel, rest) = (row / (taps * group_in), row % (taps * group_in));
        let (tap, channel) = (rest / group_in, rest % group_in);
        let (group, first) = (panel / panels, panel % panels * PANEL);
        for (lane, x) in lanes.iter_mut().enumerate() {
            let output = first + lane;
            *x = if output < group_out {
                oihw[((group * group_out + output) * group_in + channel) * taps + tap]
            } else {
                0.0
            };
        }
    }
}

/// Numbers of 2 bytes that the packed weights take as bf16.
///
/// # Panics
/// When the shape is impossible.
pub fn packed_bf16_len(shape: &ConvShape) -> usize {
    packed_in_lanes(shape, 2)
}

/// Bytes that the packed weights take as integers.
///
/// # Panics
/// When the shape is impossible.
pub fn packed_int8_len(shape: &ConvShape) -> usize {
    packed_in_lanes(shape, 4)
}

/// Numbers that the packed weights take, several in each lane.
fn packed_in_lanes(shape: &ConvShape, in_lane: usize) -> usize {
    shape.check_sizes();
    let panels = shape.group_out().div_ceil(PANEL);
    let (runs, k) = Gather::of(shape).runs(shape);
    tensor::element_count(&[shape.groups, panels, runs, k.div_ceil(in_lane), PANEL, in_lane])
        .expect("the weights fit in memory")
}

/// Packs weights `[out_c][in_c / groups][kernel rows][kernel columns]`, rounded to the nearest
/// bf16, into `[group][panel of 16 output channels][run][pair of products][16][2]`. A run is a tap,
/// or with few channels a row of taps; its products run over taps, then channels, the last pair
/// of an odd number filled up with a zero.
///
/// # Panics
/// When a length does not fit the shape.
pub fn pack_weights_bf16(oihw: &[f32], shape: &ConvShape, out: &mut [u16]) {
    let weight = |at: usize| bf16::from_f32(oihw[at]).to_bits();
    pack_in_lanes::<2, _>(oihw.len(), weight, shape, out);
}

/// As [`pack_weights_bf16`], integers of 8 bits by four products.
///
/// # Panics
/// When a length does not fit the shape.
pub fn pack_weights_int8(oihw: &[i8], shape: &ConvShape, out: &mut [i8]) {
    pack_in_lanes::<4, _>(oihw.len(), |at| oihw[at], shape, out);
}

/// Packs weights of which there are `count`, `IN_LANE` of a column in each lane.
fn pack_in_lanes<const IN_LANE: usize, T: Copy + Default>(
    count: usize,
    weight: impl Fn(usize) -> T,
    shape: &ConvShape,
    out: &mut [T],
) {
    assert_eq!(out.len(), packed_in_lanes(shape, IN_LANE), "packed weights: wrong length");
    let (group_in, group_out, taps) = (shape.group_in(), shape.group_out(), shape.taps());
    assert_eq!(count, shape.out_c * group_in * taps, "weights: wrong length");
    if out.is_empty() {
        return;
    }
    let (runs, k) = Gather::of(shape).runs(shape);
    let padded = k.next_multiple_of(IN_LANE);
    let each = out.len() / shape.groups;
    for (group, out) in out.chunks_exact_mut(each).enumerate() {
        let element = |row: usize, output: usize| {
            let (run, product) = (row / padded, row % padded);
            if product >= k {
                return T::default();
            }
            let (tap, channel) = (run * (k / group_in) + product / group_in, product % group_in);
            weight(((group * group_out + output) * group_in + channel) * taps + tap)
        };
        pack_lanes::<IN_LANE, _>(runs * padded, group_out, element, out);
    }
}
