//! Windows that slide over axes.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::{Op, PadMode, SliceAxis};
use tensor::Dim;

/// Padding before and after each axis so that there are `ceil(size / stride)` windows; an odd
/// element goes behind the data. `None` where a stride meets a size that is not known.
pub(crate) fn same_pads(
    spatial: &[Dim],
    kernel: &[usize],
    strides: &[usize],
    dilations: &[usize],
) -> Option<Vec<(usize, usize)>> {
    let pads = (0..kernel.len()).map(|axis| {
        let stride = strides[axis];
        let span = kernel[axis].checked_sub(1)?.checked_mul(dilations[axis])?;
        let total = match spatial.get(axis)?.known_size() {
            Some(size) => (size.div_ceil(stride).saturating_sub(1))
                .checked_mul(stride)?
                .checked_add(span + 1)?
                .saturating_sub(size),
            // With stride 1 every element starts a window, however many there are.
            None if stride == 1 => span,
            None => return None,
        };
        Some((total / 2, total - total / 2))
    });
    pads.collect()
}

/// `x[N, C, spatial…]` with the padding of [`same_pads`], also where a stride meets a size that is
/// not known: more is added than is needed, and the part cut out that is. The result needs no
/// padding.
pub(crate) fn same_padded(
    build: &mut Builder,
    x: &Operand,
    [kernel, strides, dilations]: [&[usize]; 3],
    fill: f64,
) -> Result<Operand, Reason> {
    let shape = build.fact(x).shape;
    let (mut before, mut after) = (vec![0; shape.len()], vec![0; shape.len()]);
    let mut cuts = Vec::with_capacity(kernel.len());
    for (at, size) in shape.iter().skip(2).enumerate() {
        let stride = Dim::from(strides[at]);
        let span = kernel[at].saturating_sub(1).saturating_mul(dilations[at]).saturating_add(1);
        let added = span.saturating_add(strides[at]).min(1 << 31);
        (before[at + 2], after[at + 2]) = (span.min(1 << 31) as i64, added as i64);
        let windows = size.ceil_div(&stride);
        let len = (windows - Dim::from(1)) * stride + Dim::from(span);
        let total = (len.clone() - size.clone()).maximum(&Dim::from(0));
        let start = Dim::from(span) - total.floor_div(&Dim::from(2));
        cuts.push(SliceAxis { axis: at + 2, start, len, step: 1 });
    }
    let pad = Op::Pad { before, after, mode: PadMode::Constant(fill) };
    let wide = build.emit(pad, &[x])?;
    build.emit(Op::Slice { axes: cuts }, &[&wide])
}
