//! Windows that slide over axes.

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
