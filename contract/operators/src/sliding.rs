//! Kernels that slide over an axis.

use tensor::Dim;

/// How a kernel slides over an axis.
pub(crate) struct Sliding {
    /// Distance between windows.
    pub(crate) stride: usize,
    /// Distance between taps of the kernel.
    pub(crate) dilation: usize,
    /// Zeros before the first and after the last element.
    pub(crate) pads: (usize, usize),
}

impl Sliding {
    /// How many windows of so many taps lie on an axis of `size` elements.
    pub(crate) fn windows(&self, size: &Dim, taps: &Dim) -> Dim {
        let span = (taps.clone() - Dim::from(1)) * Dim::from(self.dilation);
        let room = size.clone() + Dim::from(self.pads.0) + Dim::from(self.pads.1) - span;
        (room - Dim::from(1)).floor_div(&Dim::from(self.stride)) + Dim::from(1)
    }

    /// The element under a tap of a window, where there is one.
    pub(crate) fn place(&self, window: usize, tap: usize, size: usize) -> Option<usize> {
        let place = (window * self.stride + tap * self.dilation).checked_sub(self.pads.0)?;
        (place < size).then_some(place)
    }
}
