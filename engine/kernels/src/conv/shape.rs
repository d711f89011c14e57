//! Sizes of a convolution.

/// Sizes of a convolution of channels-last images, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input rows.
    pub in_h: usize,
    /// Input columns.
    pub in_w: usize,
    /// Input channels, a multiple of `groups`.
    pub in_c: usize,
    /// Output rows.
    pub out_h: usize,
    /// Output columns.
    pub out_w: usize,
    /// Output channels, a multiple of `groups`.
    pub out_c: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Input rows and columns from one output to the next.
    pub strides: [usize; 2],
    /// Input rows and columns from one tap to the next.
    pub dilations: [usize; 2],
    /// Zeros around the input: top, left, bottom, right. Output sizes are given, so bottom and
    /// right only document.
    pub pads: [usize; 4],
}

/// No size may reach this: all index arithmetic then fits in an `isize`.
const SIZE_MAX: usize = 1 << 31;

impl ConvShape {
    /// Taps of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Input channels of a group.
    pub(crate) fn group_in(&self) -> usize {
        self.in_c / self.groups
    }

    /// Output channels of a group.
    pub(crate) fn group_out(&self) -> usize {
        self.out_c / self.groups
    }

    /// Pixels of all output images.
    pub(crate) fn out_pixels(&self) -> usize {
        self.batch * self.out_h * self.out_w
    }

    /// Products that each output element sums.
    pub(crate) fn depth(&self) -> usize {
        self.taps() * self.group_in()
    }

    /// Does each output pixel see the input pixel of the same place, and no other?
    pub(crate) fn is_pointwise(&self) -> bool {
        let is_one = |sizes: [usize; 2]| sizes == [1, 1];
        let is_same = self.out_h == self.in_h && self.out_w == self.in_w;
        is_one(self.kernel) && is_one(self.strides) && self.pads == [0; 4] && is_same
    }

    /// # Panics
    /// When the sizes are impossible or do not fit the lengths of input and output.
    pub(crate) fn check(&self, input: usize, output: usize) {
        self.check_sizes();
        let counted = tensor::element_count(&[self.batch, self.in_h, self.in_w, self.in_c]);
        assert_eq!(Some(input), counted, "input: N * H * W * C elements expected");
        let counted = tensor::element_count(&[self.batch, self.out_h, self.out_w, self.out_c]);
        assert_eq!(Some(output), counted, "output: N * OH * OW * OC elements expected");
    }

    /// # Panics
    /// When the sizes are impossible.
    pub(crate) fn check_sizes(&self) {
        let sizes = [self.in_h, self.in_w, self.in_c, self.out_h, self.out_w, self.out_c];
        let rest = [self.kernel, self.strides, self.dilations, [self.groups; 2]];
        let mut all = sizes.iter().chain(rest.as_flattened()).chain(&self.pads);
        assert!(all.all(|&size| size < SIZE_MAX), "a size of {self:?} is 2^31 or more");
        assert!(self.groups > 0, "no groups");
        assert!(self.in_c.is_multiple_of(self.groups), "groups do not divide input channels");
        assert!(self.out_c.is_multiple_of(self.groups), "groups do not divide output channels");
    }

    /// The input index under tap `tap` of output `out` along axis 0 (rows) or 1 (columns), or
    /// `None` in the padding.
    #[inline(always)]
    pub(crate) fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let size = if axis == 0 { self.in_h } else { self.in_w };
        let at = out * self.strides[axis] + tap * self.dilations[axis];
        let at = at.wrapping_sub(self.pads[axis]);
        (at < size).then_some(at)
    }
}
